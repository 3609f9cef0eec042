"""What a template's intrinsics are evaluated against: parameters, pseudo parameters, live resources, exports."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lambent.cloud.services.cloudformation.model.stack import Definition, ResourceStatus, Stack, StackResource
from lambent.cloud.services.cloudformation.resources.table import ResourceTypes
from lambent.template.document import Template, TemplateError, Value
from lambent.template.intrinsics import UNKNOWN, Environment, holds

_DNS_SUFFIXES = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}
_ZONES = "abc"


def zones(region: str) -> tuple[str, ...]:
    """Return the Availability Zones of a region, as the platform has them."""
    return tuple(f"{region}{letter}" for letter in _ZONES)


def parameter_values(template: Template, stack: Stack, definition: Definition) -> dict[str, Value]:
    """Return what Ref returns for parameters and pseudo parameters."""
    scope = stack.scope
    values: dict[str, Value] = {
        "AWS::AccountId": scope.account,
        "AWS::Region": scope.region,
        "AWS::Partition": scope.partition,
        "AWS::URLSuffix": _DNS_SUFFIXES[scope.partition],
        "AWS::StackName": stack.name,
        "AWS::StackId": stack.id,
        "AWS::NotificationARNs": list(definition.notification_arns),
    }
    for given in definition.parameters:
        declared = template.parameters.get(given.key)
        text = given.effective
        is_list = declared is not None and ("List<" in declared.type or declared.type == "CommaDelimitedList")
        values[given.key] = (
            [part.strip() for part in text.split(",")] if is_list and text else ([] if is_list else text)
        )
    return values


class LiveResources:
    """The resources of a stack as they are while an operation goes on; those still to be made are unknown."""

    def __init__(self, live: Mapping[str, StackResource], active: Mapping[str, str], types: ResourceTypes) -> None:
        self._live = live
        self._active = active
        self._types = types

    def __contains__(self, logical_id: object, /) -> bool:
        return logical_id in self._active

    def ref(self, logical_id: str) -> Value:
        """Return the physical id, or UNKNOWN while there is none."""
        found = self._live.get(logical_id)
        return UNKNOWN if found is None or not found.physical_id or found.status.is_gone else found.physical_id

    def attribute(self, logical_id: str, name: str) -> Value:
        """Return an attribute, or UNKNOWN while the resource is not there. Raises TemplateError for one it has not."""
        kind = self._types.get(self._active[logical_id])
        found = self._live.get(logical_id)
        if found is not None and found.physical_id and not found.status.is_gone:
            if found.status is ResourceStatus.UPDATE_IN_PROGRESS and kind is not None and kind.tells_anew:
                return UNKNOWN
            if name in found.attributes:
                return found.attributes[name]
            told = {**(found.properties if kind is not None and name in kind.attributes else {}), **found.attributes}
            if (nested := _inside(told, name)) is not None:
                return nested
        elif kind is None or kind.is_open or name in kind.attributes or name.partition(".")[0] in kind.attributes:
            return UNKNOWN
        raise TemplateError(
            f"Template error: resource {logical_id} does not support attribute type {name} in Fn::GetAtt"
        )


def _inside(attributes: Mapping[str, Value], name: str) -> Value | None:
    found: Value = attributes
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def surroundings(
    template: Template,
    stack: Stack,
    live: Mapping[str, StackResource],
    types: ResourceTypes,
    export: Callable[[str], Value],
) -> Environment:
    """Return the environment of a stack's template; `live` may go on changing while it is used."""
    parameters = parameter_values(template, stack, stack.definition)
    bare = Environment(parameters, template.mappings, template.conditions, zones=zones(stack.scope.region))
    active = {
        name: resource.type
        for name, resource in template.resources.items()
        if resource.condition is None or holds(resource.condition, bare)
    }
    return Environment(
        parameters,
        template.mappings,
        template.conditions,
        LiveResources(live, active, types),
        export,
        zones(stack.scope.region),
    )
