# ruff: noqa: E501 - AWS's messages stand in one piece
"""Rules about a manifest as a whole: what CloudFormation would refuse of its names, its region, its outputs."""

from __future__ import annotations

import pytest

from lambent.base.diagnostics import Severity
from lambent.manifest.load import load

BODY = "{code: src, handler: app.handler, runtime: python3.13}\n"
SOUND = "stack: shop\nfunctions:\n  g: " + BODY


def told(text: str) -> list[str]:
    """Return each finding but notes as `line:column rule`."""
    found = load(text, "lambent.yaml").diagnostics
    assert all(one.span is not None for one in found)
    return [
        f"{one.span.line}:{one.span.column} {one.rule}"
        for one in found
        if one.span is not None and one.severity is not Severity.NOTE
    ]


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        pytest.param(SOUND, [], id="sound"),
        pytest.param(f"{SOUND}outputs: {{o: '${{ssm:/path}}'}}\n", [], id="an output that is looked up"),
        pytest.param("stack: a\n", ["1:8 no-resources"], id="nothing in it"),
        pytest.param(f"{SOUND}  my-fn: {BODY}  my_fn: {BODY}  myFn: {BODY}", ["5:3 logical-id", "6:3 logical-id"], id="alike"),
        pytest.param(f"{SOUND}roles:\n  g-function: {{}}\n", ["3:3 logical-id"], id="a role called like a function's own"),
        pytest.param(f"{SOUND}outputs:\n  A_b: x\n  a_b: y\n  é: z\n", ["6:3 output-name", "7:3 output-name"], id="outputs"),
        pytest.param(f"region: mars-1\n{SOUND}", ["1:9 region"], id="no region"),
        pytest.param(f"region: us-gov-west-1\n{SOUND}", [], id="a region of another partition"),
        pytest.param(
            f"{SOUND}outputs: {{leak: '${{parameters.pw}}'}}\nparameters: {{pw: {{secret: true, default: x}}}}\n",
            ["4:17 secret-output"],
            id="a secret shown",
        ),
    ],
)  # fmt: skip
def test_what_cloudformation_refuses_is_found_at_its_place(text: str, findings: list[str]) -> None:
    assert told(text) == findings


@pytest.mark.parametrize(
    ("cors", "message", "advice"),
    [
        ("max_age: 100000", "1 validation error detected: Value '100000' at 'cors.maxAge' failed to satisfy constraint: Member must have value less than or equal to 86400", "seconds"),
        ("methods: [GET, FOO]", "You can use GET, PUT, POST, DELETE, HEAD, PATCH, and the wildcard character (*).", "Write one"),
        ("methods: [get]", "Value 'get' at 'cors.allowMethods'", "Did you mean `GET`?"),
        ("methods: [OPTIONS]", "Value 'OPTIONS' at 'cors.allowMethods'", "AWS answers OPTIONS itself"),
    ],
)  # fmt: skip
def test_cross_origin_rules_are_within_awss_bounds(cors: str, message: str, advice: str) -> None:
    (found,) = load(SOUND.replace("3.13", f"3.13, url: {{cors: {{{cors}}}}}"), "lambent.yaml").diagnostics
    assert found.rule == "url-cors"
    assert message in found.message
    assert advice in found.advice


def test_a_name_with_a_blank_is_not_called_too_long() -> None:
    (found,) = load(f"{SOUND}  a b: {BODY}", "lambent.yaml").diagnostics
    assert found.rule == "function-name"
    assert "a blank in it" in found.advice
    assert "shorter" not in found.advice


def test_a_mistake_in_the_defaults_is_told_once() -> None:
    assert told(f"{SOUND}  h: {BODY}defaults: {{timeout: 9999}}\n") == ["5:21 timeout"]


@pytest.mark.parametrize(
    ("declared", "given"),
    [("pattern: '[0-9]+'", "geheim"), ("allowed: [offen, verraten]", "geheim"), ("type: number", "geheim")],
)
def test_a_secret_is_in_no_finding(declared: str, given: str) -> None:
    text = f"{SOUND}parameters: {{pw: {{secret: true, {declared}}}}}\n"
    (found,) = load(text, "lambent.yaml", settings={"pw": given}).diagnostics
    assert found.rule == "bad-parameter"
    assert not any(word in str(found) for word in ("geheim", "verraten"))
    (open_one,) = load(text.replace("true", "false"), "lambent.yaml", settings={"pw": given}).diagnostics
    assert "geheim" in open_one.message
