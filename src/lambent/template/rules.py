"""The Rules section: what a template asserts of its parameters before anything is made.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html

`Fn::RefAll`, `Fn::ValueOf` and `Fn::ValueOfAll` ask for what an account has: `account_types` tells which kinds of
things, and whoever evaluates the rules looks them up beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from lambent.template.document import Parameter, TemplateError, Value, as_text

# What there is of a parameter type: attributes (`VpcId`, `Tags.Team`) by id.
Things = Mapping[str, Mapping[str, str]]
_ALLOWED = frozenset({
    "Ref", "Fn::And", "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn", "Fn::Equals", "Fn::Not", "Fn::Or",
    "Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll",
})  # fmt: skip
_FEWEST, _MOST = 2, 10


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules are evaluated against: parameters as declared, values as Ref returns them, what the account has."""

    declared: Mapping[str, Parameter]
    values: Mapping[str, Value]
    account: Mapping[str, Things] = field(default_factory=dict)


def check_rules(rules: Mapping[str, Value], facts: Facts) -> None:
    """Raise TemplateError for the first assertion that does not hold, with what its description says."""
    check_form(rules)
    for name, rule in rules.items():
        if "RuleCondition" in rule and not _truth(rule["RuleCondition"], facts):
            continue
        for assertion in rule["Assertions"]:
            if not _truth(assertion["Assert"], facts):
                said = assertion.get("AssertDescription") or "an assertion does not hold."
                raise TemplateError(f"Template error: Rule {name} failed: {as_text(said)}")


def check_form(rules: Mapping[str, Value]) -> None:
    """Raise TemplateError where rules are not of the form that AWS takes."""
    used = dict.fromkeys(name for name in _functions(list(rules.values())) if name not in _ALLOWED)
    if used:
        raise TemplateError(f"Template format error: Following functions are not supported in the Rules block of the template: [{', '.join(used)}]")  # fmt: skip  # noqa: E501 - a message in one piece
    for name, rule in rules.items():
        assertions = rule.get("Assertions") if isinstance(rule, Mapping) else None
        if not isinstance(assertions, list) or not assertions:
            raise TemplateError(f"Template format error: Rule {name} must contain a list of Assertions.")
        if not all(isinstance(one, Mapping) and isinstance(one.get("Assert"), Mapping) for one in assertions):
            raise TemplateError(f"Template format error: Every assertion of rule {name} must contain an Assert.")


def account_types(rules: Mapping[str, Value], declared: Mapping[str, Parameter]) -> frozenset[str]:
    """Return the parameter types whose things the rules ask about."""
    return frozenset(_types(list(rules.values()), declared))


def _types(value: Value, declared: Mapping[str, Parameter]) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _types(one, declared)
    if not isinstance(value, Mapping):
        return
    for key, inner in value.items():
        match key, inner:
            case "Fn::RefAll", str(kind):
                yield kind
            case "Fn::ValueOfAll", [str(kind), str()]:
                yield kind
            case "Fn::ValueOf", [str(name), str()] if name in declared:
                yield declared[name].item_type
            case _:
                yield from _types(inner, declared)


def _functions(value: Value) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _functions(one)
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key.startswith("Fn::") or key == "Condition":
                yield key
            yield from _functions(inner)


def _truth(value: Value, facts: Facts) -> bool:
    found = _evaluate(value, facts)
    if isinstance(found, bool):
        return found
    raise TemplateError("Template format error: Rules can only be boolean operations on parameters.")


def _evaluate(value: Value, facts: Facts) -> Value:
    if isinstance(value, list):
        return [_evaluate(one, facts) for one in value]
    if not isinstance(value, Mapping):
        return value
    if len(value) != 1:
        raise TemplateError("Template format error: Rules can only be boolean operations on parameters.")
    name, argument = next(iter(value.items()))
    function = _FUNCTIONS.get(name)
    if function is None:
        raise TemplateError(f"Template format error: Following functions are not supported in the Rules block of the template: [{name}]")  # fmt: skip  # noqa: E501 - a message in one piece
    return function(argument, facts)


def _ref(name: Value, facts: Facts) -> Value:
    if not isinstance(name, str):
        raise TemplateError("Template format error: All References must be of type string.")
    if name not in facts.values:
        raise TemplateError(f"Template format error: Unresolved dependencies [{name}]. Cannot reference resources in the Rules block of the template")  # fmt: skip  # noqa: E501 - a message in one piece
    return facts.values[name]


def _terms(name: str, argument: Value, facts: Facts) -> list[bool]:
    if not (isinstance(argument, list) and _FEWEST <= len(argument) <= _MOST):
        raise TemplateError(f"Template error: every {name} object requires a list of at least {_FEWEST} and at most {_MOST} boolean parameters.")  # fmt: skip  # noqa: E501 - a message in one piece
    return [_truth(one, facts) for one in argument]


def _not(argument: Value, facts: Facts) -> bool:
    if not (isinstance(argument, list) and len(argument) == 1):
        raise TemplateError("Template error: Fn::Not requires a list argument with one element")
    return not _truth(argument[0], facts)


def _equals(argument: Value, facts: Facts) -> bool:
    first, second = (_evaluate(one, facts) for one in _pair("Fn::Equals", argument))
    if isinstance(first, list) or isinstance(second, list):
        return bool(first == second)
    return as_text(first) == as_text(second)


def _contains(argument: Value, facts: Facts) -> bool:
    items, wanted = _pair("Fn::Contains", argument)
    return as_text(_evaluate(wanted, facts)) in _texts("Fn::Contains", items, facts)


def _each_equals(argument: Value, facts: Facts) -> bool:
    items, wanted = _pair("Fn::EachMemberEquals", argument)
    text = as_text(_evaluate(wanted, facts))
    return all(one == text for one in _texts("Fn::EachMemberEquals", items, facts))


def _each_in(argument: Value, facts: Facts) -> bool:
    items, allowed = (_texts("Fn::EachMemberIn", one, facts) for one in _pair("Fn::EachMemberIn", argument))
    return all(one in allowed for one in items)


def _ref_all(kind: Value, facts: Facts) -> list[str]:
    if not isinstance(kind, str):
        raise TemplateError("Template error: every Fn::RefAll object requires the name of a parameter type.")
    return list(facts.account.get(kind, ()))


def _value_of(argument: Value, facts: Facts) -> Value:
    name, attribute = _names("Fn::ValueOf", argument)
    if name not in facts.declared:
        raise TemplateError(f"Template error: Fn::ValueOf references undefined parameter {name}")
    parameter = facts.declared[name]
    found = _attributes(parameter, attribute, facts)
    return found if parameter.is_list else next(iter(found), "")


def _value_of_all(argument: Value, facts: Facts) -> list[str]:
    """Return the attribute of every thing that a parameter of the type names."""
    kind, attribute = _names("Fn::ValueOfAll", argument)
    return [
        found
        for parameter in facts.declared.values()
        if parameter.item_type == kind
        for found in _attributes(parameter, attribute, facts)
    ]


def _attributes(parameter: Parameter, attribute: str, facts: Facts) -> list[str]:
    value = facts.values.get(parameter.name, "")
    things = facts.account.get(parameter.item_type, {})
    names = value if isinstance(value, list) else [value]
    return [things.get(as_text(one), {}).get(attribute, "") for one in names]


def _texts(function: str, value: Value, facts: Facts) -> list[str]:
    found = _evaluate(value, facts)
    if not isinstance(found, list):
        raise TemplateError(f"Template error: every {function} object requires a list of strings.")
    return [as_text(one) for one in found]


def _names(function: str, argument: Value) -> list[str]:
    pair = _pair(function, argument)
    if not all(isinstance(one, str) for one in pair):
        raise TemplateError(f"Template error: no function can be used within {function}.")
    return pair


def _pair(function: str, argument: Value) -> list[Value]:
    if not (isinstance(argument, list) and len(argument) == 2):
        raise TemplateError(f"Template error: {function} requires a list argument with two elements")
    return argument


_FUNCTIONS: Mapping[str, Callable[[Value, Facts], Value]] = {
    "Ref": _ref,
    "Fn::And": lambda argument, facts: all(_terms("Fn::And", argument, facts)),
    "Fn::Or": lambda argument, facts: any(_terms("Fn::Or", argument, facts)),
    "Fn::Not": _not,
    "Fn::Equals": _equals,
    "Fn::Contains": _contains,
    "Fn::EachMemberEquals": _each_equals,
    "Fn::EachMemberIn": _each_in,
    "Fn::RefAll": _ref_all,
    "Fn::ValueOf": _value_of,
    "Fn::ValueOfAll": _value_of_all,
}
