"""Parameters given against parameters declared: values, defaults, what is kept from before, and constraints.

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
from lambent.template.document import Parameter

_SSM = "AWS::SSM::Parameter::"
Given = Sequence[Mapping[str, Any]]  # Any: the Parameters member of a request


def chosen(declared: Mapping[str, Parameter], given: Given, before: Mapping[str, StackParameter]) -> dict[str, str]:
    """Return the value of every declared parameter. Raises ServiceError as AWS does for missing or unknown ones."""
    values: dict[str, str] = {}
    for one in given:
        key = str(one["ParameterKey"])
        if one.get("UsePreviousValue"):
            if key not in before:
                raise errors.invalid(f"Invalid input for parameter key {key}. Cannot specify usePreviousValue as true for a parameter key not in the previous template")  # fmt: skip  # noqa: E501 - a message in one piece
            values[key] = before[key].value
        elif "ParameterValue" in one:
            values[key] = str(one["ParameterValue"])
    unknown = [key for key in values if key not in declared]
    if unknown:
        raise errors.invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    for name, parameter in declared.items():
        if name not in values and parameter.default is not None:
            values[name] = parameter.default
    missing = [name for name in declared if name not in values]
    if missing:
        raise errors.invalid(f"Parameters: [{', '.join(missing)}] must have values")
    for name, value in values.items():
        _check(declared[name], value)
    return {name: values[name] for name in declared}


def _check(parameter: Parameter, value: str) -> None:
    name, said = parameter.name, parameter.constraint_description
    values = value.split(",") if "List<" in parameter.type or parameter.type == "CommaDelimitedList" else [value]
    if parameter.allowed_values is not None and any(one.strip() not in parameter.allowed_values for one in values):
        raise errors.invalid(f"Parameter '{name}' must be one of AllowedValues")
    if parameter.allowed_pattern is not None and not re.fullmatch(parameter.allowed_pattern, value):
        raise errors.invalid(f"Parameter '{name}' {said or f'must match pattern {parameter.allowed_pattern}'}")
    if parameter.min_length is not None and len(value) < parameter.min_length:
        raise errors.invalid(f"Parameter '{name}' must contain at least {parameter.min_length} characters")
    if parameter.max_length is not None and len(value) > parameter.max_length:
        raise errors.invalid(f"Parameter '{name}' must contain at most {parameter.max_length} characters")
    if parameter.type in {"Number", "List<Number>"}:
        _check_numbers(parameter, values)


def _check_numbers(parameter: Parameter, values: Sequence[str]) -> None:
    for one in values:
        try:
            number = float(one)
        except ValueError:
            raise errors.invalid(f"Parameter '{parameter.name}' must be a number.") from None
        if parameter.min_value is not None and number < parameter.min_value:
            raise errors.invalid(f"Parameter '{parameter.name}' must be a number not less than {parameter.min_value:g}")
        if parameter.max_value is not None and number > parameter.max_value:
            raise errors.invalid(
                f"Parameter '{parameter.name}' must be a number not greater than {parameter.max_value:g}"
            )


async def resolved(
    client: InternalClient, context: RequestContext, declared: Mapping[str, Parameter], values: Mapping[str, str]
) -> tuple[StackParameter, ...]:
    """Return the parameters, with the values of the SSM parameters that they name. Raises ServiceError."""
    found = []
    for name, value in values.items():
        parameter = declared[name]
        looked_up = None
        if parameter.type.startswith(_SSM) and not parameter.type.endswith("::Name"):
            looked_up = await _stored(client, context, name, value)
        found.append(StackParameter(name, value, looked_up, parameter.no_echo))
    return tuple(found)


async def _stored(client: InternalClient, context: RequestContext, name: str, key: str) -> str:
    try:
        answer = await client.call("ssm", "GetParameter", {"Name": key}, scope=context.scope, principal=context.caller)
    except ServiceError as error:
        raise errors.invalid(
            f"Parameter {name} should either have input value or default value"
            if not key
            else f"Unable to fetch parameters [{key}] from parameter store for this account."
        ) from error
    return str(answer["Parameter"]["Value"])
