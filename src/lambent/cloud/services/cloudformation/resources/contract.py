"""What a resource type is to the engine: how its resources are made, changed, removed and read.

Properties arrive evaluated: no intrinsic is left in them. A handler makes its calls through the context, as the
principal that runs the stack, and waits until the resource is usable before it returns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.service import Result
from lambent.cloud.services.cloudformation.resources.coercion import UnknownMemberError, coerced
from lambent.cloud.services.cloudformation.resources.waiting import Halt
from lambent.cloud.store.scope import Scope

Properties = Mapping[str, Any]  # Any: values of a template, which its resource type's schema describes


class ResourceFailedError(Exception):
    """A resource could not be made, changed or removed; the message is what its event says.

    `physical_id` names what was made all the same, so that a rollback can remove it.
    """

    def __init__(self, message: str, *, physical_id: str = "") -> None:
        super().__init__(message)
        self.physical_id = physical_id


def words_of(error: Exception) -> str:
    """Return what a resource's event says of an error, as AWS words it."""
    if isinstance(error, ServiceError):
        return f"{error.message} (Service: AWS, Status Code: {error.status}, Error Code: {error.code})"
    return str(error)


@dataclass(frozen=True, slots=True)
class Live:
    """A resource that exists: what `Ref` returns, and what `Fn::GetAtt` returns by attribute name."""

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)  # Any: text, numbers or lists, by attribute


@dataclass(frozen=True, slots=True)
class ResourceContext:
    """For whom a handler works.

    `token` is the same when a step is repeated after a crash, and different for each new resource. `is_repeated` says
    that this step may already have been carried out: what exists under the token's name is then taken over. `step`
    names the step, in this phase of this operation, which began at `began`; who waits for others does so through
    `halt`. `skipped` are the resources of a nested stack that a rollback (`is_rollback`) leaves alone. `capabilities`
    are what the stack's user acknowledged, for the stacks nested in it as well.
    """

    scope: Scope
    principal: Principal
    stack_id: str
    stack_name: str
    logical_id: str
    token: str
    type_name: str
    tags: Mapping[str, str]
    client: InternalClient
    clock: Clock
    ids: IdSource
    is_repeated: bool = False
    step: str = ""
    began: float = 0.0
    halt: Halt = field(default_factory=Halt)
    is_rollback: bool = False
    skipped: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()

    async def call(self, service: str, operation: str, **parameters: Any) -> Result:  # Any: as the operation takes
        """Call an AWS operation as the principal that runs the stack; raises ServiceError.

        Scalars may be of the kind that templates have: `coerced` gives each the type that the operation takes. Raises
        ResourceFailedError for a member that the operation does not take.
        """
        return await self.call_beyond(service, operation, parameters, {})

    async def call_beyond(
        self, service: str, operation: str, parameters: Properties, beyond: Mapping[str, str]
    ) -> Result:
        """Call as `call` does, with members beside that the service model does not have: AWS's own say them."""
        try:
            typed = coerced(service, operation, parameters)
        except UnknownMemberError as error:
            raise ResourceFailedError(
                f"Properties validation failed for resource {self.logical_id} with message:\n{error}"
            ) from error
        asked = {**typed, **beyond}
        return await self.client.call(service, operation, asked, scope=self.scope, principal=self.principal)

    def generated_name(self, longest: int, *, lower: bool = False) -> str:
        """Return the physical name of a resource that was given none: stack, logical id and the token's suffix.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html
        """
        suffix = self.token[-12:]
        room = longest - len(suffix) - 1
        stem = f"{self.stack_name}-{self.logical_id}"
        if len(stem) > room:
            half = (room - 1) // 2
            stem = f"{self.stack_name[:half]}-{self.logical_id[: room - 1 - len(self.stack_name[:half])]}"
        name = f"{stem}-{suffix}"
        return name.lower() if lower else name


class ResourceHandler(Protocol):
    """The four verbs of a resource type. Each raises ResourceFailedError or ServiceError when it cannot do its work."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Make the resource and return it once it is usable."""

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Change the resource in place and return it once it is usable again."""

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Remove the resource; one that is gone already is no failure."""

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the resource's properties as they are now, those that `properties` has; None where it is gone."""


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A resource type: its name, its handler, and what AWS's resource schema says of its properties.

    `create_only` are the top-level properties (or `A/B` paths) whose change means a replacement; `conditional` those
    whose change may. `attributes` are the names that Fn::GetAtt takes. `is_open` types take any property. Resources of
    `is_visited` types are updated whenever their stack is, for what they refer to may have changed.
    """

    name: str
    handler: ResourceHandler
    properties: frozenset[str]
    required: frozenset[str]
    create_only: frozenset[str]
    attributes: frozenset[str]
    conditional: frozenset[str] = frozenset()
    is_open: bool = False
    supports_drift: bool = True
    is_visited: bool = False

    @property
    def tells_anew(self) -> bool:
        """Whether any change may change any attribute: those of nested stacks and of custom resources."""
        return self.is_open or self.is_visited

    def problem(self, logical_id: str, properties: Properties) -> str | None:
        """Return what AWS says of properties that the type does not have, or lacks; None where all fit."""
        found = [f"#: required key [{name}] not found" for name in sorted(self.required - properties.keys())]
        if not self.is_open:
            unknown = sorted(properties.keys() - self.properties)
            found += [f"#: extraneous key [{name}] is not permitted" for name in unknown]
        if not found:
            return None
        return f"Properties validation failed for resource {logical_id} with message:\n" + "\n".join(found)
