from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.dynamodb.model.expressions.binding import Bindings
from lambent.cloud.services.dynamodb.model.expressions.conditions import holds
from lambent.cloud.services.dynamodb.model.expressions.parser import (
    parse_condition,
    parse_projection,
    parse_update,
)
from lambent.cloud.services.dynamodb.model.expressions.syntax import (
    Both,
    Call,
    Comparison,
    Condition,
    Either,
    Not,
    Path,
    Placeholder,
)

ITEM: dict[str, Any] = {  # Any: attribute values
    "n": {"N": "5"},
    "s": {"S": "hello"},
    "b": {"B": b"ab"},
    "l": {"L": [{"N": "1"}, {"M": {"x": {"S": "y"}}}]},
    "tags": {"SS": ["a", "b"]},
    "yes": {"BOOL": True},
}
VALUES: dict[str, Any] = {  # Any: as above
    ":5": {"N": "5"}, ":6": {"N": "6"}, ":he": {"S": "he"}, ":a": {"S": "a"}, ":y": {"S": "y"}, ":one": {"N": "1"},
    ":M": {"S": "M"}, ":sa": {"SS": ["b", "a"]}, ":true": {"BOOL": True},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n = :5", True),
        ("n <> :5", False),
        ("gone <> :5", True),
        ("gone = :5", False),
        ("n < :6 AND n >= :5", True),
        ("s < :6", False),
        ("n BETWEEN :5 AND :6", True),
        ("n IN (:6, :5)", True),
        ("NOT n = :6 AND s = :he OR n = :5", True),
        ("NOT (n = :5 OR s = :he)", False),
        ("begins_with(s, :he)", True),
        ("contains(s, :he) and contains(tags, :a) AND contains(l, :one)", True),
        ("contains(tags, :he)", False),
        ("attribute_exists(l[1].x) AND attribute_not_exists(l[2])", True),
        ("attribute_type(l[1], :M)", True),
        ("size(s) = :5 AND size(l) < :5 AND size(b) < :5", True),
        ("l[1].x = :y", True),
        ("tags = :sa", True),
        ("yes = :true", True),
        ("(n)between(:5)and(:6)", True),
        ("(n) in (:6, (:5))", True),
        (":5 = (n) AND ((n = :5) OR (n = :6))", True),
        ("a < :5 " + "OR (n = :5 " * 149 + ")" * 149, True),
    ],
)
def test_conditions_hold_as_aws_says(text: str, expected: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert holds(Bindings(None, VALUES).condition(text), ITEM) is expected


WRONG = {
    "n = :5 garbage": 'Syntax error; token: "garbage", near: ":5 garbage"',
    "n = ": 'Syntax error; token: "<EOF>", near: "="',
    "((n = :5))": "The expression has redundant parentheses;",
    "size(n)": "The function is not allowed to be used this way in an expression; function: size",
    "nope(n)": "Invalid function name; function: nope",
    "begins_with(n)": "Incorrect number of operands for operator or function; operator or function: begins_with, "
    "number of operands: 1",
    "begins_with(s, :5)": "Incorrect operand type for operator or function; operator or function: begins_with, operand "
    "type: N",
    "n < :true": "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
    "attribute_exists(:5)": "Operator or function requires a document path; operator or function: attribute_exists",
    "attribute_type(n, :a)": "Invalid attribute type name found; type: a, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
    "n = n": "The first operand must be distinct from the remaining operands for this operator or function; operator: "
    "=, first operand: [n]",
    "if_not_exists(n, :5) = :5": "The function is not allowed in a condition expression; function: if_not_exists",
    " ": "The expression can not be empty;",
    "(" * 600 + "n = :5" + ")" * 600: "The expression has redundant parentheses;",
    "NOT (" * 400 + "n = :5" + ")" * 400: "The expression contains too many operators; operator count: 301",
    "NOT " * 1000 + "n = :5": "The expression contains too many operators; operator count: 301",
    " OR ".join(["n = :5"] * 400): "The expression contains too many operators; operator count: 301",
    f"n IN ({', '.join([':5'] * 101)})": "The IN operator is provided with too many operands; number of operands: 101",
    "n < " + "f(" * 1355 + "b" + ")" * 1355: "Invalid function name; function: f",
    "n < " + "size(" * 680 + "b" + ")" * 680: "The function is not allowed to be used this way in an expression; "
    "function: size",
    "n" + ".n" * 32 + " = :5": "The document path has too many nesting levels; nesting levels: 33",
    "n[9999999999] = :5": "List index is not within the allowable range; index: [9999999999]",
    "attribute_exists(n) = :true": "The function is not allowed to be used this way in an expression; function: "
    "attribute_exists",
    "n between s and attribute_exists(n)": "The function is not allowed to be used this way in an expression; "
    "function: attribute_exists",
    "contains(s, s)": "The first operand must be distinct from the remaining operands for this operator or function; "
    "operator: contains, first operand: [s]",
    "begins_with(s, size(n))": "Incorrect operand type for operator or function; operator or function: begins_with, "
    "operand type: N",
    "size(size(s)) > :5": "Incorrect operand type for operator or function; operator or function: size, operand type: "
    "N",
}


@pytest.mark.parametrize("text", WRONG)
def test_conditions_that_are_none_are_refused_in_the_words_of_aws(text: str) -> None:
    with pytest.raises(ServiceError) as raised:
        Bindings(None, VALUES).condition(text)
    assert raised.value.message == f"Invalid ConditionExpression: {WRONG[text]}"


names = st.sampled_from(["alpha", "beta", "#n"])
parts = st.one_of(names, st.integers(0, 20))
paths = st.builds(lambda first, rest: Path((first, *rest)), names, st.lists(parts, max_size=3))
operands = st.one_of(paths, st.sampled_from([Placeholder(":v"), Placeholder(":w1")]))
leaves: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Comparison, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), operands, operands),
    st.builds(lambda path: Call("attribute_exists", (path,)), paths),
    st.builds(lambda path, other: Call("contains", (path, other)), paths, operands),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    leaves,
    lambda inner: st.one_of(st.builds(Both, inner, inner), st.builds(Either, inner, inner), st.builds(Not, inner)),
    max_leaves=6,
)


def shown(node: Any) -> str:  # Any: a tree
    match node:
        case Path(path_parts):
            text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path_parts)
            return text.removeprefix(".")
        case Placeholder(name):
            return name
        case Comparison(operator, left, right):
            return f"{shown(left)} {operator} {shown(right)}"
        case Call(function, found):
            return f"{function}({', '.join(map(shown, found))})"
        case Not(inner):
            return f"NOT {bracketed(inner)}"
        case Both(left, right):
            return f"{bracketed(left)} AND {bracketed(right)}"
        case _:
            return f"{bracketed(node.left)} or {bracketed(node.right)}"


def bracketed(node: Any) -> str:  # Any: as above
    return f"({shown(node)})" if isinstance(node, Both | Either | Not) else shown(node)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(conditions)
def test_a_condition_that_is_written_down_is_read_as_it_was(condition: Condition) -> None:
    assert parse_condition(shown(condition)) == condition


def test_no_expression_is_too_deep_to_be_refused() -> None:
    deep = ("(", "(" * 4000, "((((((a) b) b) b) b", "(" * 1300 + "n" + ") n" * 900, "n < size(" + "(" * 2000)
    for text in (*deep, *(f"SET n = {one}" for one in (*deep, "(" * 900 + "n" + " + n)" * 600))):
        with pytest.raises(ServiceError):
            parse_update(text) if text.startswith("SET") else parse_condition(text)


@given(st.text(alphabet="ab#:1 =<>()[],.+-SETADDREMOVE", max_size=40))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    for parse in (parse_condition, parse_update, parse_projection):
        with suppress(ServiceError):
            parse(text)
