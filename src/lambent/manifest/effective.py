"""What a function says together with the manifest's `defaults`; whoever judges or compiles a function asks here.

The function's word goes over the default's, and `null` takes a default away. Three things are put together instead:
`environment` and `tags` key by key, `logs` field by field (but for what concerns own groups, where the function names a
shared one), and `policies`, where the function's follow the default's.
`vpc` and `layers` are taken whole, since subnets belong with security groups, and layers have an order. A container
image brings its own runtime and layers, so `runtime`, `handler` and `layers` of the defaults leave it alone.
"""

from __future__ import annotations

from typing import Any

from lambent.manifest.system import Function, FunctionDefaults, Logs, System

_BY_KEY = frozenset({"environment", "tags"})
_IN_THE_IMAGE = frozenset({"runtime", "handler", "layers"})


def with_defaults(function: Function, defaults: FunctionDefaults) -> Function:
    """Return `function` with what it does not say taken from `defaults`."""
    taken: dict[str, Any] = {}  # Any: values of every field's type, unchanged
    for name in defaults.model_fields_set:
        if function.code.image is not None and name in _IN_THE_IMAGE:
            continue
        value = getattr(defaults, name)
        if name not in function.model_fields_set:
            taken[name] = value
        elif value is not None and (own := getattr(function, name)) is not None:
            taken[name] = _together(name, value, own)
    return function.model_copy(update=taken) if taken else function


def effective_functions(system: System) -> dict[str, Function]:
    """Return the functions of `system` by key, in its order, with its defaults."""
    return {key: with_defaults(function, system.defaults) for key, function in system.functions.items()}


def _together(name: str, default: Any, own: Any) -> Any:  # Any: a field's value, of that field's type
    if name in _BY_KEY:
        return {**default, **own}
    if name == "policies":
        return [*default, *own]
    if isinstance(own, Logs):
        return _logs(default, own)
    return own


def _logs(default: Logs, own: Logs) -> Logs:
    said = {field: getattr(own, field) for field in own.model_fields_set}
    if own.group is not None:
        # What the defaults say of own log groups is not said of the shared one that this function names.
        said = {"retention": None, "key": None, **said}
    return default.model_copy(update=said)
