"""Who may use a queue besides the identities of its account: whoever its policy lets in.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-basic-examples-of-sqs-policies.html
"""

from __future__ import annotations

from lambent.cloud.framework.authorise import AccessRequest, Decision, decide
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.sqs import errors
from lambent.cloud.services.sqs.live import Queues
from lambent.cloud.services.sqs.lookups import address_meant
from lambent.cloud.services.sqs.model.queue import Address
from lambent.cloud.store.scope import Scope

# These act with a role of the account, on AWS: it is the role's policies that must let them, not the queue's.
_BY_ROLE = frozenset({"lambda.amazonaws.com", "pipes.amazonaws.com", "scheduler.amazonaws.com"})
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-customer-managed-policy-examples.html
_OWN_ACCOUNT_ALONE = frozenset(
    {
        "AddPermission",
        "CancelMessageMoveTask",
        "DeleteQueue",
        "ListMessageMoveTasks",
        "ListQueueTags",
        "RemovePermission",
        "SetQueueAttributes",
        "StartMessageMoveTask",
        "TagQueue",
        "UntagQueue",
    }
)
_ABOUT_NO_QUEUE = frozenset({"CreateQueue", "ListQueues", "CancelMessageMoveTask"})
_ABOUT_AN_ARN = frozenset({"StartMessageMoveTask", "ListMessageMoveTasks"})


def check_access(queues: Queues, context: RequestContext, operation: str, parameters: Parameters) -> None:
    """Raise AccessDenied unless the caller is of the queue's account or let in by its policy, and it denies nothing.

    Identities of the same account are the business of identity policies. A queue that is not there is no matter of
    access: the operation says so.
    """
    if operation in _ABOUT_NO_QUEUE or operation in _ABOUT_AN_ARN:
        return
    address = _address(context, operation, parameters)
    live = None if address is None else queues.find(address)
    if address is None or live is None:
        return
    caller, policy = context.caller, live.queue.settings.policy
    is_own = caller.account == address.scope.account and (caller.kind != "service" or caller.arn in _BY_ROLE)
    if is_own and policy is None:
        return
    action = f"sqs:{operation.removesuffix('Batch')}"
    decision = Decision.IMPLICIT_DENY
    if policy is not None:
        decision = decide([policy], AccessRequest(caller, action, address.arn))
    if decision is Decision.EXPLICIT_DENY:
        because = "with an explicit deny in a resource-based policy"
        raise errors.access_denied(caller.arn, action, address.arn, because)
    if is_own:
        return
    if decision is not Decision.ALLOW or operation in _OWN_ACCOUNT_ALONE:
        because = f"because no resource-based policy allows the {action.lower()} action"
        raise errors.access_denied(caller.arn, action, address.arn, because)


def _address(context: RequestContext, operation: str, parameters: Parameters) -> Address | None:
    if operation != "GetQueueUrl":
        return address_meant(context, parameters)
    name = parameters.get("QueueName")
    owner = parameters.get("QueueOwnerAWSAccountId") or context.scope.account
    return Address(Scope(owner, context.scope.region), name) if name else None
