"""Who may do what with a topic besides its account's own identities: whoever its policy lets in.

https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
"""

from __future__ import annotations

from typing import Final

from lambent.cloud.framework.authorise import AccessRequest, Decision, decide
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.sns import repository
from lambent.cloud.services.sns.errors import not_authorized
from lambent.cloud.services.sns.model.names import TopicName
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader

# These act on a topic with credentials of its account (an execution role's, a caller's), so identity policies decide.
_WITH_ROLES: Final = frozenset({"lambda.amazonaws.com", "cloudformation.amazonaws.com", "scheduler.amazonaws.com"})
# Of these AWS tells the topic whose resource they act for, as the default policy asks.
_NAMING_OWNERS: Final = frozenset({"cloudwatch.amazonaws.com"})
# Tokens and URLs let in who has them.
_OPEN: Final = frozenset({"ConfirmSubscription", "Unsubscribe"})
_PARTS: Final = 6
_NAMED_SO: Final = {"PublishBatch": "Publish", "GetDataProtectionPolicy": "GetDataProtectionPolicy"}


def check_access(reader: Reader, context: RequestContext, operation: str, parameters: Parameters) -> None:
    """Raise AuthorizationError for whom the topic's policy keeps out, or does not let in."""
    name = None if operation in _OPEN else _topic_in(parameters)
    topic = None if name is None else repository.topic(reader, name)
    if name is None or topic is None:
        return
    caller = context.caller
    is_own = caller.account == name.scope.account and (caller.kind != "service" or caller.arn in _WITH_ROLES)
    if is_own and "Policy" not in topic.attributes:
        return
    keys = {}
    if caller.kind != "service" or caller.arn in _NAMING_OWNERS | _WITH_ROLES:
        keys["aws:SourceOwner"] = caller.account
    if operation == "Subscribe":
        keys |= {"sns:Protocol": parameters["Protocol"], "sns:Endpoint": parameters.get("Endpoint") or ""}
    action = f"SNS:{_NAMED_SO.get(operation, operation)}"
    decision = decide([topic.policy], AccessRequest(caller, action, topic.arn, keys))
    if decision is Decision.EXPLICIT_DENY:
        raise not_authorized(caller.arn, action, topic.arn, is_denied=True)
    if decision is not Decision.ALLOW and not is_own:
        raise not_authorized(caller.arn, action, topic.arn)


def _topic_in(parameters: Parameters) -> TopicName | None:
    arn = parameters.get("TopicArn") or parameters.get("TargetArn") or parameters.get("ResourceArn") or ""
    parts = arn.split(":")
    if len(parts) != _PARTS or parts[2] != "sns":
        return None
    return TopicName(Scope(parts[4], parts[3]), parts[5])
