"""What the intrinsics of a template come to, given parameters, conditions, resources that exist, and exports.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html

A value that is only known once another resource has been made is `UNKNOWN`, alone or inside text.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from lambent.template.document import TemplateError, Value, as_text

UNKNOWN: Final = "{{changeSet:KNOWN_AFTER_APPLY}}"
_PLACEHOLDER = re.compile(r"\$\{(!?)\s*([^}]*?)\s*\}")
_NO_VALUE = "AWS::NoValue"
_MOST_BLOCKS = 256
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_KNOWN = (
    "Fn::Base64, Fn::GetAtt, Fn::GetAZs, Fn::ImportValue, Fn::Join, Fn::Split, Fn::FindInMap, Fn::Select, Ref, "
    "Fn::Equals, Fn::If, Fn::Not, Condition, Fn::And, Fn::Or, Fn::Contains, Fn::EachMemberEquals, Fn::EachMemberIn, "
    "Fn::ValueOf, Fn::ValueOfAll, Fn::RefAll, Fn::Sub, Fn::Cidr"
)


class _Nothing:
    """What `AWS::NoValue` comes to: the property, or the item of a list, is left out."""


_NOTHING: Final = _Nothing()


class Resources(Protocol):
    """The resources that Ref and Fn::GetAtt may name."""

    def __contains__(self, logical_id: object, /) -> bool:
        """Whether the template has the resource, and its condition holds."""

    def ref(self, logical_id: str) -> Value:
        """Return what Ref of the resource returns, or UNKNOWN."""

    def attribute(self, logical_id: str, name: str) -> Value:
        """Return what Fn::GetAtt returns, or UNKNOWN. Raises TemplateError for an attribute the type does not have."""


class NoResources:
    """No resource at all: for conditions, parameters of transforms, and names of exports known beforehand."""

    def __contains__(self, logical_id: object, /) -> bool:
        return False

    def ref(self, logical_id: str) -> Value:
        """Raise: there is none."""
        raise TemplateError(_unresolved(logical_id, "Resources"))

    def attribute(self, logical_id: str, name: str) -> Value:
        """Raise: there is none."""
        raise TemplateError(_unresolved(logical_id, "Resources"))


def _no_exports(name: str) -> Value:
    raise TemplateError(f"No export named {name} found")


@dataclass(frozen=True, slots=True)
class Environment:
    """What intrinsics are evaluated against.

    `parameters` has the pseudo parameters too, list types as lists. `zones` are the region's, for Fn::GetAZs. `block`
    is the section that is evaluated, for messages.
    """

    parameters: Mapping[str, Value] = field(default_factory=dict)
    mappings: Mapping[str, Value] = field(default_factory=dict)
    conditions: Mapping[str, Value] = field(default_factory=dict)
    resources: Resources = field(default_factory=NoResources)
    export: Callable[[str], Value] = _no_exports
    zones: Sequence[str] = ()
    block: str = "Resources"


def evaluate(value: Value, environment: Environment) -> Value:
    """Return the value without intrinsics. Raises TemplateError, in AWS's words, for one that cannot be evaluated.

    Mappings and lists lose what comes to `AWS::NoValue`; a value that is nothing but that comes to None.
    """
    found = _evaluate(value, environment)
    return None if found is _NOTHING else found


def holds(name: str, environment: Environment) -> bool:
    """Return whether the named condition holds. Raises TemplateError where there is none of that name."""
    if name not in environment.conditions:
        raise TemplateError(f"Template error: unresolved condition dependency {name} in the Conditions block.")
    return _truth(_evaluate(environment.conditions[name], environment), name)


def _evaluate(value: Value, environment: Environment) -> Value:
    if isinstance(value, list):
        return [found for one in value if (found := _evaluate(one, environment)) is not _NOTHING]
    if not isinstance(value, Mapping):
        return value
    if len(value) == 1:
        name, argument = next(iter(value.items()))
        if name == "Ref":
            return _ref(argument, environment)
        # Policy documents have a Condition of their own, whose value is a map.
        if name == "Condition" and isinstance(argument, str):
            return holds(argument, environment)
        if name.startswith("Fn::"):
            return _function(name, argument, environment)
    return {key: found for key, inner in value.items() if (found := _evaluate(inner, environment)) is not _NOTHING}


def _function(name: str, argument: Value, environment: Environment) -> Value:
    function = FUNCTIONS.get(name)
    if function is None:
        raise TemplateError(unsupported(name))
    return function(argument, environment)


def unsupported(name: str) -> str:
    """Return what AWS says of a function that there is not."""
    return f"Template error: Encountered unsupported function: {name} Supported functions are: [{_KNOWN}]"


def _ref(name: Value, environment: Environment) -> Value:
    if not isinstance(name, str):
        raise TemplateError("Template format error: All References must be of type string.")
    if name == _NO_VALUE:
        return _NOTHING
    if name in environment.parameters:
        return environment.parameters[name]
    if name in environment.resources:
        return environment.resources.ref(name)
    raise TemplateError(_unresolved(name, environment.block))


def _unresolved(name: str, block: str) -> str:
    return f"Template format error: Unresolved resource dependencies [{name}] in the {block} block of the template"


def _get_att(argument: Value, environment: Environment) -> Value:
    if isinstance(argument, str):
        argument = argument.split(".", 1)
    if not (isinstance(argument, list) and len(argument) == 2 and isinstance(argument[0], str) and all(argument)):
        raise TemplateError(
            "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the "
            "resource attribute"
        )
    logical_id, attribute = argument[0], _evaluate(argument[1], environment)
    if logical_id not in environment.resources:
        raise TemplateError(_unresolved(logical_id, environment.block))
    return environment.resources.attribute(logical_id, as_text(attribute))


def _sub(argument: Value, environment: Environment) -> Value:
    text, given = (argument, {}) if isinstance(argument, str) else _pair("Fn::Sub", argument)
    if not (isinstance(text, str) and isinstance(given, Mapping)):
        raise TemplateError(
            "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a "
            "string as first argument, and an optional second argument to specify a mapping of values to replace in "
            "the string"
        )
    values = {name: _evaluate(value, environment) for name, value in given.items()}

    def replaced(match: re.Match[str]) -> str:
        escaped, name = match.groups()
        if escaped:
            return f"${{{name}}}"
        if name in values:
            return _scalar(values[name], "Fn::Sub")
        if "." in name and name not in environment.parameters:
            return _scalar(_get_att(name, environment), "Fn::Sub")
        return _scalar(_ref(name, environment), "Fn::Sub")

    return _PLACEHOLDER.sub(replaced, text)


def _scalar(value: Value, function: str) -> str:
    if isinstance(value, Mapping) or value is _NOTHING or value is None:
        raise TemplateError(f"Template error: variable values in {function} must be strings, numbers or booleans")
    return as_text(value)


def _join(argument: Value, environment: Environment) -> Value:
    separator, items = _pair("Fn::Join", argument)
    found = _evaluate(items, environment)
    found = [] if found is _NOTHING else found
    if not isinstance(separator, str) or (not isinstance(found, list) and found != UNKNOWN):
        raise TemplateError(
            "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of "
            "strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
        )
    return UNKNOWN if found == UNKNOWN else separator.join(_scalar(one, "Fn::Join") for one in found)


def _split(argument: Value, environment: Environment) -> Value:
    separator, source = _pair("Fn::Split", argument)
    text = _evaluate(source, environment)
    if not (isinstance(separator, str) and isinstance(text, str)):
        raise TemplateError(
            "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string "
            "to be split or a function that returns a string to be split."
        )
    return UNKNOWN if UNKNOWN in text else text.split(separator)


def _select(argument: Value, environment: Environment) -> Value:
    if not (isinstance(argument, list) and len(argument) == 2):
        raise TemplateError(
            "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
        )
    index = as_text(_evaluate(argument[0], environment))
    if not re.fullmatch(r"-?\d+", index) and index != UNKNOWN:
        raise TemplateError(
            "Template error: Fn::Select requires a list argument with a valid index value as its first element"
        )
    found = _evaluate(argument[1], environment)
    if UNKNOWN in {index, found if isinstance(found, str) else ""}:
        return UNKNOWN
    if isinstance(found, str):
        found = found.split(",")
    if not isinstance(found, list):
        raise TemplateError(
            "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
        )
    if not 0 <= int(index) < len(found):
        raise TemplateError(f"Template error: Fn::Select cannot select nonexistent value at index {index}")
    return found[int(index)]


def _find_in_map(argument: Value, environment: Environment) -> Value:
    if not (isinstance(argument, list) and len(argument) in {3, 4}):
        raise TemplateError(
            "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the "
            "attribute for return value"
        )
    keys = [_evaluate(one, environment) for one in argument[:3]]
    if any(isinstance(one, Mapping | list) or one is _NOTHING for one in keys):
        raise TemplateError(
            "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the "
            "attribute for return value"
        )
    name, first, second = (as_text(one) for one in keys)
    entry = environment.mappings.get(name, {}).get(first, {})
    if second in entry:
        return entry[second]
    if len(argument) == 4 and isinstance(argument[3], Mapping) and "DefaultValue" in argument[3]:
        return _evaluate(argument[3]["DefaultValue"], environment)
    if name not in environment.mappings:
        raise TemplateError(
            f"Template error: Mapping named '{name}' is not present in the 'Mappings' section of template."
        )
    raise TemplateError(f"Template error: Unable to get mapping for {name}::{first}::{second}")


def _if(argument: Value, environment: Environment) -> Value:
    if not (isinstance(argument, list) and argument and isinstance(argument[0], str)):
        raise TemplateError("Template error: Fn::If requires a list argument with the first element being a condition")
    if len(argument) != 3:
        raise TemplateError("Template error: Fn::If requires a list argument with three elements")
    if argument[0] not in environment.conditions:
        raise TemplateError(f"Template error: unresolved condition dependency {argument[0]} in Fn::If")
    return _evaluate(argument[1] if holds(argument[0], environment) else argument[2], environment)


def _truth(value: Value, where: str) -> bool:
    if isinstance(value, bool):
        return value
    if as_text(value) in {"true", "false"}:
        return as_text(value) == "true"
    raise TemplateError(f"Template error: condition {where} does not come to true or false")


def _conjunction(name: str, least: int, most: int) -> Callable[[Value, Environment], list[bool]]:
    def terms(argument: Value, environment: Environment) -> list[bool]:
        if not (isinstance(argument, list) and least <= len(argument) <= most):
            raise TemplateError(
                f"Template error: every {name} object requires a list of at least {least} and at most {most} boolean "
                "parameters."
                if name != "Fn::Not"
                else "Template error: Fn::Not requires a list argument with one element"
            )
        return [_truth(_evaluate(one, environment), name) for one in argument]

    return terms


_and = _conjunction("Fn::And", 2, 10)
_or = _conjunction("Fn::Or", 2, 10)
_not = _conjunction("Fn::Not", 1, 1)


def _equals(argument: Value, environment: Environment) -> bool:
    if not (isinstance(argument, list) and len(argument) == 2):
        raise TemplateError("Template error: Fn::Equals requires a list argument with two elements")
    first, second = (_evaluate(one, environment) for one in argument)
    if isinstance(first, Mapping) or isinstance(second, Mapping):
        return bool(first == second)
    return as_text(first) == as_text(second)


def _base64(argument: Value, environment: Environment) -> Value:
    text = _evaluate(argument, environment)
    if not isinstance(text, str):
        raise TemplateError("Template error: every Fn::Base64 object must have a String-typed value.")
    return UNKNOWN if UNKNOWN in text else base64.b64encode(text.encode()).decode()


def _cidr(argument: Value, environment: Environment) -> Value:
    """Return so many blocks, each with so many bits for hosts (32 - prefix), from the start of the block."""
    found = _evaluate(argument, environment)
    if not (isinstance(found, list) and len(found) in {2, 3}):
        raise TemplateError("Template error: every Fn::Cidr object requires two or three parameters")
    if UNKNOWN in found:
        return [UNKNOWN] * int(found[1]) if str(found[1]).isdigit() else UNKNOWN
    count, bits = as_text(found[1]), as_text(found[2]) if len(found) == 3 else "8"
    if not (count.isdigit() and bits.isdigit() and 1 <= int(count) <= _MOST_BLOCKS):
        raise TemplateError(
            f"Template error: Fn::Cidr requires a number of blocks between 1 and {_MOST_BLOCKS} and a number of bits"
        )
    try:
        block = ipaddress.ip_network(as_text(found[0]), strict=False)
        blocks = block.subnets(new_prefix=block.max_prefixlen - int(bits))
        return [str(next(blocks)) for _ in range(int(count))]
    except (StopIteration, ValueError) as error:
        raise TemplateError(
            f"Template error: Fn::Cidr cannot make {count} blocks of {bits} bits in {as_text(found[0])}"
        ) from error


def _get_azs(argument: Value, environment: Environment) -> Value:
    region = _evaluate(argument, environment)
    if not isinstance(region, str):
        raise TemplateError("Template error: every Fn::GetAZs object must have a String-typed value.")
    own = environment.parameters.get("AWS::Region", region)
    if region in {"", own}:
        return list(environment.zones)
    # AWS returns nothing for a region that there is not.
    return [f"{region}{zone[-1]}" for zone in environment.zones] if _REGION.fullmatch(region) else []


def _import_value(argument: Value, environment: Environment) -> Value:
    name = _evaluate(argument, environment)
    if not isinstance(name, str):
        raise TemplateError(
            "Template error: the attribute in Fn::ImportValue must be a string or a function that returns one."
        )
    return UNKNOWN if UNKNOWN in name else environment.export(name)


def _length(argument: Value, environment: Environment) -> Value:
    found = _evaluate(argument, environment)
    if found == UNKNOWN:
        return UNKNOWN
    if not isinstance(found, list):
        raise TemplateError("Template error: Fn::Length needs a list, or a function that returns one.")
    return len(found)


def _to_json_string(argument: Value, environment: Environment) -> Value:
    return json.dumps(_evaluate(argument, environment), separators=(",", ":"))


def _pair(name: str, argument: Value) -> Sequence[Value]:
    if not (isinstance(argument, list) and len(argument) == 2):
        raise TemplateError(f"Template error: every {name} object requires two parameters.")
    return argument


FUNCTIONS: Mapping[str, Callable[[Value, Environment], Value]] = {
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Split": _split,
    "Fn::Select": _select,
    "Fn::FindInMap": _find_in_map,
    "Fn::If": _if,
    "Fn::And": lambda argument, environment: all(_and(argument, environment)),
    "Fn::Or": lambda argument, environment: any(_or(argument, environment)),
    "Fn::Not": lambda argument, environment: not _not(argument, environment)[0],
    "Fn::Equals": _equals,
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::GetAZs": _get_azs,
    "Fn::ImportValue": _import_value,
    "Fn::Length": _length,
    "Fn::ToJsonString": _to_json_string,
}
