"""Values of a template → values of the type that an operation takes.

CloudFormation is lenient: templates say `"true"`, `"30"` or `30` where a property is a boolean, a number or text, and
what comes from parameters and Fn::Sub is always text. The service models say what each member has to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from lambent.aws.service_models import Shape, has_service, service_model
from lambent.template.document import as_text

_BOOLEANS = {"true": True, "false": False}


@cache
def _input(service: str, operation: str) -> Shape | None:
    if not has_service(service):
        return None
    known = service_model(service).operation(operation)
    return None if known is None else known.input


class UnknownMemberError(Exception):
    """A member that an operation does not take and would lose without a word; the message is CloudFormation's."""

    def __init__(self, place: str, name: str) -> None:
        super().__init__(f"#{place}: extraneous key [{name}] is not permitted")


def coerced(service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON-shaped values
    """Return the parameters with each scalar as the operation's model wants it; what cannot be one stays as it is.

    Raises UnknownMemberError for a member that the operation does not take, at any depth.
    """
    shape = _input(service, operation)
    return dict(parameters) if shape is None else dict(_value(parameters, shape, ""))


def _value(value: Any, shape: Shape, place: str) -> Any:  # Any: as above
    if value is None:
        return None
    match shape.type:
        case "structure" if isinstance(value, Mapping):
            for name in value:
                if name not in shape.members:
                    raise UnknownMemberError(place, str(name))
            return {name: _value(one, shape.members[name], f"{place}/{name}") for name, one in value.items()}
        case "list" if isinstance(value, list | tuple):
            return [_value(one, shape.member, f"{place}/{number}") for number, one in enumerate(value)]
        case "map" if isinstance(value, Mapping):
            return {as_text(name): _value(one, shape.value, f"{place}/{name}") for name, one in value.items()}
        case "boolean" if isinstance(value, str):
            return _BOOLEANS.get(value.lower(), value)
        case "integer" | "long" | "float" | "double" if isinstance(value, str):
            return _number(value, is_whole=shape.type in {"integer", "long"})
        case "string" if isinstance(value, bool | int | float):
            return as_text(value)
        case _:
            return value


def _number(text: str, *, is_whole: bool) -> Any:  # Any: a number, or the text that is none
    try:
        return int(text) if is_whole else float(text)
    except ValueError:
        return text
