"""What may be sent to an account that others use: changes of what is the test's own, and reads that tell of no other.

A change is sent only if it stands here, and only if what it names is the test's: its name has the test's prefix, or
AWS gave it its identifier in answer to the test. Everything else is refused before it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.recorder.disguise import LISTS, NAMES

# The member that says what is changed, and the operations that change it.
_CHANGES: Mapping[tuple[str, str], str] = {
    ("dynamodb", "TableName"): "CreateTable DeleteItem DeleteTable PutItem UpdateItem UpdateTable",
    ("iam", "RoleName"): (
        "AttachRolePolicy CreateRole DeleteRole DeleteRolePolicy DetachRolePolicy PutRolePolicy UpdateAssumeRolePolicy"
    ),
    ("kinesis", "StreamName"): "CreateStream DeleteStream PutRecord PutRecords",
    ("kinesis", "StreamARN"): "DeregisterStreamConsumer RegisterStreamConsumer",
    ("lambda", "CapacityProviderName"): "CreateCapacityProvider DeleteCapacityProvider UpdateCapacityProvider",
    ("lambda", "CodeSigningConfigArn"): "DeleteCodeSigningConfig UpdateCodeSigningConfig",
    ("lambda", "FunctionName"): (
        "AddPermission CreateAlias CreateEventSourceMapping CreateFunction CreateFunctionUrlConfig DeleteAlias "
        "DeleteFunction DeleteFunctionCodeSigningConfig DeleteFunctionConcurrency DeleteFunctionEventInvokeConfig "
        "DeleteFunctionUrlConfig DeleteProvisionedConcurrencyConfig Invoke InvokeAsync InvokeWithResponseStream "
        "PublishVersion PutFunctionCodeSigningConfig PutFunctionConcurrency PutFunctionEventInvokeConfig "
        "PutFunctionRecursionConfig PutFunctionScalingConfig PutProvisionedConcurrencyConfig "
        "PutRuntimeManagementConfig RemovePermission UpdateAlias UpdateFunctionCode UpdateFunctionConfiguration "
        "UpdateFunctionEventInvokeConfig UpdateFunctionUrlConfig"
    ),
    ("lambda", "LayerName"): (
        "AddLayerVersionPermission DeleteLayerVersion PublishLayerVersion RemoveLayerVersionPermission"
    ),
    ("lambda", "Resource"): "TagResource UntagResource",
    ("lambda", "ResourceArn"): "DeleteResourcePolicy PutResourcePolicy",
    ("lambda", "UUID"): "DeleteEventSourceMapping UpdateEventSourceMapping",
    ("logs", "logGroupName"): (
        "CreateLogGroup CreateLogStream DeleteLogGroup DeleteLogStream DeleteRetentionPolicy PutLogEvents "
        "PutRetentionPolicy TagLogGroup UntagLogGroup"
    ),
    ("logs", "resourceArn"): "TagResource UntagResource",
    ("sqs", "QueueName"): "CreateQueue",
    ("sqs", "QueueUrl"): "DeleteMessage DeleteQueue ReceiveMessage SendMessage SetQueueAttributes",
}
_CHANGED_BY = {
    f"{service}.{operation}": member
    for (service, member), operations in _CHANGES.items()
    for operation in operations.split()
}
# It names nothing: what it makes is known by the ARN that AWS answers with.
_NAMELESS = frozenset({"lambda.CreateCodeSigningConfig"})
_READS = ("BatchGet", "Describe", "Filter", "Get", "List")
# Members of reads besides names: who sends them tells of what to read.
_IDENTIFIERS = frozenset({
    "Arn", "CodeSigningConfigArn", "ConsumerARN", "DurableExecutionArn", "QueueUrl", "Resource", "ResourceArn",
    "ShardIterator", "StreamARN", "UUID", "resourceArn",
})  # fmt: skip
# They name nothing, and tell of the account and the caller.
_READS_OF_THE_ACCOUNT = frozenset({"lambda.GetAccountSettings", "sts.GetCallerIdentity"})
# Tests ask for them as for what is not there; AWS gives no such ones.
_NOBODYS = frozenset({"11111111-2222-3333-4444-555555555555", "csc-0123456789abcdef0"})


def why_not(service: str, operation: str, sent: Mapping[str, object], is_ours: Callable[[str], bool]) -> str | None:
    """Return why an operation must not be sent, None where it may be; `sent` is what AWS would see."""
    named = f"{service}.{operation}"
    if named in _NAMELESS or named in _READS_OF_THE_ACCOUNT:
        return None
    if named in _CHANGED_BY:
        member = _CHANGED_BY[named]
        value = sent.get(member)
        if isinstance(value, str) and (is_ours(value) or value.rpartition(":")[2] in _NOBODYS):
            return None
        return f"its {member} {value!r} is not known to be the test's own"
    if service not in NAMES or not operation.startswith(_READS):
        return "tests/recorder/allowed.py does not list it"
    if operation in LISTS or sent.keys() & (NAMES[service] | _IDENTIFIERS):
        return None
    return "it tells of what is others', and tests/recorder/disguise.py does not say in which list"
