"""The parameters that were before expressions, as the trees that expressions become.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.dynamodb.errors import invalid, invalid_values
from lambent.cloud.services.dynamodb.model.expressions.key_conditions import KeyTest
from lambent.cloud.services.dynamodb.model.expressions.syntax import (
    Between,
    Both,
    Call,
    Change,
    Comparison,
    Condition,
    Constant,
    Either,
    In,
    Not,
    Path,
    Update,
)
from lambent.cloud.services.dynamodb.model.values import Value, checked

_LEGACY = (
    "AttributesToGet", "AttributeUpdates", "ConditionalOperator", "Expected", "KeyConditions", "QueryFilter",
    "ScanFilter",
)  # fmt: skip
_EXPRESSIONS = (
    "ConditionExpression", "FilterExpression", "KeyConditionExpression", "ProjectionExpression", "UpdateExpression",
)  # fmt: skip
_SIGNS = {"EQ": "=", "NE": "<>", "LE": "<=", "LT": "<", "GE": ">=", "GT": ">"}
_KEY_OPERATORS = {**_SIGNS, "BETWEEN": "BETWEEN", "BEGINS_WITH": "begins_with"}
Test = Callable[[Path, Sequence[Constant]], Condition]


def check_not_mixed(parameters: Parameters) -> None:
    """Raise ValidationException where a request has parameters of both kinds."""
    old = [name for name in _LEGACY if parameters.get(name) is not None]
    if not old:
        return
    new = [name for name in _EXPRESSIONS if parameters.get(name) is not None]
    if new:
        raise invalid(
            "Can not use both expression and non-expression parameters in the same request: Non-expression "
            f"parameters: {{{', '.join(old)}}} Expression parameters: {{{', '.join(new)}}}"
        )


def attributes_to_get(parameters: Parameters) -> tuple[Path, ...] | None:
    """Return the paths that AttributesToGet means, or None."""
    names = parameters.get("AttributesToGet")
    if names is None:
        return None
    if len(set(names)) < len(names):
        raise invalid_values(f"Duplicate value in attribute name: {next(n for n in names if names.count(n) > 1)}")
    return tuple(Path((name,)) for name in names)


def attribute_updates(parameters: Parameters) -> Update:
    """Return the changes that AttributeUpdates means."""
    return tuple(_change(name, update) for name, update in (parameters.get("AttributeUpdates") or {}).items())


def _change(name: str, update: Parameters) -> Change:
    action, path = update.get("Action", "PUT"), Path((name,))
    if "Value" not in update:
        if action != "DELETE":
            raise invalid_values("Only DELETE action is allowed when no attribute value is specified")
        return Change("REMOVE", path)
    return Change("SET" if action == "PUT" else action, path, Constant(checked(update["Value"])))


def expected(parameters: Parameters) -> Condition | None:
    """Return the condition that Expected means, or None."""
    tests = []
    for name, test in (parameters.get("Expected") or {}).items():
        if "ComparisonOperator" in test:
            tests.append(_test(name, test))
        elif test.get("Exists") is False:
            if "Value" in test:
                raise invalid_values(f"Value cannot be used when Exists is false for Attribute: {name}")
            tests.append(Call("attribute_not_exists", (Path((name,)),)))
        elif "Value" not in test:
            raise invalid_values(f"Value must be provided when Exists is true for Attribute: {name}")
        else:
            tests.append(Comparison("=", Path((name,)), Constant(checked(test["Value"]))))
    return _joined(tests, parameters)


def filter_of(parameters: Parameters, name: str) -> Condition | None:
    """Return the condition that QueryFilter or ScanFilter means, or None."""
    return _joined([_test(attribute, test) for attribute, test in (parameters.get(name) or {}).items()], parameters)


def key_tests(parameters: Parameters) -> list[KeyTest] | None:
    """Return what KeyConditions asks of each attribute, or None."""
    conditions = parameters.get("KeyConditions")
    if conditions is None:
        return None
    found = []
    for name, test in conditions.items():
        operator = test["ComparisonOperator"]
        if operator not in _KEY_OPERATORS or operator == "NE":
            raise invalid("Attempted conditional constraint is not an indexable operation")
        found.append(KeyTest(name, _KEY_OPERATORS[operator], tuple(_values(test))))
    return found


def _values(test: Parameters) -> list[Value]:
    operator = test["ComparisonOperator"]
    values = [
        checked(value) for value in test.get("AttributeValueList") or ([test["Value"]] if "Value" in test else [])
    ]
    wanted = {"NULL": 0, "NOT_NULL": 0, "BETWEEN": 2}.get(operator, 1)
    if (operator == "IN" and not values) or (operator != "IN" and len(values) != wanted):
        raise invalid_values(f"Invalid number of argument(s) for the {operator} ComparisonOperator")
    return values


def _test(name: str, test: Parameters) -> Condition:
    operator, path = test["ComparisonOperator"], Path((name,))
    values = [Constant(value) for value in _values(test)]
    if operator in _SIGNS:
        return Comparison(_SIGNS[operator], path, values[0])
    return _TESTS[operator](path, values)


_TESTS: Mapping[str, Test] = {
    "NULL": lambda path, _: Call("attribute_not_exists", (path,)),
    "NOT_NULL": lambda path, _: Call("attribute_exists", (path,)),
    "CONTAINS": lambda path, values: Call("contains", (path, values[0])),
    # What is not there contains nothing, but does not count as an attribute without it either.
    "NOT_CONTAINS": lambda path, values: Both(
        Call("attribute_exists", (path,)), Not(Call("contains", (path, values[0])))
    ),
    "BEGINS_WITH": lambda path, values: Call("begins_with", (path, values[0])),
    "BETWEEN": lambda path, values: Between(path, values[0], values[1]),
    "IN": lambda path, values: In(path, tuple(values)),
}


def _joined(tests: Sequence[Condition], parameters: Parameters) -> Condition | None:
    if not tests:
        return None
    join = Either if parameters.get("ConditionalOperator") == "OR" else Both
    return reduce(join, tests)
