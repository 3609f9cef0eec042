"""Code signing configurations, by themselves."""

from __future__ import annotations

import pytest

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_.model.code_signing import CodeSigningConfig, check_signable, config_id
from lambent.cloud.store.scope import Scope

HERE = Scope("123456789012", "us-east-1")
KEY = "csc-0123456789abcdef0"


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (f"arn:aws:lambda:us-east-1:123456789012:code-signing-config:{KEY}", KEY),
        (f"arn:aws:lambda:eu-west-1:123456789012:code-signing-config:{KEY}", None),
        (f"arn:aws:lambda:us-east-1:999999999999:code-signing-config:{KEY}", None),
        (f"arn:aws:lambda:us-east-1:123456789012:code-signing-config:{KEY}0", None),
        ("arn:aws:lambda:us-east-1:123456789012:function:f", None),
    ],
)
def test_only_the_scopes_own_configurations_have_an_id(arn: str, expected: str | None) -> None:
    assert config_id(arn, HERE) == expected


def test_arn_and_id_belong_together() -> None:
    made = CodeSigningConfig(HERE, KEY, ("p",), last_modified=0.0)
    assert config_id(made.arn, HERE) == KEY


def test_unsigned_artifact_passes_a_warning_and_no_enforcement() -> None:
    CodeSigningConfig(HERE, KEY, ("p",), last_modified=0.0, policy="Warn").check_unsigned("f")
    with pytest.raises(ServiceError, match=r"CodeVerificationFailedException: .* signature for f\.") as refused:
        CodeSigningConfig(HERE, KEY, ("p",), last_modified=0.0, policy="Enforce").check_unsigned("f")
    assert refused.value.status == 400


def test_images_are_not_signable_and_packages_are() -> None:
    check_signable("Zip")
    with pytest.raises(ServiceError, match="container images"):
        check_signable("Image")
