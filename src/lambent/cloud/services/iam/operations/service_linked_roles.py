"""Service-linked roles: the ones through which AWS's services act, which only they may change.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
"""

from __future__ import annotations

import json
import re

from lambent.aws.access_keys import IdKind, unique_id
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.iam import policy_repository, repository
from lambent.cloud.services.iam.errors import invalid_input, no_such_entity, role_not_found
from lambent.cloud.services.iam.model import DEFAULT_SESSION_S, SERVICE_LINKED_PATH, Holder, HolderKind, Role
from lambent.cloud.services.iam.operations.common import show_role
from lambent.cloud.store.unit_of_work import Store, Transaction

# Service → the end of its role's name, and the policy AWS attaches to it.
_KNOWN = {
    "apidestinations.events.amazonaws.com": (
        "AmazonEventBridgeApiDestinations",
        "AmazonEventBridgeApiDestinationsServiceRolePolicy",
    ),
    "appsync.amazonaws.com": ("AppSync", "AWSAppSyncServiceRolePolicy"),
    "dynamodb.application-autoscaling.amazonaws.com": (
        "ApplicationAutoScaling_DynamoDBTable",
        "AWSApplicationAutoscalingDynamoDBTablePolicy",
    ),
    "ecs.application-autoscaling.amazonaws.com": (
        "ApplicationAutoScaling_ECSService",
        "AWSApplicationAutoscalingECSServicePolicy",
    ),
    "lambda.amazonaws.com": ("Lambda", "AWSLambdaServiceRolePolicy"),
    "lambda.application-autoscaling.amazonaws.com": (
        "ApplicationAutoScaling_LambdaConcurrency",
        "AWSApplicationAutoscalingLambdaConcurrencyPolicy",
    ),
    "opensearchservice.amazonaws.com": ("AmazonOpenSearchService", "AmazonOpenSearchServiceRolePolicy"),
    "rds.application-autoscaling.amazonaws.com": (
        "ApplicationAutoScaling_RDSCluster",
        "AWSApplicationAutoscalingRDSClusterPolicy",
    ),
    "schemas.amazonaws.com": ("Schemas", "AmazonEventBridgeSchemasServiceRolePolicy"),
}
_TASK = re.compile(r"task/aws-service-role/[^/]+/(?P<role>[^/]+)/[0-9a-f-]{36}")


class ServiceLinkedRoleOperations:
    """The operations on service-linked roles."""

    def __init__(self, store: Store, ids: IdSource) -> None:
        self._store = store
        self._ids = ids

    @operation("CreateServiceLinkedRole")
    async def create(self, context: RequestContext, parameters: Parameters) -> Result:
        """Create the service's role with the policy AWS made for it; raises InvalidInput if it is there."""
        account, host = context.scope.account, parameters["AWSServiceName"]
        if host not in _KNOWN:
            raise invalid_input(f"Service {host} does not have a service-linked role that is known here.")
        if "CustomSuffix" in parameters:
            raise invalid_input(f"Custom suffix is not allowed for {host}")
        suffix, policy_name = _KNOWN[host]
        role = Role(
            account=account,
            name=f"AWSServiceRoleFor{suffix}",
            id=unique_id(IdKind.ROLE, account, self._ids.base32(20)),
            path=f"{SERVICE_LINKED_PATH}{host}/",
            trust_policy=_trust_of(host),
            description=parameters.get("Description"),
            max_session_s=DEFAULT_SESSION_S,
            boundary=None,
            created=float(int(context.now)),
            tags={},
        )

        def create(transaction: Transaction) -> None:
            if repository.role(transaction, account, role.name) is not None:
                raise invalid_input(
                    f"Service role name {role.name} has been taken in this account, please try a different suffix."
                )
            repository.put_role(transaction, role)
            policy = policy_repository.aws_policy_named(policy_name)
            repository.attach(transaction, Holder(account, HolderKind.ROLE, role.name), policy.arn)

        await self._store.write(create)
        return {"Role": show_role(role, in_full=False)}

    @operation("DeleteServiceLinkedRole")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete the role; returns the task that GetServiceLinkedRoleDeletionStatus follows."""
        account, name = context.scope.account, parameters["RoleName"]

        def delete(transaction: Transaction) -> Role:
            role = repository.role(transaction, account, name)
            if role is None or not role.is_service_linked:
                raise role_not_found(name)
            holder = Holder(account, HolderKind.ROLE, role.name)
            for arn in repository.attachments(transaction, holder):
                repository.detach(transaction, holder, arn)
            repository.delete_role(transaction, account, name)
            return role

        role = await self._store.write(delete)
        return {"DeletionTaskId": f"task{role.path}{role.name}/{self._ids.uuid()}"}

    @operation("GetServiceLinkedRoleDeletionStatus")
    async def deletion_status(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return how the deletion went: roles are deleted at once, so a task that was given has succeeded."""
        task = _TASK.fullmatch(parameters["DeletionTaskId"])
        if task is None:
            raise no_such_entity(f"Deletion task id {parameters['DeletionTaskId']} cannot be found.")
        return {"Status": "SUCCEEDED"}


def _trust_of(host: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": host}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
