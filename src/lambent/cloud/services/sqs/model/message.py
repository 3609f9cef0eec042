"""A message: what may be sent, its check sums, and what of it a receiver is told.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
"""

from __future__ import annotations

import hashlib
import re
import struct
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from lambent.cloud.services.sqs import errors
from lambent.cloud.services.sqs.model.queue import Settings

Attribute = Mapping[str, Any]  # Any: text or bytes, by the member's name
Attributes = Mapping[str, Attribute]

MOST_ATTRIBUTES = 10
_LONGEST_NAME = 256
_SEQUENCE_BASE = 18_850_000_000_000_000_000  # as long as AWS's sequence numbers are
_NO_TEXT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ATTRIBUTE_NAME = re.compile(r"[\w.-]+")
_ATTRIBUTE_TYPE = re.compile(r"(String|Number|Binary)(\..+)?", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_FIFO_ID = re.compile(r"[0-9A-Za-z!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
_LENGTH = struct.Struct(">I")


class Content(NamedTuple):
    """What a message says, as it was sent; `trace` is its AWSTraceHeader, `source_arn` whence it was redriven."""

    message_id: str
    body: str
    sender: str
    attributes: Attributes | None = None
    trace: str | None = None
    group_id: str | None = None
    deduplication_id: str | None = None
    source_arn: str | None = None


class State(NamedTuple):
    """What changes of a message: when it can be received next, and how often it has been.

    `received` counts over all queues it was in, `received_before` in those before this one.
    """

    number: int
    visible_ms: int
    sent_ms: int
    received: int = 0
    received_before: int = 0
    first_ms: int | None = None
    ordered_in: str | None = None


# ── what may be sent ──


def check_message(given: Mapping[str, Any], settings: Settings) -> int:  # Any: parameters are botocore-shaped
    """Return the size of a message in bytes; raises ServiceError for one that the queue does not take."""
    body = given.get("MessageBody")
    if not body:
        raise errors.missing_parameter("MessageBody")
    attributes: Attributes = given.get("MessageAttributes") or {}
    size = size_of(body, attributes)
    if size > settings.largest_message:
        raise errors.invalid_parameter(
            "One or more parameters are invalid. "
            f"Reason: Message must be shorter than {settings.largest_message} bytes."
        )
    if _NO_TEXT.search(body):
        raise errors.invalid_contents()
    if attributes:
        _check_attributes(attributes)
    if given.get("MessageSystemAttributes"):
        _check_system_attributes(given["MessageSystemAttributes"])
    _check_queue_type(given, settings)
    return size


def size_of(body: str, attributes: Attributes | None) -> int:
    """Return what counts of a message: its body, and its attributes' names, types and values, in UTF-8."""
    size = len(body) if body.isascii() else len(body.encode())
    for name, attribute in (attributes or {}).items():
        size += len(name.encode()) + len(str(attribute.get("DataType") or "").encode()) + len(_value(attribute))
    return size


def _check_attributes(attributes: Attributes) -> None:
    if len(attributes) > MOST_ATTRIBUTES:
        raise errors.invalid_parameter(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [{MOST_ATTRIBUTES}]."
        )
    for name, attribute in attributes.items():
        _check_attribute_name(name)
        _check_attribute_value(name, attribute, "user")


def _check_attribute_name(name: str) -> None:
    if not name:
        raise errors.invalid_parameter("The request must contain non-empty message (user) attribute names.")
    if len(name) > _LONGEST_NAME:
        raise errors.invalid_parameter("Message (user) attribute name must be shorter than 256 bytes.")
    if not _ATTRIBUTE_NAME.fullmatch(name) or name.startswith(".") or name.endswith(".") or ".." in name:
        raise errors.invalid_parameter(
            "Message (user) attributes name can only contain upper and lower score characters, digits, periods, "
            "hyphens and underscores. "
        )
    if name.lower().startswith(("aws.", "amazon.")):
        raise errors.invalid_parameter(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. "
            "These strings are reserved for internal use."
        )


def _check_attribute_value(name: str, attribute: Attribute, kind: str) -> None:
    if attribute.get("StringListValues") or attribute.get("BinaryListValues"):
        raise errors.unsupported("Message attribute list values in SendMessage operation are not supported.")
    data_type = attribute.get("DataType")
    if not data_type:
        raise errors.invalid_parameter(
            f"The message ({kind}) attribute '{name}' must contain a non-empty message attribute type."
        )
    if len(data_type) > _LONGEST_NAME:
        raise errors.invalid_parameter(f"Message ({kind}) attribute type must be shorter than 256 bytes.")
    known = _ATTRIBUTE_TYPE.fullmatch(data_type)
    if known is None:
        raise errors.invalid_parameter(
            f"The type of message ({kind}) attribute '{name}' is invalid. You must use only the following supported "
            "type prefixes: Binary, Number, String."
        )
    member, other = ("BinaryValue", "StringValue") if known[1] == "Binary" else ("StringValue", "BinaryValue")
    value = attribute.get(member)
    if not value and attribute.get(other):
        raise errors.invalid_parameter(
            f"The message ({kind}) attribute '{name}' with type '{known[1]}' must use field "
            f"'{member.removesuffix('Value')}'."
        )
    if not value:
        raise errors.invalid_parameter(
            f"Message ({kind}) attribute '{name}' must contain a non-empty value of type '{known[1]}'."
        )
    if known[1] == "Number" and not _NUMBER.fullmatch(value):
        raise errors.invalid_parameter(f"Can't cast the value of message ({kind}) attribute '{name}' to a number.")
    if known[1] != "Binary" and _NO_TEXT.search(value):
        raise errors.invalid_parameter(errors.invalid_contents().message)


def _check_system_attributes(attributes: Attributes) -> None:
    for name, attribute in attributes.items():
        if name != "AWSTraceHeader":
            raise errors.invalid_parameter(f"Message system attribute name '{name}' is invalid.")
        _check_attribute_value(name, attribute, "system")
        if attribute["DataType"] != "String":
            raise errors.invalid_parameter(
                "The type of message (system) attribute 'AWSTraceHeader' is invalid. You must use only the following "
                "supported type prefixes: String."
            )


def _check_queue_type(given: Mapping[str, Any], settings: Settings) -> None:  # Any: as above
    delay, group = given.get("DelaySeconds"), given.get("MessageGroupId")
    deduplication_id = given.get("MessageDeduplicationId")
    for name, value in (("MessageDeduplicationId", deduplication_id), ("MessageGroupId", group)):
        if value is not None and not _FIFO_ID.fullmatch(value):
            reason = f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
            raise errors.invalid_value(value, name, reason)
    if settings.is_fifo:
        if delay:
            reason = "The request include parameter that is not valid for this queue type."
            raise errors.invalid_value(delay, "DelaySeconds", reason)
        if group is None:
            raise errors.missing_parameter("MessageGroupId")
        if deduplication_id is None and not settings.deduplicates_by_content:
            raise errors.invalid_parameter(
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
                "explicitly"
            )
        return
    if deduplication_id is not None:
        reason = "The request includes a parameter that is not valid for this queue type."
        raise errors.invalid_value(deduplication_id, "MessageDeduplicationId", reason)
    if delay is not None and not 0 <= delay <= 900:
        raise errors.invalid_value(delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")


# ── check sums and numbers ──


def md5_of_text(text: str) -> str:
    """Return the MD5 of a body, as SDKs compare it."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Attributes) -> str:
    """Return the MD5 of attributes.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation

    >>> md5_of_attributes({"Hello": {"DataType": "String", "StringValue": "There"}})
    'a311262e065454b75da111d535b8dacd'
    """
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        data_type = str(attribute["DataType"])
        kind = b"\x02" if data_type.startswith("Binary") else b"\x01"
        for part in (name.encode(), data_type.encode()):
            digest.update(_LENGTH.pack(len(part)) + part)
        value = _value(attribute)
        digest.update(kind + _LENGTH.pack(len(value)) + value)
    return digest.hexdigest()


def content_digest(body: str) -> str:
    """Return the deduplication id that follows from a body: its SHA-256."""
    return hashlib.sha256(body.encode()).hexdigest()


def sequence_number(number: int) -> str:
    """Return the sequence number of a FIFO queue's message: 20 digits, greater for each later one."""
    return str(_SEQUENCE_BASE + number)


def _value(attribute: Attribute) -> bytes:
    binary = attribute.get("BinaryValue")
    return binary if isinstance(binary, bytes) else str(attribute.get("StringValue") or "").encode()


# ── what a receiver is told ──


def system_attributes(state: State, content: Content) -> dict[str, str]:
    """Return a message's own attributes, as one that was just received has them."""
    found = {
        "SenderId": content.sender,
        "ApproximateFirstReceiveTimestamp": str(state.first_ms),
        "ApproximateReceiveCount": str(state.received),
        "SentTimestamp": str(state.sent_ms),
    }
    if state.ordered_in is not None:
        found["SequenceNumber"] = sequence_number(state.number)
    if content.deduplication_id is not None:
        found["MessageDeduplicationId"] = content.deduplication_id
    if content.group_id is not None:
        found["MessageGroupId"] = content.group_id
    if content.trace is not None:
        found["AWSTraceHeader"] = content.trace
    if content.source_arn is not None:
        found["DeadLetterQueueSourceArn"] = content.source_arn
    return found


def asked_attributes(attributes: Attributes, names: Sequence[str]) -> Attributes:
    """Return those attributes that a receiver asked for: by name, by `prefix.*`, or all of them.

    >>> asked_attributes({"a.b": {}, "c": {}}, ["a.*"])
    {'a.b': {}}
    """
    if "All" in names or ".*" in names:
        return attributes
    prefixes = tuple(name[:-1].rstrip(".") for name in names if name.endswith("*") and len(name) > 1)
    return {
        name: value for name, value in attributes.items() if name in names or (prefixes and name.startswith(prefixes))
    }


# ── attributes as they are stored ──


def attributes_text(attributes: Attributes | None) -> str | None:
    """Return attributes as the JSON that is stored, or None where there are none; raw bytes are in base64."""
    if not attributes:
        return None
    told = {name: [value["DataType"], _stored(value)] for name, value in attributes.items()}
    return orjson.dumps(told).decode()


def attributes_in(text: str | None) -> dict[str, Attribute]:
    """Return attributes as they were sent, from what is stored."""
    if text is None:
        return {}
    stored: dict[str, tuple[str, str]] = orjson.loads(text)
    return {
        name: {"BinaryValue": b64decode(value), "DataType": data_type}
        if data_type.startswith("Binary")
        else {"StringValue": value, "DataType": data_type}
        for name, (data_type, value) in stored.items()
    }


def _stored(attribute: Attribute) -> str:
    binary = attribute.get("BinaryValue")
    return b64encode(binary).decode("ascii") if isinstance(binary, bytes) else str(attribute["StringValue"])
