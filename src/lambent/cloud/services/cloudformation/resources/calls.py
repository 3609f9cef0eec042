"""What handlers share: picking parameters, tags, waiting, and taking what is gone as deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation.resources.contract import (
    Properties,
    ResourceContext,
    ResourceFailedError,
    words_of,
)
from lambent.cloud.services.cloudformation.resources.waiting import HaltedError

T = TypeVar("T")
# Our own services settle within milliseconds; AWS's look at their resources every few seconds.
_FIRST_LOOKS = 20
_SOON_S = 0.01
_LATER_S = 0.5
_PATIENCE = 2_000


def picked(properties: Mapping[str, Any], *names: str) -> dict[str, Any]:  # Any: as the schema says
    """Return those of the properties that are there."""
    return {name: properties[name] for name in names if name in properties}


def matching(live: Mapping[str, Any], properties: Properties) -> dict[str, Any]:  # Any: as the schema says
    """Return of what is live the properties that the template says; lists and maps as the service answers them."""
    return {name: live[name] for name in properties if name in live}


def tags_of(properties: Properties) -> dict[str, str]:
    """Return the resource's own tags, which templates write as a list of keys and values or as a map."""
    tags = properties.get("Tags") or {}
    if isinstance(tags, Mapping):
        return {str(key): str(value) for key, value in tags.items()}
    return {str(tag["Key"]): str(tag["Value"]) for tag in tags}


def stack_tags(context: ResourceContext) -> dict[str, str]:
    """Return what CloudFormation puts on every resource that takes tags: its own three, and the stack's."""
    return {
        **context.tags,
        "aws:cloudformation:stack-name": context.stack_name,
        "aws:cloudformation:stack-id": context.stack_id,
        "aws:cloudformation:logical-id": context.logical_id,
    }


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as most services take them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the tags to set and the keys to remove."""
    added = {key: value for key, value in after.items() if before.get(key) != value}
    return added, sorted(before.keys() - after.keys())


async def retag_lambda(context: ResourceContext, arn: str, before: Properties, after: Properties) -> None:
    """Give a resource of Lambda's the tags that its template says now."""
    added, removed = tag_changes(tags_of(before), tags_of(after))
    if removed:
        await context.call("lambda", "UntagResource", Resource=arn, TagKeys=removed)
    if added:
        await context.call("lambda", "TagResource", Resource=arn, Tags=added)


@asynccontextmanager
async def gone_is_fine(*codes: str) -> AsyncIterator[list[Any]]:  # Any: what the caller puts in
    """Swallow the errors that say a resource is not there; the list is for what was found."""
    found: list[Any] = []  # Any: JSON-shaped values
    try:
        yield found
    except ServiceError as error:
        if error.code not in codes:
            raise


@asynccontextmanager
async def made(physical_id: str) -> AsyncIterator[None]:
    """Let whatever fails or is halted from here on name what was made already, for a rollback to remove it."""
    try:
        yield
    except HaltedError as halted:
        raise HaltedError(physical_id) from halted
    except (ServiceError, ResourceFailedError) as error:
        raise ResourceFailedError(words_of(error), physical_id=physical_id) from error


async def until(context: ResourceContext, look: Callable[[], Awaitable[T | None]]) -> T:
    """Look again and again until there is an answer.

    Raises ResourceFailedError when there is none for a long time, HaltedError when nobody waits for it any longer.
    """
    for number in range(_PATIENCE):
        if (found := await look()) is not None:
            return found
        # Real time, not the platform's: what is waited for are processes that start and files that are unpacked.
        await context.halt.pause(_SOON_S if number < _FIRST_LOOKS else _LATER_S)
    raise ResourceFailedError(f"{context.logical_id} did not stabilize.")
