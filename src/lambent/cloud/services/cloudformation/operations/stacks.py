"""Stacks: created, updated, deleted, continued, cancelled, protected."""

from __future__ import annotations

from dataclasses import replace

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.cloudformation import errors, repository
from lambent.cloud.services.cloudformation.model.stack import Stack
from lambent.cloud.services.cloudformation.model.states import UPDATABLE, StackStatus
from lambent.cloud.services.cloudformation.operations.common import Parts
from lambent.cloud.services.cloudformation.templates import same_definition

_S = StackStatus


class StackOperations:
    """Operations that change stacks."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("CreateStack")
    async def create_stack(self, context: RequestContext, asked: Parameters) -> Result:
        """Begin to create a stack."""
        name = asked["StackName"]
        known = repository.stack(self._parts.store.read, context.scope, name)
        if known is not None:
            if asked.get("ClientRequestToken") and known.client_token == asked["ClientRequestToken"]:
                return {"StackId": known.id}
            raise errors.stack_exists(name)
        if asked.get("OnFailure") and "DisableRollback" in asked:
            raise errors.invalid("Either DisableRollback or OnFailure can be specified, not both.")
        prepared = await self._parts.templates.prepare(context, asked, None)
        stack = replace(
            self._parts.new_stack(context, name, prepared.definition),
            on_failure=asked.get("OnFailure", "ROLLBACK"),
            disable_rollback=bool(asked.get("DisableRollback", False)),
            timeout_minutes=asked.get("TimeoutInMinutes"),
            termination_protection=bool(asked.get("EnableTerminationProtection", False)),
            client_token=asked.get("ClientRequestToken"),
            policy=asked.get("StackPolicyBody"),
            # Not a member of the API: only a stack that makes another names itself.
            parent_id=asked.get("ParentId"),
            root_id=asked.get("ParentId") and self._root_of(asked["ParentId"]),
        )
        await self._parts.engine.begin(stack, _S.CREATE_IN_PROGRESS)
        return {"StackId": stack.id}

    @operation("UpdateStack")
    async def update_stack(self, context: RequestContext, asked: Parameters) -> Result:
        """Begin to update a stack."""
        stack = self._parts.stack(context, asked["StackName"])
        require_updatable(stack)
        inherited = dict(asked)
        if "Tags" not in asked:
            inherited["Tags"] = [{"Key": key, "Value": value} for key, value in stack.definition.tags.items()]
        inherited.setdefault("RoleARN", stack.definition.role_arn)
        prepared = await self._parts.templates.prepare(context, inherited, stack)
        if stack.status not in {_S.UPDATE_FAILED, _S.CREATE_FAILED} and same_definition(
            prepared.definition, stack.definition
        ):
            raise errors.no_changes()
        changed = replace(
            stack,
            definition=prepared.definition,
            deployed=stack.deployed or stack.definition,
            disable_rollback=bool(asked.get("DisableRollback", False)),
            client_token=asked.get("ClientRequestToken"),
        )
        begun = await self._parts.engine.begin(changed, _S.UPDATE_IN_PROGRESS)
        return {"StackId": stack.id, "OperationId": begun.operation_id}

    @operation("DeleteStack")
    async def delete_stack(self, context: RequestContext, asked: Parameters) -> Result:
        """Begin to delete a stack; one that is not there is no error."""
        stack = repository.stack(self._parts.store.read, context.scope, asked["StackName"])
        if stack is None or stack.status in {_S.DELETE_COMPLETE, _S.DELETE_IN_PROGRESS}:
            return {}
        self._require_deletable(context, stack)
        retained = asked.get("RetainResources", ())
        if retained and stack.status is not _S.DELETE_FAILED:
            raise errors.invalid(
                "Invalid operation on stack ["
                + stack.id
                + "]. RetainResources can only be specified when the stack is "
                "in DELETE_FAILED state."
            )
        token = replace(stack, client_token=asked.get("ClientRequestToken"))
        if asked.get("RoleARN"):
            token = replace(token, definition=replace(stack.definition, role_arn=asked["RoleARN"]))
        await self._parts.engine.begin(token, _S.DELETE_IN_PROGRESS, retained=retained)
        return {}

    @operation("CancelUpdateStack")
    async def cancel_update_stack(self, context: RequestContext, asked: Parameters) -> Result:
        """Let an update turn back."""
        stack = self._parts.stack(context, asked["StackName"])
        if stack.status is not _S.UPDATE_IN_PROGRESS:
            raise errors.invalid("CancelUpdateStack cannot be called from current stack status")
        self._parts.engine.cancel_update(stack.id)
        return {}

    @operation("ContinueUpdateRollback")
    async def continue_update_rollback(self, context: RequestContext, asked: Parameters) -> Result:
        """Go on with a rollback that failed, perhaps without some resources."""
        stack = self._parts.stack(context, asked["StackName"])
        if stack.status is not _S.UPDATE_ROLLBACK_FAILED:
            raise errors.wrong_state(stack, "continued to rollback")
        skipped = asked.get("ResourcesToSkip", ())
        await self._parts.engine.begin(stack, _S.UPDATE_ROLLBACK_IN_PROGRESS, skipped=skipped)
        return {}

    @operation("RollbackStack")
    async def rollback_stack(self, context: RequestContext, asked: Parameters) -> Result:
        """Roll back a stack whose creation or update failed and was left as it was."""
        stack = self._parts.stack(context, asked["StackName"])
        to = {_S.CREATE_FAILED: _S.ROLLBACK_IN_PROGRESS, _S.UPDATE_FAILED: _S.UPDATE_ROLLBACK_IN_PROGRESS}
        if stack.status not in to:
            raise errors.wrong_state(stack, "rolled back")
        begun = await self._parts.engine.begin(stack, to[stack.status])
        return {"StackId": stack.id, "OperationId": begun.operation_id}

    @operation("UpdateTerminationProtection")
    async def update_termination_protection(self, context: RequestContext, asked: Parameters) -> Result:
        """Protect a stack from deletion, or no longer."""
        stack = self._parts.stack(context, asked["StackName"])
        if stack.parent_id is not None:
            raise errors.invalid(f"UpdateTerminationProtection cannot be called on nested stack {stack.id}")
        changed = replace(stack, termination_protection=asked["EnableTerminationProtection"])
        await self._parts.store.write(lambda transaction: repository.save_stack(transaction, changed))
        return {"StackId": stack.id}

    @operation("SetStackPolicy")
    async def set_stack_policy(self, context: RequestContext, asked: Parameters) -> Result:
        """Keep a stack's policy, which GetStackPolicy tells; updates are not held to it."""
        stack = self._parts.stack(context, asked["StackName"])
        if "StackPolicyBody" not in asked:
            raise errors.invalid("You must specify the StackPolicyBody here: StackPolicyURL is not read.")
        changed = replace(stack, policy=asked["StackPolicyBody"])
        await self._parts.store.write(lambda transaction: repository.save_stack(transaction, changed))
        return {}

    @operation("GetStackPolicy")
    async def get_stack_policy(self, context: RequestContext, asked: Parameters) -> Result:
        """Return a stack's policy."""
        stack = self._parts.stack(context, asked["StackName"])
        return {} if stack.policy is None else {"StackPolicyBody": stack.policy}

    def _root_of(self, parent_id: str) -> str:
        parent = repository.stack_by_id(self._parts.store.read, parent_id)
        return parent_id if parent is None or parent.root_id is None else parent.root_id

    def _require_deletable(self, context: RequestContext, stack: Stack) -> None:
        if stack.termination_protection:
            raise errors.invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        if stack.status.is_in_progress and stack.status is not _S.CREATE_IN_PROGRESS:
            raise errors.wrong_state(stack, "deleted")
        read, scope = self._parts.store.read, context.scope
        for name, (owner, _) in repository.exports(read, scope).items():
            users = repository.importers(read, scope, name) if owner == stack.id else []
            if users:
                names = ", ".join(one.split("/")[1] for one in users)
                raise errors.invalid(f"Delete canceled. Cannot delete export {name} as it is in use by {names}.")


def require_updatable(stack: Stack) -> None:
    """Raise ServiceError where the stack's state allows no update."""
    if stack.status not in UPDATABLE:
        raise errors.wrong_state(stack, "updated")
