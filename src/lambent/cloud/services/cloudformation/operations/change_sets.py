"""Change sets: made, shown, carried out, thrown away."""

from __future__ import annotations

from dataclasses import replace

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.cloudformation import errors, rendering, repository
from lambent.cloud.services.cloudformation.engine.planning import planned
from lambent.cloud.services.cloudformation.model import events
from lambent.cloud.services.cloudformation.model.events import STACK_TYPE
from lambent.cloud.services.cloudformation.model.stack import ChangeSet, Stack
from lambent.cloud.services.cloudformation.model.states import StackStatus
from lambent.cloud.services.cloudformation.operations import requests
from lambent.cloud.services.cloudformation.operations.common import Parts
from lambent.cloud.services.cloudformation.operations.stacks import inherited, require_updatable
from lambent.cloud.services.cloudformation.templates import Prepared, same_definition
from lambent.cloud.store.unit_of_work import Transaction
from lambent.template.document import TemplateError, Value

_S = StackStatus
_NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


class ChangeSetOperations:
    """Operations on change sets."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("CreateChangeSet")
    async def create_change_set(self, context: RequestContext, asked: Parameters) -> Result:
        """Work out what a template would make of a stack, and keep it to be carried out."""
        name, kind = asked["ChangeSetName"], asked.get("ChangeSetType", "UPDATE")
        requests.refuse_what_is_not_offered(asked)
        requests.check_tags(asked)
        known = repository.stack(self._parts.store.read, context.scope, asked["StackName"])
        _require_fitting(asked, kind, known)
        if known is None:
            requests.check_name(asked["StackName"])
        elif (same := repository.change_set(self._parts.store.read, known.id, name)) is not None:
            if asked.get("ClientToken") and same.client_token == asked["ClientToken"]:
                return {"Id": same.id, "StackId": known.id}
            raise errors.change_set_exists(name)
        before = known if known is not None and known.status is not _S.REVIEW_IN_PROGRESS else None
        whole = asked if before is None else inherited(asked, before.definition)
        await requests.check_role(self._parts.client, context, whole)
        prepared = await self._parts.templates.prepare(context, whole, before, is_reviewed=True)
        if before is not None:
            self._parts.require_same_types(before, prepared.template)
        nested = [one for one in prepared.template.resources.values() if one.type == STACK_TYPE]
        if asked.get("IncludeNestedStacks") and nested:
            raise errors.not_offered("IncludeNestedStacks for a template that has nested stacks")
        stack = known or replace(
            self._parts.new_stack(context, asked["StackName"], prepared.definition),
            status=_S.REVIEW_IN_PROGRESS,
            status_reason="User Initiated",
        )
        found = await self._planned(context, self._begun(context, asked, stack, prepared), stack, prepared)
        await self._keep(stack, found, is_new=known is None)
        return {"Id": found.id, "StackId": stack.id}

    def _begun(self, context: RequestContext, asked: Parameters, stack: Stack, prepared: Prepared) -> ChangeSet:
        scope, name = context.scope, asked["ChangeSetName"]
        return ChangeSet(
            id=f"arn:{scope.partition}:cloudformation:{scope.region}:{scope.account}:changeSet/{name}/{self._parts.ids.uuid()}",
            name=name,
            stack_id=stack.id,
            kind=asked.get("ChangeSetType", "UPDATE"),
            status="CREATE_COMPLETE",
            execution_status="AVAILABLE",
            created=self._parts.clock.now(),
            definition=prepared.definition,
            description=asked.get("Description", ""),
            on_stack_failure=asked.get("OnStackFailure"),
            client_token=asked.get("ClientToken"),
            include_nested=bool(asked.get("IncludeNestedStacks", False)),
            deployment=requests.deployment_of(asked),
        )

    async def _planned(self, context: RequestContext, found: ChangeSet, stack: Stack, prepared: Prepared) -> ChangeSet:
        def export(name: str) -> Value:
            return self._parts.export(context, name)

        resources = repository.resources(self._parts.store.read, stack.id)
        try:
            await self._parts.templates.require_met(context, prepared, stack, export)
            changes = planned(prepared.template, stack, prepared.definition, resources, self._parts.types, export)
        except TemplateError as error:
            return replace(found, status="FAILED", execution_status="UNAVAILABLE", status_reason=str(error))
        is_same = stack.status is not _S.REVIEW_IN_PROGRESS and same_definition(prepared.definition, stack.definition)
        if not changes and is_same:
            return replace(found, status="FAILED", execution_status="UNAVAILABLE", status_reason=_NO_CHANGES)
        return replace(found, changes=tuple(changes))

    async def _keep(self, stack: Stack, found: ChangeSet, *, is_new: bool) -> None:
        def work(transaction: Transaction) -> None:
            if is_new and repository.stack(transaction, stack.scope, stack.name) is not None:
                raise errors.stack_exists(stack.name)  # somebody was quicker
            if repository.change_set(transaction, stack.id, found.name) is not None:
                raise errors.change_set_exists(found.name)  # as above
            if is_new:
                repository.save_stack(transaction, stack)
                repository.add_event(transaction, stack.id, events.of_stack(stack, stack.created, self._parts.ids))
            repository.save_change_set(transaction, found)

        await self._parts.store.write(work)

    @operation("DescribeChangeSet")
    async def describe_change_set(self, context: RequestContext, asked: Parameters) -> Result:
        """Return a change set with its changes."""
        stack, found = self._find(context, asked)
        return rendering.change_set(found, stack, with_values=bool(asked.get("IncludePropertyValues")))

    @operation("ListChangeSets")
    async def list_change_sets(self, context: RequestContext, asked: Parameters) -> Result:
        """Return a stack's change sets."""
        stack = self._parts.stack_to_change(context, asked["StackName"])
        return {
            "Summaries": [
                rendering.without_empty(
                    {
                        "StackId": stack.id,
                        "StackName": stack.name,
                        "ChangeSetId": one.id,
                        "ChangeSetName": one.name,
                        "ExecutionStatus": one.execution_status,
                        "Status": one.status,
                        "StatusReason": one.status_reason,
                        "CreationTime": one.created,
                        "Description": one.description,
                        "IncludeNestedStacks": one.include_nested,
                    }
                )
                for one in repository.change_sets(self._parts.store.read, stack.id)
            ]
        }

    @operation("DeleteChangeSet")
    async def delete_change_set(self, context: RequestContext, asked: Parameters) -> Result:
        """Throw a change set away; one that a stack does not have is no error, as the CDK relies on."""
        try:
            _, found = self._find(context, asked)
        except ServiceError as error:
            if error.code.startswith("ChangeSetNotFound") and asked.get("StackName"):
                return {}
            raise
        await self._parts.store.write(lambda transaction: repository.remove_change_set(transaction, found.id))
        return {}

    @operation("ExecuteChangeSet")
    async def execute_change_set(self, context: RequestContext, asked: Parameters) -> Result:
        """Begin to carry a change set out; the stack's others are void from then on."""
        stack, found = self._find(context, asked)
        token = asked.get("ClientRequestToken")
        if token and stack.change_set_id == found.id and stack.client_token == token:
            return {}  # the same request again
        _require_executable(asked, found)
        is_new = stack.status is _S.REVIEW_IN_PROGRESS
        if not is_new:
            require_updatable(stack)
        stays = requests.stays_where_it_fails({**asked, "DeploymentConfig": found.deployment})
        to = _S.CREATE_IN_PROGRESS if is_new else _S.UPDATE_IN_PROGRESS
        await self._parts.engine.begin(
            stack,
            to,
            change_set_id=found.id,
            definition=found.definition,
            updated=self._parts.clock.now(),  # AWS tells it of a stack that a change set creates, too
            disable_rollback=stays or found.on_stack_failure == "DO_NOTHING",
            deployment=found.deployment,
            on_failure=found.on_stack_failure or "ROLLBACK",
            retain_except_on_create=bool(asked.get("RetainExceptOnCreate", False)),
            client_token=token,
        )
        return {}

    def _find(self, context: RequestContext, asked: Parameters) -> tuple[Stack, ChangeSet]:
        read, name = self._parts.store.read, asked["ChangeSetName"]
        if asked.get("StackName"):
            stack = self._parts.stack_to_change(context, asked["StackName"])
            found = repository.change_set(read, stack.id, name)
        elif name.startswith("arn:"):
            found = repository.change_set_by_id(read, name)
            owner = None if found is None else repository.stack_by_id(read, found.stack_id)
            if owner is None:
                raise errors.no_such_change_set(name)
            stack = owner
        else:
            raise errors.invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
        if found is None:
            raise errors.no_such_change_set(name)
        return stack, found


def _require_fitting(asked: Parameters, kind: str, known: Stack | None) -> None:
    name = asked["StackName"]
    if kind == "UPDATE":
        if known is None or known.status is _S.DELETE_COMPLETE:
            raise errors.nothing_to_change(name)
        require_updatable(known)
        if asked.get("OnStackFailure") == "DELETE":
            raise errors.invalid("OnStackFailure cannot be DELETE when ChangeSetType is UPDATE")
        return
    if known is not None and known.status is not _S.REVIEW_IN_PROGRESS:
        raise errors.invalid(f"Stack [{name}] already exists and cannot be created again with the changeSet [{asked['ChangeSetName']}].")  # fmt: skip  # noqa: E501 - a message in one piece
    if any(one.get("UsePreviousValue") for one in asked.get("Parameters", ())):
        raise errors.invalid("Cannot specify UsePreviousValue on Parameters when ChangeSetType is CREATE")


def _require_executable(asked: Parameters, found: ChangeSet) -> None:
    if found.status != "CREATE_COMPLETE":
        raise ServiceError("InvalidChangeSetStatus", f"ChangeSet [{found.id}] cannot be executed in its current status of [{found.status}]")  # fmt: skip  # noqa: E501 - a message in one piece
    if found.execution_status != "AVAILABLE":
        raise ServiceError("InvalidChangeSetStatus", f"ChangeSet [{found.id}] cannot be executed in its current execution status of [{found.execution_status}]")  # fmt: skip  # noqa: E501 - a message in one piece
    if "DisableRollback" in asked and found.on_stack_failure is not None:
        raise errors.invalid("DisableRollback cannot be specified when the change set was created with OnStackFailure")
