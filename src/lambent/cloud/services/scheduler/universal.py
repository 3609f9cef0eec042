"""Universal targets: any operation of any service, its parameters as JSON in the schedule's input.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from lambent.aws.service_models import Operation, Shape, service_model, service_names

_ARN = re.compile(r"arn:aws[a-z-]*:scheduler:::aws-sdk:(?P<service>[a-z0-9]+):(?P<action>[A-Za-z0-9]+)")
# "EventBridge Scheduler does not support read-only API actions … that begin with the following list of prefixes"
_READ_ONLY = (
    "get", "describe", "list", "poll", "receive", "search", "scan", "query", "select", "read", "lookup", "discover",
    "validate", "batchget", "batchdescribe", "batchread", "transactget", "adminget", "adminlist", "testmigration",
    "retrieve", "testconnection", "translatedocument", "isauthorized", "invokemodel",
)  # fmt: skip
# The SDKs' names of services that botocore calls otherwise, hyphens aside.
_SDK_NAMES = {
    "eventbridge": "events",
    "cloudwatchlogs": "logs",
    "sfn": "stepfunctions",
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elbv2",
    "cognitoidentityprovider": "cognito-idp",
    "cognitoidentity": "cognito-identity",
    "databasemigration": "dms",
    "costexplorer": "ce",
    "directory": "ds",
}
# IAM's name of an action is the operation's but for these.
_ACTIONS = {("lambda", "Invoke"): "InvokeFunction"}


class UnsupportedTargetError(ValueError):
    """The ARN names no operation that a schedule may carry out; the message says why."""


def is_universal(arn: str) -> bool:
    """Whether a target's ARN is one of a universal target."""
    return ":scheduler:::aws-sdk:" in arn


def operation_of(arn: str) -> Operation:
    """Return the operation that a universal target's ARN names; raises UnsupportedTargetError."""
    named = _ARN.fullmatch(arn)
    service = None if named is None else _services().get(named["service"])
    if named is None or service is None:
        raise UnsupportedTargetError(f"{arn} is not a supported service.")
    if named["action"].lower().startswith(_READ_ONLY):
        raise UnsupportedTargetError(f"The API action {named['action']} is read-only and not supported as a target.")
    model = service_model(service)
    name = next((each for each in model.operation_names if each.lower() == named["action"].lower()), None)
    found = None if name is None else model.operation(name)
    if found is None:
        raise UnsupportedTargetError(f"{arn} is not a supported API action.")
    return found


def action_of(operation: Operation) -> str:
    """Return what IAM calls an operation."""
    service, name = operation.service, operation.name
    return f"{service.signing_name}:{_ACTIONS.get((service.name, name), name)}"


def parameters_of(operation: Operation, text: str) -> dict[str, Any]:  # Any: botocore-shaped values
    """Return an operation's parameters from a schedule's input; raises ValueError for what they cannot be."""
    given = json.loads(text)
    shaped = {} if operation.input is None else _shaped(given, operation.input)
    if isinstance(shaped, dict):
        return shaped
    raise ValueError("The input of a universal target is a JSON object.")


def _shaped(value: Any, shape: Shape) -> Any:  # Any: JSON, then what the shape says
    match shape.type:
        case "structure" if isinstance(value, Mapping) and not shape.has("document"):
            return {
                _member(shape, name): _shaped(one, shape.members[_member(shape, name)]) for name, one in value.items()
            }
        case "list" if isinstance(value, list):
            return [_shaped(one, shape.member) for one in value]
        case "map" if isinstance(value, Mapping):
            return {name: _shaped(one, shape.value) for name, one in value.items()}
        case "blob":
            return (value if isinstance(value, str) else json.dumps(value)).encode()
        case "timestamp" if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        case _:
            return value


def _member(shape: Shape, name: str) -> str:
    """Return a member's own name: the input has all in PascalCase, whatever their service calls them."""
    for each in (name, name[:1].lower() + name[1:], name[:1].upper() + name[1:]):
        if each in shape.members:
            return each
    raise ValueError(f"The field '{name}' is not supported.")


@cache
def _services() -> Mapping[str, str]:
    return {name.replace("-", ""): name for name in service_names()} | _SDK_NAMES
