"""Stacks: created, updated, deleted, continued, cancelled, protected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.cloudformation import errors, repository
from lambent.cloud.services.cloudformation.model.stack import Definition, Stack
from lambent.cloud.services.cloudformation.model.states import UPDATABLE, StackStatus
from lambent.cloud.services.cloudformation.operations import requests
from lambent.cloud.services.cloudformation.operations.common import Parts
from lambent.cloud.services.cloudformation.operations.policies import given_policy
from lambent.cloud.services.cloudformation.operations.rollbacks import (
    is_by_the_stack_around,
    require_outermost,
    resources_to_skip,
    where_to,
)
from lambent.cloud.services.cloudformation.templates import same_definition

_S = StackStatus
_FAILED = frozenset({_S.UPDATE_FAILED, _S.CREATE_FAILED})


class StackOperations:
    """Operations that change stacks."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("CreateStack")
    async def create_stack(self, context: RequestContext, asked: Parameters) -> Result:
        """Begin to create a stack."""
        name, token = asked["StackName"], asked.get("ClientRequestToken")
        requests.check_name(name)
        known = repository.stack(self._parts.store.read, context.scope, name)
        if known is not None and known.status is not _S.REVIEW_IN_PROGRESS:
            if token and known.client_token == token and known.updated is None:
                return {"StackId": known.id}
            raise errors.stack_exists(name)
        await self._check(context, asked)
        if asked.get("OnFailure") and "DisableRollback" in asked:
            raise errors.invalid("Either DisableRollback or OnFailure can be specified, not both.")
        policy = await given_policy(self._parts.sources, context, asked)
        prepared = await self._parts.templates.prepare(context, asked, None)
        new = self._parts.new_stack(context, name, prepared.definition)
        begun = await self._parts.engine.begin(
            new if known is None else known,  # what was no more than change sets to review is created under its id
            _S.CREATE_IN_PROGRESS,
            created=new.created,
            definition=new.definition,
            on_failure=asked.get("OnFailure", "ROLLBACK"),
            disable_rollback=requests.stays_where_it_fails(asked),
            deployment=requests.deployment_of(asked),
            timeout_minutes=asked.get("TimeoutInMinutes"),
            termination_protection=bool(asked.get("EnableTerminationProtection", False)),
            retain_except_on_create=bool(asked.get("RetainExceptOnCreate", False)),
            client_token=token,
            policy=policy,
            # Not a member of the API: only a stack that makes another names itself.
            parent_id=asked.get("ParentId"),
            root_id=asked.get("ParentId") and self._root_of(asked["ParentId"]),
        )
        return {"StackId": begun.id, "OperationId": begun.operation_id}

    @operation("UpdateStack")
    async def update_stack(self, context: RequestContext, asked: Parameters) -> Result:
        """Begin to update a stack."""
        stack = self._parts.stack_to_change(context, asked["StackName"])
        token = asked.get("ClientRequestToken")
        if token and stack.client_token == token:
            if stack.updated is None:
                raise errors.token_used(token)
            return {"StackId": stack.id, "OperationId": stack.operation_id}
        require_updatable(stack)
        whole = inherited(asked, stack.definition)
        await self._check(context, whole)
        policy = await given_policy(self._parts.sources, context, asked)
        override = await given_policy(self._parts.sources, context, asked, "StackPolicyDuringUpdate")
        prepared = await self._parts.templates.prepare(context, whole, stack)
        self._parts.require_same_types(stack, prepared.template)
        if stack.status not in _FAILED and same_definition(prepared.definition, stack.definition):
            raise errors.no_changes()
        changes = {} if policy is None else {"policy": policy}
        begun = await self._parts.engine.begin(
            stack,
            _S.UPDATE_IN_PROGRESS,
            definition=prepared.definition,
            disable_rollback=requests.stays_where_it_fails(asked),
            deployment=requests.deployment_of(asked),
            retain_except_on_create=bool(asked.get("RetainExceptOnCreate", False)),
            client_token=token,
            policy_override=override,
            # Not a member of the API: a stack that updates another lets it go on once all of itself has arrived.
            is_held="ParentId" in asked and is_by_the_stack_around(context),
            **changes,
        )
        return {"StackId": stack.id, "OperationId": begun.operation_id}

    @operation("DeleteStack")
    async def delete_stack(self, context: RequestContext, asked: Parameters) -> Result:
        """Begin to delete a stack; one that is not there is no error."""
        stack = repository.stack(self._parts.store.read, context.scope, asked["StackName"])
        if stack is None or stack.status in {_S.DELETE_COMPLETE, _S.DELETE_IN_PROGRESS}:
            return {}
        requests.refuse_what_is_not_offered(asked)
        self._require_deletable(context, stack)
        await requests.check_role(self._parts.client, context, inherited(asked, stack.definition))
        retained, mode = asked.get("RetainResources", ()), asked.get("DeletionMode")
        if retained and stack.status is not _S.DELETE_FAILED:
            raise errors.invalid(f"Invalid operation on stack [{stack.id}]. RetainResources can only be specified when the stack is in DELETE_FAILED state.")  # fmt: skip  # noqa: E501 - a message in one piece
        if mode == "FORCE_DELETE_STACK" and stack.status is not _S.DELETE_FAILED:
            raise errors.invalid(f"Invalid operation on stack [{stack.id}]. DeletionMode can only be specified as FORCE_DELETE_STACK when the stack is in DELETE_FAILED state.")  # fmt: skip  # noqa: E501 - a message in one piece
        changes = {**_changes(stack, asked), "deletion_mode": mode}
        await self._parts.engine.begin(stack, _S.DELETE_IN_PROGRESS, retained=retained, **changes)
        return {}

    @operation("CancelUpdateStack")
    async def cancel_update_stack(self, context: RequestContext, asked: Parameters) -> Result:
        """Let an update turn back."""
        stack = self._parts.stack_to_change(context, asked["StackName"])
        await self._parts.engine.cancel_update(stack.id)
        return {}

    @operation("ContinueUpdateRollback")
    async def continue_update_rollback(self, context: RequestContext, asked: Parameters) -> Result:
        """Go on with a rollback that failed, perhaps without some resources."""
        stack = self._parts.stack_to_change(context, asked["StackName"])
        require_outermost(context, stack)
        if stack.status is not _S.UPDATE_ROLLBACK_FAILED:
            raise errors.wrong_state(stack, "continued to rollback")
        await requests.check_role(self._parts.client, context, asked)
        skipped = resources_to_skip(self._parts.store.read, stack, asked)
        await self._parts.engine.begin(stack, _S.UPDATE_ROLLBACK_IN_PROGRESS, skipped=skipped, **_changes(stack, asked))
        return {}

    @operation("RollbackStack")
    async def rollback_stack(self, context: RequestContext, asked: Parameters) -> Result:
        """Roll back a stack whose creation or update failed and was left as it was."""
        stack = self._parts.stack_to_change(context, asked["StackName"])
        requests.refuse_what_is_not_offered(asked)
        to = where_to(context, stack)
        await requests.check_role(self._parts.client, context, asked)
        retains = bool(asked.get("RetainExceptOnCreate", False))
        changes = {**_changes(stack, asked), "retain_except_on_create": retains}
        begun = await self._parts.engine.begin(stack, to, **changes)
        return {"StackId": stack.id, "OperationId": begun.operation_id}

    @operation("UpdateTerminationProtection")
    async def update_termination_protection(self, context: RequestContext, asked: Parameters) -> Result:
        """Protect a stack from deletion, or no longer."""
        stack = self._parts.stack_to_change(context, asked["StackName"])
        if stack.parent_id is not None:
            raise errors.invalid(f"UpdateTerminationProtection cannot be called on nested stack {stack.id}")
        await self._amend(stack, termination_protection=asked["EnableTerminationProtection"])
        return {"StackId": stack.id}

    @operation("SetStackPolicy")
    async def set_stack_policy(self, context: RequestContext, asked: Parameters) -> Result:
        """Let a stack have a policy from now on."""
        stack = self._parts.stack_to_change(context, asked["StackName"])
        policy = await given_policy(self._parts.sources, context, asked)
        if policy is None:
            raise errors.invalid("You must specify either StackPolicyURL or StackPolicyBody")
        await self._amend(stack, policy=policy)
        return {}

    @operation("GetStackPolicy")
    async def get_stack_policy(self, context: RequestContext, asked: Parameters) -> Result:
        """Return a stack's policy."""
        stack = self._parts.stack(context, asked["StackName"])
        return {} if stack.policy is None else {"StackPolicyBody": stack.policy}

    async def _check(self, context: RequestContext, asked: Parameters) -> None:
        requests.refuse_what_is_not_offered(asked)
        requests.check_tags(asked)
        await requests.check_role(self._parts.client, context, asked)

    async def _amend(self, stack: Stack, **changes: object) -> None:
        await self._parts.store.write(lambda transaction: repository.amend_stack(transaction, stack.id, **changes))

    def _root_of(self, parent_id: str) -> str:
        parent = repository.stack_by_id(self._parts.store.read, parent_id)
        return parent_id if parent is None or parent.root_id is None else parent.root_id

    def _require_deletable(self, context: RequestContext, stack: Stack) -> None:
        if stack.termination_protection:
            raise errors.protected(stack.name)
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
    if stack.status is _S.CREATE_FAILED and stack.on_failure == "DO_NOTHING" and not stack.disable_rollback:
        raise errors.invalid("This stack cannot be updated from [CREATE_FAILED] state because it contains [on-failure: DO_NOTHING]. Please use disable-rollback option instead during stack creation.")  # fmt: skip  # noqa: E501 - a message in one piece


def inherited(asked: Parameters, definition: Definition) -> Mapping[str, Any]:  # Any: members of a request
    """Return the request with what a stack keeps of itself where it is not asked for anew."""
    kept = {
        "Tags": [{"Key": key, "Value": value} for key, value in definition.tags.items()],
        "NotificationARNs": list(definition.notification_arns),
        "RoleARN": definition.role_arn,
    }
    return {**kept, **asked}


def _changes(stack: Stack, asked: Parameters) -> dict[str, Any]:  # Any: fields of Stack, by name
    """Return what a request changes of a stack: its token, and the role for this operation and those that follow."""
    found: dict[str, Any] = {  # Any: as above
        "client_token": asked.get("ClientRequestToken"),
        "deployment": requests.deployment_of(asked),
    }
    if asked.get("RoleARN") is not None:
        found["definition"] = replace(stack.definition, role_arn=asked["RoleARN"])
    return found
