"""Resource types that a few words describe: one operation each to create, change, delete and read.

Most of AWS's resources are made so. What needs more thought has a handler of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation.resources.calls import (
    gone_is_fine,
    made,
    matching,
    stack_tags,
    tag_list,
    tags_of,
)
from lambent.cloud.services.cloudformation.resources.contract import Live, Properties, ResourceContext

Given = Mapping[str, Any]  # Any: parameters, answers and attributes of any service
Shape = Callable[[ResourceContext, Properties, str], Given]
Attributes = Callable[[ResourceContext, Given, str], Given]


def as_they_are(context: ResourceContext, properties: Properties, name: str) -> Given:
    """Take the properties as parameters, but for tags."""
    return {key: value for key, value in properties.items() if key != "Tags"}


def no_attributes(context: ResourceContext, answer: Given, physical_id: str) -> Given:
    """Return no attributes."""
    return {}


async def _nothing(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Described:
    """A handler from a description.

    `name_property` with `longest` gives the resource its name; `identity` finds the physical id in the answer of
    `create` where the name is not it. `by_id` is the parameter that names the resource in later calls. `put_again`
    types are changed by the operation that made them. `tags` says how create takes tags: a list, a map, or not at all.
    """

    service: str
    create_with: str
    delete_with: str
    by_id: str
    name_property: str | None = None
    named_in_api: str | None = None
    longest: int = 255
    is_lower: bool = False
    identity: Callable[[Given], str] | None = None
    shape: Shape = as_they_are
    attributes: Attributes = no_attributes
    deleting: Shape | None = None
    put_again: bool = False
    change: Callable[[ResourceContext, Live, Properties, Properties], Awaitable[None]] = _nothing
    after_create: Callable[[ResourceContext, str, Properties], Awaitable[None]] | None = None
    read_with: str | None = None
    reading: Callable[[Given], Given] | None = None
    tags: str = ""
    tag_parameter: str = "Tags"
    exists: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    before_delete: Callable[[ResourceContext, Live, Properties], Awaitable[None]] | None = None
    constant: Given = field(default_factory=dict)

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Make the resource with its one operation, and what comes after it."""
        name = self._name(context, properties)
        try:
            answer = await context.call(self.service, self.create_with, **self._parameters(context, properties, name))
        except ServiceError as error:
            if not (context.is_repeated and error.code in self.exists):
                raise
            answer = {}
        physical_id = name if self.identity is None or not answer else self.identity(answer)
        if self.after_create is not None:
            async with made(physical_id):
                await self.after_create(context, physical_id, properties)
        return Live(physical_id, self.attributes(context, answer, physical_id))

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Change it in place."""
        if self.put_again:
            name = self._name(context, after, live.physical_id)
            await context.call(self.service, self.create_with, **self._parameters(context, after, name))
        await self.change(context, live, before, after)
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Delete it."""
        async with gone_is_fine(*self.gone):
            if self.before_delete is not None:
                await self.before_delete(context, live, properties)
            shape = self.deleting
            named = {self.by_id: live.physical_id} if shape is None else shape(context, properties, live.physical_id)
            await context.call(self.service, self.delete_with, **named)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return it as it is, where the service tells; otherwise as it was made."""
        if self.read_with is None:
            return properties
        async with gone_is_fine(*self.gone) as found:
            answer = await context.call(self.service, self.read_with, **{self.by_id: live.physical_id})
            found.append(answer if self.reading is None else self.reading(answer))
        return {**properties, **matching(found[0], properties)} if found else None

    def _name(self, context: ResourceContext, properties: Properties, known: str = "") -> str:
        if self.name_property is None:
            return known
        given = properties.get(self.name_property)
        return str(given or known or context.generated_name(self.longest, lower=self.is_lower))

    def _parameters(self, context: ResourceContext, properties: Properties, name: str) -> dict[str, Any]:  # Any: Given
        found = {**self.constant, **self.shape(context, properties, name)}
        if self.name_property is not None:
            found.pop(self.name_property, None)
            found[self.named_in_api or self.name_property] = name
        tags = {**stack_tags(context), **tags_of(properties)}
        if self.tags:
            found[self.tag_parameter] = tag_list(tags) if self.tags == "list" else tags
        return found
