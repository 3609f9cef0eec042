"""Which sources a request is about: from the parameters of what functions and clients do with queues, tables and so on.

What sets them up (CreateQueue, PutRule, DescribeTable, whatever a deployment does) is never struck.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters
from lambent.cloud.store.scope import Scope

_Entry = Mapping[str, Any]  # Any: an entry of a batch, botocore-shaped

STRUCK: Final[Mapping[str, frozenset[str]]] = {
    "sqs": frozenset({
        "SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch",
        "ChangeMessageVisibility", "ChangeMessageVisibilityBatch",
    }),
    "sns": frozenset({"Publish", "PublishBatch"}),
    "dynamodb": frozenset({
        "GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan",
        "BatchGetItem", "BatchWriteItem", "TransactGetItems", "TransactWriteItems",
    }),
    "s3": frozenset({
        "GetObject", "HeadObject", "GetObjectAttributes", "PutObject", "CopyObject", "DeleteObject", "DeleteObjects",
        "ListObjects", "ListObjectsV2", "ListObjectVersions", "GetObjectTagging", "PutObjectTagging",
        "DeleteObjectTagging", "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload",
        "AbortMultipartUpload", "ListParts", "ListMultipartUploads",
    }),
    "events": frozenset({"PutEvents"}),
}  # fmt: skip
"""The operations that throttles, errors and latencies of sources strike, by service."""


def sources_of(service: str, context: RequestContext, parameters: Parameters) -> tuple[str, ...]:
    """Return the ARNs of the sources that a request is about, each once."""
    return tuple(dict.fromkeys(_FINDERS[service](context, parameters)))


def _queue(context: RequestContext, parameters: Parameters) -> Iterator[str]:
    # Only the path of a URL counts, as clients reach the platform by many names.
    account, _, name = str(parameters.get("QueueUrl") or context.path).rstrip("/").rpartition("/")
    scope = context.scope
    yield f"arn:{scope.partition}:sqs:{scope.region}:{account.rpartition('/')[2]}:{name}"


def _topic(_: RequestContext, parameters: Parameters) -> Iterator[str]:
    yield str(parameters.get("TopicArn") or parameters.get("TargetArn") or "")


def _tables(context: RequestContext, parameters: Parameters) -> Iterator[str]:
    for name in _table_names(parameters):
        yield name if name.startswith("arn:") else _in(context.scope, "dynamodb", f"table/{name}")


def _table_names(parameters: Parameters) -> Iterable[str]:
    if "TableName" in parameters:
        return (parameters["TableName"],)
    if "RequestItems" in parameters:
        return tuple(parameters["RequestItems"])
    items: Iterable[_Entry] = parameters.get("TransactItems") or ()
    return [action["TableName"] for item in items for action in item.values()]


def _bucket(context: RequestContext, parameters: Parameters) -> Iterator[str]:
    yield f"arn:{context.scope.partition}:s3:::{parameters['Bucket']}"


def _buses(context: RequestContext, parameters: Parameters) -> Iterator[str]:
    for entry in parameters["Entries"]:
        name = entry.get("EventBusName") or "default"
        yield name if name.startswith("arn:") else _in(context.scope, "events", f"event-bus/{name}")


def _in(scope: Scope, service: str, resource: str) -> str:
    return f"arn:{scope.partition}:{service}:{scope.region}:{scope.account}:{resource}"


_FINDERS: Mapping[str, Callable[[RequestContext, Parameters], Iterator[str]]] = {
    "sqs": _queue,
    "sns": _topic,
    "dynamodb": _tables,
    "s3": _bucket,
    "events": _buses,
}
