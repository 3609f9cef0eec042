"""Which inline code gets CloudFormation's response module."""

from __future__ import annotations

import pytest

from lambent.cloud.services.cloudformation.resources.cfnresponse import beside


@pytest.mark.parametrize(
    ("name", "code", "module"),
    [
        ("index.py", "import json\nimport cfnresponse\n", "cfnresponse.py"),
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-lambda-function-code-cfnresponsemodule.html
        ("index.py", "from cfnresponse import send\n", None),
        ("index.js", "const r = require('cfn-response');", "cfn-response.js"),
        ("index.js", 'var r = require("cfn-response")', "cfn-response.js"),
        ("index.js", "exports.handler = async () => 1", None),
    ],
)
def test_only_code_that_asks_for_it_gets_the_module(name: str, code: str, module: str | None) -> None:
    found = beside(name, code)
    assert (found and found[0]) == module
