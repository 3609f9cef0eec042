"""Properties evaluated for the eye: what is a secret is masked, what is stored elsewhere stays a reference.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lambent.cloud.services.cloudformation.model.masking import MASK
from lambent.cloud.services.cloudformation.model.stack import Definition
from lambent.template.document import Resource, TemplateError, Value
from lambent.template.intrinsics import Environment, evaluate, holds


def displayed(
    resource: Resource, found: Mapping[str, Value], around: Environment, definition: Definition
) -> dict[str, Value]:
    """Return the evaluated properties of a resource as they may be told; dynamic references are as written."""
    secret = {one.key for one in definition.parameters if one.no_echo}
    if not secret:
        return dict(found)
    masked = _masked(around, secret)
    return {name: _one(resource.properties.get(name), value, masked) for name, value in found.items()}


def _masked(around: Environment, secret: set[str]) -> Environment:
    parameters = {
        name: ([MASK] if isinstance(value, list) else MASK) if name in secret else value
        for name, value in around.parameters.items()
    }
    # Conditions are those of the true values: a mask must not choose the other branch of an Fn::If.
    return replace(around, parameters=parameters, conditions=_decided(around))


def _decided(around: Environment) -> dict[str, Value]:
    decided: dict[str, Value] = {}
    for name in around.conditions:
        try:
            decided[name] = holds(name, around)
        except TemplateError:
            continue  # the properties do not use it, or they would not have been evaluated
    return decided


def _one(written: Value, value: Value, masked: Environment) -> Value:
    if written is None:
        return value if value is None else MASK  # made by a function around all properties: nobody knows of what
    try:
        return evaluate(written, masked)
    except TemplateError:
        return MASK  # a function took the secret apart, which a mask does not allow
