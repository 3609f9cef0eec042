from __future__ import annotations

import pytest

from lambent.template.codec import parse
from lambent.template.document import TemplateError
from lambent.template.json_text import to_json

_SHORT = """\
Resources:
  A:
    Type: X
    Properties:
      One: !Ref B
      Two: !GetAtt B.Arn.More
      Three: !Sub "${B}-x"
      Four: !Join ["", [a, !Ref B]]
      Date: 2012-10-17
"""


def test_short_tags_are_written_out_and_dates_stay_text() -> None:
    assert parse(_SHORT)["Resources"]["A"]["Properties"] == {
        "One": {"Ref": "B"},
        "Two": {"Fn::GetAtt": ["B", "Arn.More"]},
        "Three": {"Fn::Sub": "${B}-x"},
        "Four": {"Fn::Join": ["", ["a", {"Ref": "B"}]]},
        "Date": "2012-10-17",
    }


def test_a_byte_order_mark_and_windows_line_ends_change_nothing() -> None:
    assert parse("\ufeff" + _SHORT.replace("\n", "\r\n")) == parse(_SHORT)


def test_what_is_written_reads_as_it_was() -> None:
    document = parse(_SHORT)
    assert parse(to_json(document)) == document


def test_a_key_said_twice_is_refused() -> None:
    with pytest.raises(TemplateError, match="duplicate key 'A'"):
        parse("A: 1\nA: 2\n")


@pytest.mark.parametrize("text", ["{", "a: [", "- a\n- b\n"])
def test_text_that_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(TemplateError, match=r"^Template format error: "):
        parse(text)


def test_json_that_says_a_key_twice_is_refused() -> None:
    with pytest.raises(TemplateError, match="duplicate key 'A'"):
        parse('{"Resources": {"A": {"Type": "X"}, "A": {"Type": "Y"}}}')


def test_aliases_are_refused_as_cloudformation_refuses_them() -> None:
    text = "A: &a [1]\nB: *a\n"
    with pytest.raises(TemplateError) as refused:
        parse(text)
    assert str(refused.value) == "Template error: YAML aliases are not allowed in CloudFormation templates"
    assert parse(text, allow_aliases=True) == {"A": [1], "B": [1]}


@pytest.mark.parametrize(
    "text", ["A: " + "[" * 3000 + "]" * 3000, '{"A":' * 200 + "1" + "}" * 200, '{"A":' * 90_000, "A: &a\n  B: *a\n"]
)
def test_what_is_nested_without_end_is_refused(text: str) -> None:
    with pytest.raises(TemplateError, match=r"levels deep|stands inside of what it names"):
        parse(text, allow_aliases=True)
