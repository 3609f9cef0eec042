"""Change sets: made, shown, carried out, thrown away."""

from __future__ import annotations

from dataclasses import replace

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.cloudformation import errors, rendering, repository
from lambent.cloud.services.cloudformation.engine.planning import planned
from lambent.cloud.services.cloudformation.model.stack import ChangeSet, Stack, StackEvent
from lambent.cloud.services.cloudformation.model.states import StackStatus
from lambent.cloud.services.cloudformation.operations.common import Parts
from lambent.cloud.services.cloudformation.operations.stacks import require_updatable
from lambent.cloud.services.cloudformation.templates import Prepared, same_definition
from lambent.cloud.store.unit_of_work import Transaction
from lambent.template.document import TemplateError

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
        if asked.get("ResourcesToImport") or kind == "IMPORT":
            raise errors.invalid("Change sets of type IMPORT are not supported here.")
        known = repository.stack(self._parts.store.read, context.scope, asked["StackName"])
        self._require_fitting(kind, known, asked["StackName"])
        if known is not None and repository.change_set(self._parts.store.read, known.id, name) is not None:
            raise ServiceError("AlreadyExistsException", f"ChangeSet {name} cannot be created due to a mismatch with existing attribute: ChangeSet [{name}] already exists")  # fmt: skip  # noqa: E501 - a message in one piece
        before = known if known is not None and known.status is not _S.REVIEW_IN_PROGRESS else None
        inherited = dict(asked)
        if before is not None and "Tags" not in asked:
            inherited["Tags"] = [{"Key": key, "Value": value} for key, value in before.definition.tags.items()]
        prepared = await self._parts.templates.prepare(context, inherited, before)
        stack = known or replace(
            self._parts.new_stack(context, asked["StackName"], prepared.definition),
            status=_S.REVIEW_IN_PROGRESS,
            status_reason="User Initiated",
        )
        found = self._made(context, asked, stack, prepared)
        await self._keep(stack, found, is_new=known is None)
        return {"Id": found.id, "StackId": stack.id}

    def _require_fitting(self, kind: str, known: Stack | None, name: str) -> None:
        if kind == "UPDATE":
            if known is None:
                raise errors.invalid(f"Stack [{name}] does not exist")
            require_updatable(known)
        elif known is not None and known.status is not _S.REVIEW_IN_PROGRESS:
            raise errors.invalid(f"Stack [{name}] already exists and cannot be created again with the changeSet [{name}].")  # fmt: skip  # noqa: E501 - a message in one piece

    def _made(self, context: RequestContext, asked: Parameters, stack: Stack, prepared: Prepared) -> ChangeSet:
        scope, name = context.scope, asked["ChangeSetName"]
        found = ChangeSet(
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
        )
        resources = repository.resources(self._parts.store.read, stack.id)
        try:
            changes = planned(
                prepared.template,
                stack,
                prepared.definition,
                resources,
                self._parts.types,
                lambda export: self._parts.export(context, export),
            )
        except TemplateError as error:
            return replace(found, status="FAILED", execution_status="UNAVAILABLE", status_reason=str(error))
        is_same = stack.status is not _S.REVIEW_IN_PROGRESS and _says_the_same(stack, prepared)
        if not changes and is_same:
            return replace(found, status="FAILED", execution_status="UNAVAILABLE", status_reason=_NO_CHANGES)
        return replace(found, changes=tuple(changes))

    async def _keep(self, stack: Stack, found: ChangeSet, *, is_new: bool) -> None:
        def work(transaction: Transaction) -> None:
            if is_new:
                repository.save_stack(transaction, stack)
                event = StackEvent(
                    id=self._parts.ids.uuid(),
                    at=stack.created,
                    logical_id=stack.name,
                    physical_id=stack.id,
                    type="AWS::CloudFormation::Stack",
                    status=stack.status,
                    reason="User Initiated",
                )
                repository.add_event(transaction, stack.id, event)
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
        stack = self._parts.stack(context, asked["StackName"])
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
                        "IncludeNestedStacks": False,
                    }
                )
                for one in repository.change_sets(self._parts.store.read, stack.id)
            ]
        }

    @operation("DeleteChangeSet")
    async def delete_change_set(self, context: RequestContext, asked: Parameters) -> Result:
        """Throw a change set away; one that is not there is no error when named by its ARN."""
        stack, found = self._find(context, asked)
        await self._parts.store.write(lambda transaction: repository.remove_change_set(transaction, found.id))
        del stack
        return {}

    @operation("ExecuteChangeSet")
    async def execute_change_set(self, context: RequestContext, asked: Parameters) -> Result:
        """Begin to carry a change set out; the stack's others are void from then on."""
        stack, found = self._find(context, asked)
        if found.execution_status != "AVAILABLE":
            raise ServiceError("InvalidChangeSetStatus", f"ChangeSet [{found.id}] cannot be executed in its current status of [{found.status}]")  # fmt: skip  # noqa: E501 - a message in one piece
        is_new = stack.status is _S.REVIEW_IN_PROGRESS
        if not is_new:
            require_updatable(stack)
        done = replace(found, execution_status="EXECUTE_COMPLETE")
        await self._parts.store.write(lambda transaction: repository.save_change_set(transaction, done))
        changed = replace(
            stack,
            definition=found.definition,
            deployed=None if is_new else stack.deployed or stack.definition,
            change_set_id=found.id,
            disable_rollback=bool(asked.get("DisableRollback", False)),
            on_failure=found.on_stack_failure or "ROLLBACK",
            client_token=asked.get("ClientRequestToken"),
        )
        to = _S.CREATE_IN_PROGRESS if is_new else _S.UPDATE_IN_PROGRESS
        await self._parts.engine.begin(changed, to, change_set_id=found.id)
        return {}

    def _find(self, context: RequestContext, asked: Parameters) -> tuple[Stack, ChangeSet]:
        read, name = self._parts.store.read, asked["ChangeSetName"]
        if asked.get("StackName"):
            stack = self._parts.stack(context, asked["StackName"])
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


def _says_the_same(stack: Stack, prepared: Prepared) -> bool:
    return same_definition(prepared.definition, stack.definition)
