from __future__ import annotations

import pytest

from lambent.template.document import TemplateError
from lambent.template.dynamic_references import plain_keys

KIND = "AWS::Lambda::Function"


def test_the_parameters_asked_for_are_told_once_each() -> None:
    properties = {
        "A": "{{resolve:ssm:/a}}-{{resolve:ssm:/b:3}}",
        "B": [{"C": "{{resolve:ssm:/a}}"}, "{{resolve:secretsmanager:s:SecretString:k}}"],
    }
    assert plain_keys(KIND, properties) == ["/a", "/b:3"]


def test_secrets_may_stand_where_aws_takes_them() -> None:
    assert plain_keys("AWS::IAM::User", {"LoginProfile": {"Password": "{{resolve:ssm-secure:/p:1}}"}}) == []
    with pytest.raises(TemplateError) as refused:
        plain_keys(KIND, {"Environment": {"Variables": {"P": "{{resolve:ssm-secure:/p:1}}"}}})
    assert str(refused.value) == (
        "SSM Secure reference is not supported in: [AWS::Lambda::Function/Properties/Environment/Variables/P]"
    )


@pytest.mark.parametrize("text", ["{{resolve:ssm:/a:live}}", "{{resolve:ssm:}}", "{{resolve:ssm-secure:/a:1:2}}"])
def test_a_reference_of_the_wrong_form_is_refused(text: str) -> None:
    with pytest.raises(TemplateError) as refused:
        plain_keys(KIND, {"P": text})
    assert str(refused.value) == f"Incorrect format is used in the following SSM reference: [{text}]"
