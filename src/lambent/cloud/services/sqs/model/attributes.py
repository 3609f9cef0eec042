"""A queue's attributes: which there are, which values they can have, and what they are while nothing is said.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.sqs import errors
from lambent.cloud.services.sqs.model.queue import (
    DEFAULTS,
    FIFO_DEFAULTS,
    FIFO_SUFFIX,
    LARGEST_MESSAGE,
    LONGEST_VISIBILITY_S,
    address_in_arn,
)

Attributes = Mapping[str, str]

_STANDARD_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_FIFO_NAME = re.compile(r"(?=.{1,80}$)[A-Za-z0-9_-]+\.fifo")
_RANGES: Mapping[str, tuple[int, int]] = {
    "VisibilityTimeout": (0, LONGEST_VISIBILITY_S),
    "MaximumMessageSize": (1024, LARGEST_MESSAGE),
    "MessageRetentionPeriod": (60, 1_209_600),
    "DelaySeconds": (0, 900),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "FifoQueue": ("true", "false"),
    "ContentBasedDeduplication": ("true", "false"),
    "SqsManagedSseEnabled": ("true", "false"),
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
_HIGH_THROUGHPUT = frozenset({"DeduplicationScope", "FifoThroughputLimit"})
_OF_FIFO_QUEUES = frozenset(FIFO_DEFAULTS)
_DOCUMENTS = frozenset({"Policy", "RedrivePolicy", "RedriveAllowPolicy"})
_REDRIVE = frozenset({"RedrivePolicy", "RedriveAllowPolicy"})
_COUNTED = (
    "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed",
)  # fmt: skip
_TOLD = frozenset(
    {*_RANGES, *_CHOICES, *_DOCUMENTS, *_COUNTED, "All", "KmsMasterKeyId", "QueueArn", "CreatedTimestamp"}
    | {"LastModifiedTimestamp"}
)
_KMS_REUSE_DEFAULT = "300"
_MOST_STATEMENTS = 20
_POLICY_MEMBERS = frozenset({"Version", "Id", "Statement"})
_VERSIONS = frozenset({"2012-10-17", "2008-10-17"})
_MOST_SOURCES = 10


def check_name(name: str, *, is_fifo: bool) -> None:
    """Raise InvalidParameterValue for a name that a queue cannot have."""
    if is_fifo and not _FIFO_NAME.fullmatch(name):
        raise errors.invalid_parameter(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with "
            ".fifo suffix and be 1 to 80 in length."
        )
    if not is_fifo and not _STANDARD_NAME.fullmatch(name):
        raise errors.invalid_parameter(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        )


def checked(given: Attributes, present: Attributes | None, *, is_fifo: bool) -> dict[str, str]:
    """Return a queue's attributes once those that are given have joined the present ones, None for a new queue.

    Empty documents and key ids are taken away. Raises ServiceError for what a queue cannot have.
    """
    for name, value in given.items():
        _check(name, value, is_fifo=is_fifo, is_new=present is None)
    merged = {**(present or {}), **given}
    for name in (*_DOCUMENTS, "KmsMasterKeyId"):
        if not merged.get(name):
            merged.pop(name, None)
        elif name in _REDRIVE:  # told without spaces: Terraform compares them as text
            merged[name] = orjson.dumps(orjson.loads(merged[name])).decode()
    _check_throughput(merged)
    _settle_encryption(merged, given)
    return merged


def told(attributes: Attributes, names: Sequence[str], computed: Mapping[str, Callable[[], str]]) -> dict[str, str]:
    """Return those of a queue's attributes that are asked for; raises InvalidAttributeName.

    `computed` are those that follow from something else: each is worked out only if it is asked for.
    """
    for name in names:
        if name not in _TOLD:
            raise errors.unknown_attribute(name)
    known = shown(attributes)
    wanted = [*computed, *known] if "All" in names else list(dict.fromkeys(names))
    return {
        name: computed[name]() if name in computed else known[name]
        for name in wanted
        if name in computed or name in known
    }


def shown(attributes: Attributes) -> dict[str, str]:
    """Return a queue's attributes with those that nothing was said of."""
    is_fifo = attributes.get("FifoQueue") == "true"
    defaults = {**DEFAULTS, **(FIFO_DEFAULTS if is_fifo else {})}
    key = "KmsMasterKeyId" in attributes
    defaults["SqsManagedSseEnabled"] = "false" if key else "true"
    if key:
        defaults["KmsDataKeyReusePeriodSeconds"] = _KMS_REUSE_DEFAULT
    return {**defaults, **attributes}


def different(given: Attributes, present: Attributes) -> str | None:
    """Return the first attribute that an existing queue has another value of, or None.

    >>> different({"DelaySeconds": "0"}, {})
    >>> different({"DelaySeconds": "1"}, {})
    'DelaySeconds'
    """
    known = shown(present)
    for name, value in given.items():
        if not _is_same(name, value, known.get(name, "")):
            return name
    return None


def _is_same(name: str, one: str, other: str) -> bool:
    if name in _DOCUMENTS and one and other:
        return bool(_parsed(one) == _parsed(other))
    if name in _RANGES and one.isdigit() and other.isdigit():
        return int(one) == int(other)
    return one == other


def _check(name: str, value: str, *, is_fifo: bool, is_new: bool) -> None:
    if name in _HIGH_THROUGHPUT and not is_fifo:
        raise errors.invalid_attribute_name(f"You can specify the {name} only when FifoQueue is set to true.")
    if name in _OF_FIFO_QUEUES and not is_fifo:
        raise errors.unknown_attribute(name)
    if name == "FifoQueue" and not is_new and value != "true":
        raise errors.invalid_attribute_value(name, "Modifying queue type is not supported.")
    _check_value(name, value, is_fifo=is_fifo)


def _check_value(name: str, value: str, *, is_fifo: bool) -> None:
    if name in _RANGES:
        lowest, highest = _RANGES[name]
        if not (value.isascii() and value.isdigit() and lowest <= int(value) <= highest):
            raise errors.invalid_attribute_value(name)
    elif name in _CHOICES:
        if value not in _CHOICES[name]:
            raise errors.invalid_attribute_value(name)
    elif name in _CHECKS:
        if value:
            _CHECKS[name](value, is_fifo)
    elif name != "KmsMasterKeyId":
        raise errors.unknown_attribute(name)


def _check_throughput(attributes: Attributes) -> None:
    by_group = attributes.get("DeduplicationScope") == "messageGroup"
    if attributes.get("FifoThroughputLimit") == "perMessageGroupId" and not by_group:
        raise errors.invalid_attribute_value(
            "FifoThroughputLimit",
            "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup.",
        )


def _settle_encryption(attributes: dict[str, str], given: Attributes) -> None:
    has_key = "KmsMasterKeyId" in attributes
    if has_key and given.get("SqsManagedSseEnabled") == "true":
        raise errors.invalid_attribute_name(
            "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS "
            "SSE."
        )
    if has_key:
        attributes.pop("SqsManagedSseEnabled", None)
    elif attributes.get("KmsDataKeyReusePeriodSeconds") == _KMS_REUSE_DEFAULT:
        del attributes["KmsDataKeyReusePeriodSeconds"]


def _parsed(text: str) -> Any:  # Any: JSON of any form
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _check_policy(text: str, _is_fifo: bool) -> None:  # noqa: FBT001 - the checks of documents are called alike
    policy = _parsed(text)
    if not isinstance(policy, dict) or policy.keys() - _POLICY_MEMBERS:
        raise errors.invalid_attribute_value("Policy")
    statements = policy.get("Statement")
    listed = statements if isinstance(statements, list) else [statements]
    if policy.get("Version", "2008-10-17") not in _VERSIONS or not listed:
        raise errors.invalid_attribute_value("Policy")
    if len(listed) > _MOST_STATEMENTS:
        raise errors.over_limit(
            f"{len(listed)} statements were found in the submitted policy, max allowed is {_MOST_STATEMENTS}"
        )
    if not all(_is_statement(statement) for statement in listed):
        raise errors.invalid_attribute_value("Policy")


def _is_statement(statement: object) -> bool:
    return (
        isinstance(statement, dict)
        and statement.get("Effect") in {"Allow", "Deny"}
        and ("Action" in statement or "NotAction" in statement)
        and ("Principal" in statement or "NotPrincipal" in statement)
    )


def _check_redrive(text: str, is_fifo: bool) -> None:  # noqa: FBT001 - as above
    policy = _parsed(text)
    if not isinstance(policy, dict):
        raise errors.invalid_attribute_value("RedrivePolicy", "Redrive policy is not a valid JSON map.")
    for member in ("maxReceiveCount", "deadLetterTargetArn"):
        if member not in policy:
            raise _redrive_error(text, f"Redrive policy does not contain mandatory attribute: {member}.")
    count = policy["maxReceiveCount"]
    if not re.fullmatch(r"[0-9]{1,4}", str(count)) or not 1 <= int(count) <= 1000:
        reason = f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive."
        raise _redrive_error(text, reason)
    target = address_in_arn(str(policy["deadLetterTargetArn"]))
    if target is None:
        raise _redrive_error(text, "Invalid value for deadLetterTargetArn.")
    if policy.keys() - {"maxReceiveCount", "deadLetterTargetArn"}:
        raise _redrive_error(text, "Only following attributes are supported: [maxReceiveCount, deadLetterTargetArn].")
    if target.name.endswith(FIFO_SUFFIX) != is_fifo:
        raise _redrive_error(text, "Dead-letter queue must be same type of queue as the source..")


def _redrive_error(text: str, reason: str) -> ServiceError:
    return errors.invalid_value(text, "RedrivePolicy", reason)


def _check_redrive_allow(text: str, _is_fifo: bool) -> None:  # noqa: FBT001 - as above
    policy = _parsed(text)
    unsupported = errors.invalid_attribute_value(
        "RedriveAllowPolicy", "Amazon SQS can't create the redrive allow policy, as it\u2019s in an unsupported format."
    )
    if not isinstance(policy, dict) or policy.keys() - {"redrivePermission", "sourceQueueArns"}:
        raise unsupported
    permission, sources = policy.get("redrivePermission"), policy.get("sourceQueueArns")
    if permission not in {"allowAll", "denyAll", "byQueue"}:
        raise unsupported
    if sources is not None and not (isinstance(sources, list) and all(isinstance(each, str) for each in sources)):
        raise unsupported
    reason = ""
    if sources is not None and permission != "byQueue":
        reason = "To specify one or more source queue ARNs, you must set redrivePermission to byQueue."
    elif permission == "byQueue" and not sources:
        reason = (
            "When you specify the byQueue permission type, you must also specify one or more sourceQueueArns values."
        )
    elif sources is not None and len(sources) > _MOST_SOURCES:
        reason = "The maximum number of source queue ARNs you can specify is 10."
    if reason:
        reason = f"Amazon SQS can't create the redrive allow policy. {reason}"
        raise errors.invalid_value(text, "RedriveAllowPolicy", reason)


def lets_redrive(allow_policy: str | None, source_arn: str) -> bool:
    """Whether a dead-letter queue's redrive allow policy lets a queue use it."""
    policy = _parsed(allow_policy) if allow_policy else {}
    permission = policy.get("redrivePermission", "allowAll")
    return permission == "allowAll" or (permission == "byQueue" and source_arn in policy["sourceQueueArns"])


_CHECKS: Mapping[str, Callable[[str, bool], None]] = {
    "Policy": _check_policy,
    "RedrivePolicy": _check_redrive,
    "RedriveAllowPolicy": _check_redrive_allow,
}
