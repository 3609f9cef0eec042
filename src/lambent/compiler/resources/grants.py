"""What a function's role has to allow for its triggers and its `permissions`, and no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lambent.compiler.errors import CompileError
from lambent.compiler.intrinsics import Value, concatenate, resource_att
from lambent.compiler.resources.parties import Party, party
from lambent.compiler.resources.policies import allow
from lambent.compiler.resources.scope import Scope
from lambent.manifest.checks.parties import GRANTED
from lambent.manifest.expression import Expression
from lambent.manifest.system import Function

_RECEIVE = (
    "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes",
)  # fmt: skip
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
_READ_ITEMS = (
    "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:ConditionCheckItem",
    "dynamodb:DescribeTable",
)  # fmt: skip
_WRITE_ITEMS = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem")
# By verb and service: what is allowed on the resource itself, and on what is in it.
_ACTIONS: Mapping[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...]]] = {
    ("read", "s3"): (("s3:ListBucket", "s3:GetBucketLocation"), ("s3:GetObject", "s3:GetObjectVersion")),
    ("write", "s3"): ((), ("s3:PutObject", "s3:AbortMultipartUpload")),
    ("delete", "s3"): ((), ("s3:DeleteObject", "s3:DeleteObjectVersion")),
    ("read", "dynamodb"): (_READ_ITEMS, ()),
    ("write", "dynamodb"): (_WRITE_ITEMS, ()),
    ("delete", "dynamodb"): (("dynamodb:DeleteItem",), ()),
    ("send", "sqs"): (("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"), ()),
    ("send", "sns"): (("sns:Publish",), ()),
    ("send", "events"): (("events:PutEvents",), ()),
    ("receive", "sqs"): ((*_RECEIVE, "sqs:GetQueueUrl"), ()),
    ("invoke", "lambda"): (("lambda:InvokeFunction",), ()),
    ("encrypt", "kms"): (("kms:Encrypt", "kms:GenerateDataKey"), ()),
    ("decrypt", "kms"): (("kms:Decrypt",), ()),
}
# https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html, https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
_READ_STREAM = {
    "dynamodb": (
        "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
    ),
    "kinesis": (
        "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator",
        "kinesis:ListShards",
    ),
}  # fmt: skip
_USE_OF_KEY = {"read": ("kms:Decrypt",), "receive": ("kms:Decrypt",)}
_MAKE_WITH_KEY = ("kms:Decrypt", "kms:GenerateDataKey")
STREAM_FAILURES = ("queues", "topics", "buckets")


def granted(scope: Scope, function: Function) -> Iterator[Value]:
    """Yield the statements of the function's `permissions`."""
    for grant in function.permissions:
        for verb, sections in GRANTED.items():
            for wanted in getattr(grant, verb):
                yield from _allowed(scope, verb, party(scope, wanted, *sections), wanted)


def read_by_triggers(scope: Scope, function: Function) -> Iterator[Value]:
    """Yield the statements that the function's event source mappings need."""
    for trigger in function.triggers:
        if trigger.sqs is not None:
            queue = party(scope, trigger.sqs.queue, "queues")
            yield allow(_RECEIVE, queue.named_arn)
            yield from _key_of(scope, "receive", queue)
        if trigger.stream is not None:
            source, service = stream_arn(scope, trigger.stream.source)
            yield allow(_READ_STREAM[service], source)
            if trigger.stream.on_failure is not None:
                target = party(scope, trigger.stream.on_failure, *STREAM_FAILURES)
                verb = "write" if target.service == "s3" else "send"
                yield from _allowed(scope, verb, target, trigger.stream.on_failure)


def stream_arn(scope: Scope, source: Expression) -> tuple[Value, str]:
    """Return the ARN of a trigger's stream, and its service: that of a table of the manifest, or the one given."""
    found = party(scope, source, "tables")
    if found.section:
        return resource_att(found.key, "Table", "StreamArn"), "dynamodb"
    return found.arn, "kinesis" if found.service == "kinesis" else "dynamodb"


def _allowed(scope: Scope, verb: str, target: Party, wanted: Expression) -> Iterator[Value]:
    if target.service is None or (verb, target.service) not in _ACTIONS:
        kinds = " or ".join(GRANTED[verb])
        advice = f"`{verb}` is for {kinds}; write `policies` for anything else."
        raise CompileError(f"permissions: `{verb}: {wanted}` says nothing that IAM knows", advice=advice)
    on_it, on_what_is_in_it = _ACTIONS[verb, target.service]
    if on_it:
        yield allow(on_it, target.named_arn, *_more(scope, verb, target))
    if on_what_is_in_it:
        yield allow(on_what_is_in_it, concatenate(target.named_arn, "/*"))
    yield from _key_of(scope, verb, target)


def _more(scope: Scope, verb: str, target: Party) -> tuple[Value, ...]:
    """Return what belongs to a resource and has ARNs of its own."""
    if target.service == "dynamodb" and verb == "read" and (not target.key or scope.system.tables[target.key].indexes):
        return (concatenate(target.named_arn, "/index/*"),)
    return (concatenate(target.named_arn, ":*"),) if target.service == "lambda" else ()


def _key_of(scope: Scope, verb: str, target: Party) -> Iterator[Value]:
    """Yield what the resource's own key needs: whoever reads what it encrypts has to be let decrypt."""
    key = encrypting_key(scope, target)
    if key is not None:
        yield allow(_USE_OF_KEY.get(verb, _MAKE_WITH_KEY), scope.references.named(key))


def encrypting_key(scope: Scope, target: Party) -> Expression | None:
    """Return the KMS key that a resource of the manifest says it is encrypted with."""
    if target.section not in {"buckets", "queues", "topics", "tables"}:
        return None
    declared = getattr(scope.system, target.section)[target.key]
    key: Expression | None = getattr(declared, "encryption_key" if target.section == "tables" else "key")
    return key
