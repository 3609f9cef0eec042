"""What every emitter is given, and what they all share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lambent.compiler.intrinsics import Value
from lambent.compiler.references import References
from lambent.compiler.result import DiscoveredVpc, ProviderNetwork
from lambent.manifest.expression import Expression
from lambent.manifest.node import Tags
from lambent.manifest.system import Function, System

Emitted = tuple[str, Value]  # a logical id, and the resource that it is

# Kept when its place in the template is gone, but not when the operation that made it is rolled back: a version left
# behind would be the newest one, and publishing the same code once more would then publish nothing.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
RETAINED = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}


@dataclass(frozen=True, slots=True)
class Scope:
    """A system while it is compiled; `functions` have the defaults in them."""

    system: System
    functions: Mapping[str, Function]
    references: References
    vpcs: Mapping[str, DiscoveredVpc]
    networks: Mapping[str, ProviderNetwork] = field(default_factory=dict)

    def value(self, expression: Expression | None) -> Value:
        """Return what `expression` is in the template, None where there is none."""
        return None if expression is None else self.references.value(expression)

    def tags(self, tags: Tags) -> Value:
        """Return tags as resources take them, None where there are none."""
        return [{"Key": key, "Value": self.references.value(value)} for key, value in tags.items()] or None


def resource(type_name: str, properties: Mapping[str, Value], **attributes: Value) -> Value:
    """Return a resource; what is None is left out of its properties and attributes (DependsOn, DeletionPolicy)."""
    return {
        "Type": type_name,
        **{name: value for name, value in attributes.items() if value is not None},
        "Properties": said(properties),
    }


def said(properties: Mapping[str, Value]) -> Value:
    """Return the properties that are not None."""
    return {name: value for name, value in properties.items() if value is not None}
