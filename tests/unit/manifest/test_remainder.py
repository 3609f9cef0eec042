"""One mistake does not hide the others, and none is told that comes of another."""

from __future__ import annotations

import pytest

from lambent.manifest.load import load

BODY = "code: src, handler: app.handler, runtime: python3.13"


def told(text: str) -> list[str]:
    """Return each finding as `line rule`."""
    return [f"{one.span.line if one.span else '-'} {one.rule}" for one in load(text, "lambent.yaml").diagnostics]


def test_rules_and_references_are_judged_beside_mistakes_of_form() -> None:
    text = f"""\
stack: shop
functions:
  a: {{{BODY}, memry: 1, environment: {{ROLE: "${{roles.nope.arn}}"}}}}
  b: {{{BODY}, timeout: 9999}}
  c: {{handler: app.handler}}
  d: 5
  e: {{{BODY}, layers: [{{}}, 5], policies: [5], tags: {{a: [1], b: [2]}}}}
outputs: {{o: "${{functions.c.arn}} ${{functions.d.arn}} ${{functions.e.arn}} ${{functions.z.arn}}"}}
"""
    found = told(text)
    assert {one for one in found if not one.startswith("7")} == {
        "3 unknown-key",
        "3 unknown-reference",
        "4 timeout",
        "5 missing-key",
        "6 type",
        "8 unknown-reference",
    }
    assert {one for one in found if one.startswith("7")} <= {"7 type", "7 value"}
    assert found.count("8 unknown-reference") == 1


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        pytest.param(
            f"stack: a\nfunction:\n  g: {{{BODY}}}\noutputs: {{o: '${{functions.g.arn}}'}}\n",
            ["2 unknown-key"],
            id="a section's name",
        ),
        pytest.param(
            "stack: a\nfunctions:\n  g: {code: src, handlr: a.b, runtime: python3.13}\n",
            ["3 unknown-key"],
            id="the handler's key",
        ),
        pytest.param(
            "stack: a\ndefaults: {rntime: python3.13}\nfunctions:\n  g: {code: src, handler: app.handler}\n",
            ["2 unknown-key"],
            id="a default's key",
        ),
        pytest.param("functions: []\nstack: 5\n", ["1 type", "2 type"], id="a whole section"),
    ],
)
def test_nothing_is_found_that_comes_of_what_was_taken_out(text: str, findings: list[str]) -> None:
    assert told(text) == findings


def test_the_form_of_overlays_is_judged_without_asking_for_them() -> None:
    text = (
        f"stack: a\nfunctions:\n  g: {{{BODY}}}\nenvironments:\n"
        "  prod:\n    functions: {g: {memori: 2, timeout: soon}}\n  dev: 5\n  test: {functions: {g: {memory: 256}}}\n"
    )
    assert told(text) == ["6 unknown-key", "6 type", "7 type"]


def test_null_in_an_overlay_takes_a_resource_a_tag_or_a_variable_away() -> None:
    text = f"""\
stack: a
tags: {{a: x, b: y}}
functions:
  g: {{{BODY}, tags: {{c: d}}, environment: {{AA: b}}}}
  h: {{{BODY}}}
environments:
  dev: {{functions: {{g: {{tags: {{c: null}}, environment: {{AA: null}}}}, h: null}}, tags: {{a: null}}}}
  bad: {{functions: {{hh: null}}}}
"""
    system = load(text, "lambent.yaml", environment="dev").system
    assert system is not None
    assert [*system.functions] == ["g"]
    assert [*system.tags] == ["b"]
    assert (system.functions["g"].tags, system.functions["g"].environment) == ({}, {})
    assert [one.rule for one in load(text, "lambent.yaml", environment="bad").diagnostics] == ["type"]
