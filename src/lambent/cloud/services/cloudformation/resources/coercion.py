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


def coerced(service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON-shaped values
    """Return the parameters with each scalar as the operation's model wants it; what cannot be one stays as it is."""
    shape = _input(service, operation)
    return dict(parameters) if shape is None else dict(_value(parameters, shape))


def _value(value: Any, shape: Shape) -> Any:  # Any: as above
    if value is None:
        return None
    match shape.type:
        case "structure" if isinstance(value, Mapping):
            return {
                name: _value(one, shape.members[name]) if name in shape.members else one for name, one in value.items()
            }
        case "list" if isinstance(value, list | tuple):
            return [_value(one, shape.member) for one in value]
        case "map" if isinstance(value, Mapping):
            return {as_text(name): _value(one, shape.value) for name, one in value.items()}
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
