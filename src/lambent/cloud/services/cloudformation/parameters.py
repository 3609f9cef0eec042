"""Parameters given against parameters declared: values, defaults, what is kept from before, and stored values.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.services.cloudformation import errors
from lambent.cloud.services.cloudformation.model.stack import StackParameter
from lambent.template.document import Parameter, Value
from lambent.template.parameter_values import items_of, problem

Given = Sequence[Mapping[str, Any]]  # Any: the Parameters member of a request
_LONGEST = 4096
_VERSIONLESS = re.compile(r"\{\{resolve:(?:ssm|ssm-secure):[^:}]+\}\}")


def chosen(declared: Mapping[str, Parameter], given: Given, before: Mapping[str, StackParameter]) -> dict[str, str]:
    """Return the value of every declared parameter. Raises ServiceError as AWS does for missing or unknown ones."""
    values = _given(given, before)
    unknown = [key for key in values if key not in declared]
    if unknown:
        raise errors.invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    for name, parameter in declared.items():
        if name not in values and parameter.default is not None:
            values[name] = _default(parameter)
    missing = [name for name in declared if name not in values]
    if missing:
        raise errors.invalid(f"Parameters: [{', '.join(missing)}] must have values")
    for name, value in values.items():
        if (found := problem(declared[name], value)) is not None:
            raise errors.invalid(found)
    return {name: values[name] for name in declared}


def _given(given: Given, before: Mapping[str, StackParameter]) -> dict[str, str]:
    values: dict[str, str] = {}
    for number, one in enumerate(given, 1):
        key = str(one["ParameterKey"])
        if key in values:
            raise errors.invalid(f"Duplicate parameter keys: [{key}]")
        if len(str(one.get("ParameterValue", "")).encode()) > _LONGEST:
            member = f"parameters.{number}.member.parameterValue"
            constraint = f"Member must have length less than or equal to {_LONGEST}"
            raise errors.unsatisfied(str(one["ParameterValue"]), member, constraint)
        if one.get("UsePreviousValue"):
            if "ParameterValue" in one:
                raise errors.invalid(f"Invalid input for parameter key {key}. Cannot specify usePreviousValue as true and non empty value for a parameter")  # fmt: skip  # noqa: E501 - a message in one piece
            if key not in before:
                raise errors.invalid(f"Invalid input for parameter key {key}. Cannot specify usePreviousValue as true for a parameter key not in the previous template")  # fmt: skip  # noqa: E501 - a message in one piece
            values[key] = before[key].value
        elif "ParameterValue" in one:
            values[key] = str(one["ParameterValue"])
    return values


def _default(parameter: Parameter) -> str:
    default = parameter.default or ""
    if _VERSIONLESS.search(default):
        raise errors.invalid(f"Template error: parameter {parameter.name} should not contain ssm versionless resolver")
    return default


def effective(declared: Mapping[str, Parameter], found: Sequence[StackParameter]) -> dict[str, Value]:
    """Return what Ref returns for each parameter."""
    return {one.key: items_of(one.effective) if declared[one.key].is_list else one.effective for one in found}


async def resolved(
    client: InternalClient, context: RequestContext, declared: Mapping[str, Parameter], values: Mapping[str, str]
) -> tuple[StackParameter, ...]:
    """Return the parameters, with the values of the SSM parameters that they name. Raises ServiceError."""
    named = {name: value for name, value in values.items() if declared[name].is_stored}
    for name, key in named.items():
        if not key:
            raise errors.invalid(f"Parameter {name} should either have input value or default value")
    stored = {key: await _stored(client, context, key) for key in dict.fromkeys(named.values())}
    _require_usable(stored)
    unfit = [key for name, key in named.items() if not _fits(declared[name], stored[key])]
    if unfit:
        raise errors.invalid(f"Types for SSM parameters [{','.join(unfit)}] defined in CFN template and SSM are incompatible")  # fmt: skip  # noqa: E501 - a message in one piece
    return tuple(
        StackParameter(
            name,
            value,
            _value(declared[name], stored[value]) if name in named else None,
            declared[name].no_echo,
        )
        for name, value in values.items()
    )


async def versions(client: InternalClient, context: RequestContext, keys: Sequence[str]) -> dict[str, int]:
    """Return the versions of the parameters that a template asks for as text, those that are there.

    Raises ServiceError for one that is a secret.
    """
    found = {key: await _stored(client, context, key) for key in keys}
    for key, stored in found.items():
        if stored is not None and stored["Type"] == "SecureString":
            raise errors.invalid(f"Non-secure ssm prefix was used for secure parameter {key.partition(':')[0]}")
    return {key: int(stored["Version"]) for key, stored in found.items() if stored is not None}


_Stored = Mapping[str, Any] | None  # Any: a Parameter of SSM


def _require_usable(stored: Mapping[str, _Stored]) -> None:
    missing = [key for key, found in stored.items() if found is None]
    if missing:
        raise errors.invalid(f"Unable to fetch parameters [{','.join(missing)}] from parameter store for this account.")
    secret = [key for key, found in stored.items() if found is not None and found["Type"] == "SecureString"]
    if secret:
        raise errors.invalid(f"Parameters [{','.join(secret)}] referenced by template have types not supported by CloudFormation.")  # fmt: skip  # noqa: E501 - a message in one piece


def _fits(parameter: Parameter, stored: _Stored) -> bool:
    # Whether there are commas in the value is of no account: the type counts.
    return stored is not None and (stored["Type"] == "StringList") == parameter.is_list


def _value(parameter: Parameter, stored: _Stored) -> str:
    text = "" if stored is None else str(stored["Value"])
    return ",".join(items_of(text)) if parameter.is_list else text


async def _stored(client: InternalClient, context: RequestContext, key: str) -> _Stored:
    try:
        answer = await client.call("ssm", "GetParameter", {"Name": key}, scope=context.scope, principal=context.caller)
    except ServiceError:
        return None
    found: Mapping[str, Any] = answer["Parameter"]  # Any: as above
    return found
