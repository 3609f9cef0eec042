"""One step with one resource: made, changed, replaced or removed, with its events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NoReturn

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal, root_of
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.services.cloudformation import repository
from lambent.cloud.services.cloudformation.engine.journal import Also, Journal
from lambent.cloud.services.cloudformation.model.replacement import changed_properties, must_replace
from lambent.cloud.services.cloudformation.model.stack import ResourceStatus, Stack, StackResource
from lambent.cloud.services.cloudformation.resources.contract import (
    Live,
    Properties,
    ResourceContext,
    ResourceFailedError,
    ResourceType,
)
from lambent.cloud.services.cloudformation.resources.table import ResourceTypes
from lambent.cloud.store.unit_of_work import Transaction
from lambent.template.document import TemplateError

_R = ResourceStatus
_HOST = "cloudformation.amazonaws.com"
INITIATED = "Resource creation Initiated"
_REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."
FAILURES = (ServiceError, ResourceFailedError, TemplateError)


class StepFailedError(Exception):
    """A step failed; its event is written."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A resource as it is to be: evaluated, and with what the stack keeps about it."""

    logical_id: str
    type: str
    properties: Properties
    needs: tuple[str, ...] = ()
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    metadata: Any = None  # Any: whatever the template says


@dataclass(frozen=True, slots=True)
class Tools:
    """What steps work with."""

    types: ResourceTypes
    client: InternalClient
    clock: Clock
    ids: IdSource


def words_of(error: Exception) -> str:
    """Return what a resource's event says of an error, as AWS words it."""
    if isinstance(error, ServiceError):
        return f"{error.message} (Service: AWS, Status Code: {error.status}, Error Code: {error.code})"
    return str(error)


def principal_of(stack: Stack) -> Principal:
    """Return on whose behalf the stack's resources are made: its role, or else the account."""
    role = stack.definition.role_arn
    if role is None:
        return replace(root_of(stack.scope.account), via=_HOST)
    return Principal("assumed-role", stack.scope.account, role, f"{role}/AWSCloudFormation", via=_HOST)


class Steps:
    """The steps of one operation of one stack."""

    def __init__(self, tools: Tools, journal: Journal) -> None:
        self._tools = tools
        self._journal = journal

    @property
    def principal(self) -> Principal:
        """On whose behalf the stack's resources are made."""
        return principal_of(self._journal.stack)

    async def refuse(self, wanted: Wanted, error: Exception) -> NoReturn:
        """Note that a resource's properties cannot be evaluated. Raises StepFailedError."""
        row = self._journal.resources.get(wanted.logical_id)
        is_new = row is None or row.status in {_R.DELETE_COMPLETE, _R.CREATE_FAILED}
        found = self._new(wanted, _R.CREATE_FAILED) if row is None or is_new else row
        await self._failed(found, _R.CREATE_FAILED if is_new else _R.UPDATE_FAILED, error)

    def kind(self, name: str) -> ResourceType:
        """Return a resource type; templates with unknown ones never come this far."""
        found = self._tools.types.get(name)
        if found is None:
            raise ResourceFailedError(f"Unrecognized resource types: [{name}]")
        return found

    async def bring_about(self, wanted: Wanted) -> None:
        """Let the resource be as wanted. Raises StepFailedError."""
        if (problem := self.kind(wanted.type).problem(wanted.logical_id, wanted.properties)) is not None:
            await self.refuse(wanted, ResourceFailedError(problem))
        row = self._journal.resources.get(wanted.logical_id)
        if row is None or row.status in {_R.DELETE_COMPLETE, _R.CREATE_FAILED, _R.DELETE_SKIPPED}:
            await self._create(wanted, None)
        elif not row.physical_id:
            await self._create(wanted, row)  # begun before a restart, and nobody knows how far it came
        elif row.type != wanted.type or must_replace(self.kind(row.type), row.properties, wanted.properties):
            await self._replace(wanted, row)
        elif changed_properties(row.properties, wanted.properties):
            await self._update(wanted, row)
        elif _noted(row) != _noted(wanted):
            await self._journal.write(lambda transaction: self._keep(transaction, _merged(row, wanted)))
            self._journal.resources[row.logical_id] = _merged(row, wanted)

    def _keep(self, transaction: Transaction, row: StackResource) -> None:
        repository.save_resource(transaction, self._journal.stack.id, row)

    async def _create(self, wanted: Wanted, begun: StackResource | None) -> None:
        row = begun or self._new(wanted, _R.CREATE_IN_PROGRESS)
        if begun is None:
            await self._journal.note(row)
        verb = row.status.value.rpartition("_IN")[0]
        try:
            context = self._context(row, is_repeated=begun is not None)
            live = await self.kind(wanted.type).handler.create(context, wanted.properties)
        except FAILURES as error:
            await self._failed(row, _R(f"{verb}_FAILED"), error)
        done = replace(row, status=_R(f"{verb}_COMPLETE"), **_of(live), properties=wanted.properties)
        await self._journal.note(done, INITIATED, "")

    async def _replace(self, wanted: Wanted, row: StackResource) -> None:
        new = self._new(wanted, _R.UPDATE_IN_PROGRESS)
        stack_id = self._journal.stack.id
        await self._journal.note(
            new, _REPLACING, also=lambda transaction: repository.add_leftover(transaction, stack_id, row)
        )
        await self._create(wanted, new)

    async def _update(self, wanted: Wanted, row: StackResource) -> None:
        begun = replace(row, status=_R.UPDATE_IN_PROGRESS)
        await self._journal.note(begun)
        try:
            live = await self.kind(row.type).handler.update(
                self._context(row), _live(row), row.properties, wanted.properties
            )
        except FAILURES as error:
            await self._failed(begun, _R.UPDATE_FAILED, error)
        done = replace(_merged(row, wanted), status=_R.UPDATE_COMPLETE, **_of(live), properties=wanted.properties)
        # A custom resource may answer a change with another physical id: what it had before is then deleted.
        is_another = live.physical_id != row.physical_id
        await self._journal.note(done, also=self._leave(row) if is_another else None)

    async def restore(self, row: StackResource, before: StackResource) -> None:
        """Change a resource back to what it was. Raises StepFailedError."""
        begun = replace(row, status=_R.UPDATE_IN_PROGRESS)
        await self._journal.note(begun)
        try:
            live = await self.kind(row.type).handler.update(
                self._context(row), _live(row), row.properties, before.properties
            )
        except FAILURES as error:
            await self._failed(begun, _R.UPDATE_FAILED, error)
        await self._journal.note(replace(before, status=_R.UPDATE_COMPLETE, **_of(live)))

    async def remove(self, row: StackResource, *, policy: str) -> None:
        """Delete a resource that the stack lists, or skip it as its policy says. Raises StepFailedError."""
        if policy.startswith("Retain"):
            await self._journal.note(replace(row, status=_R.DELETE_SKIPPED))
            return
        begun = replace(row, status=_R.DELETE_IN_PROGRESS)
        await self._journal.note(begun)
        try:
            await self._delete(row)
        except FAILURES as error:
            await self._failed(begun, _R.DELETE_FAILED, error)
        await self._journal.note(replace(row, status=_R.DELETE_COMPLETE))

    async def clean_up(self, number: int, row: StackResource, *, policy: str) -> None:
        """Delete a leftover. A failure is an event and no more: AWS, too, then leaves the resource where it is."""
        forget = self._forget(number)
        if policy.startswith("Retain"):
            await self._journal.note_leftover(replace(row, status=_R.DELETE_SKIPPED), also=forget)
            return
        await self._journal.note_leftover(replace(row, status=_R.DELETE_IN_PROGRESS))
        try:
            await self._delete(row)
        except FAILURES as error:
            await self._journal.note_leftover(replace(row, status=_R.DELETE_FAILED), words_of(error), also=forget)
            return
        await self._journal.note_leftover(replace(row, status=_R.DELETE_COMPLETE), also=forget)

    def _leave(self, row: StackResource) -> Also:
        stack_id = self._journal.stack.id
        return lambda transaction: repository.add_leftover(transaction, stack_id, row)

    def _forget(self, number: int) -> Also:
        return lambda transaction: repository.remove_leftover(transaction, number)

    async def _delete(self, row: StackResource) -> None:
        # Without a physical id nothing is known to exist. What was being made when the platform was killed, and whose
        # stack is deleted instead of being taken up, may stay: better than deleting what somebody else made.
        if row.physical_id:
            await self.kind(row.type).handler.delete(self._context(row), _live(row), row.properties)

    async def _failed(self, row: StackResource, status: ResourceStatus, error: Exception) -> NoReturn:
        if isinstance(error, ResourceFailedError) and error.physical_id:
            row = replace(row, physical_id=error.physical_id)
        await self._journal.note(replace(row, status=status, status_reason=words_of(error)), words_of(error))
        raise StepFailedError(row.logical_id) from error

    def _new(self, wanted: Wanted, status: ResourceStatus) -> StackResource:
        token = f"{self._tools.ids.uuid()}".replace("-", "").upper()
        return StackResource(
            logical_id=wanted.logical_id,
            type=wanted.type,
            status=status,
            since=self._tools.clock.now(),
            token=token,
            properties=wanted.properties,
            needs=wanted.needs,
            deletion_policy=wanted.deletion_policy,
            replace_policy=wanted.replace_policy,
            metadata=wanted.metadata,
        )

    def _context(self, row: StackResource, *, is_repeated: bool = False) -> ResourceContext:
        return context_of(self._tools, self._journal.stack, row, is_repeated=is_repeated)


def context_of(tools: Tools, stack: Stack, row: StackResource, *, is_repeated: bool = False) -> ResourceContext:
    """Return for whom a handler works on a resource."""
    return ResourceContext(
        scope=stack.scope,
        principal=principal_of(stack),
        stack_id=stack.id,
        stack_name=stack.name,
        logical_id=row.logical_id,
        token=row.token,
        type_name=row.type,
        tags=stack.definition.tags,
        client=tools.client,
        clock=tools.clock,
        ids=tools.ids,
        is_repeated=is_repeated,
    )


def _live(row: StackResource) -> Live:
    return Live(row.physical_id, row.attributes)


def _of(live: Live) -> dict[str, Any]:  # Any: fields of StackResource, by name
    return {"physical_id": live.physical_id, "attributes": live.attributes, "status_reason": ""}


def _noted(one: StackResource | Wanted) -> tuple[object, ...]:
    return one.needs, one.deletion_policy, one.replace_policy, one.metadata


def _merged(row: StackResource, wanted: Wanted) -> StackResource:
    return replace(
        row,
        needs=wanted.needs,
        deletion_policy=wanted.deletion_policy,
        replace_policy=wanted.replace_policy,
        metadata=wanted.metadata,
    )
