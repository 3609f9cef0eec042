"""The function under load: it tells a collector what it was given before it answers, and fails where an id says so.

Runs inside the platform's functions; `KIND` says what its events are, and the function's name where they went.
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Event = Mapping[str, Any]  # Any: JSON
_ID = re.compile(r"evt_[a-z]+_\d+(?:_[a-z]+)?")
_settings = os.environ  # noqa: TID251 - a function's own
_collector = socket.create_connection(("127.0.0.1", int(_settings["COLLECTOR"])))


def handler(event: Event, context: Any) -> object:  # Any: Lambda's context object
    return _KINDS[_settings["KIND"]](event, context.aws_request_id)


def _tell(given: Sequence[Sequence[object]]) -> None:
    """Tell of records: id, whether it was handled, id of the message, how often and when first (ms) it was received."""
    words = {"sink": _settings["AWS_LAMBDA_FUNCTION_NAME"], "given": given}
    _collector.sendall(json.dumps(words).encode() + b"\n")
    if not _collector.recv(1):
        raise ConnectionError("nobody notes what is handled")


def _works(name: str, count: int = 1) -> bool:
    return not name.endswith("_poison") and not (name.endswith("_shaky") and count == 1)


def _messages(event: Event, _: str) -> object:
    """Report those that fail; in a FIFO queue's batch, all behind the first of them as well."""
    given: list[list[object]] = []
    failed: list[dict[str, str]] = []
    now_ms = time.time() * 1000  # noqa: TID251 - a function has the real time alone
    for record in event["Records"]:
        attributes = record["attributes"]
        name, count = _ID.findall(record["body"])[0], int(attributes["ApproximateReceiveCount"])
        went = _works(name, count) and not ("MessageGroupId" in attributes and failed)
        given.append([name, went, record["messageId"], count, attributes["ApproximateFirstReceiveTimestamp"], now_ms])
        if not went:
            failed.append({"itemIdentifier": record["messageId"]})
    _tell(given)
    return {"batchItemFailures": failed}


def _changes(event: Event, _: str) -> object:
    """Report the first that fails: a stream goes on from there."""
    given: list[list[object]] = []
    failed: list[dict[str, str]] = []
    for record in event["Records"]:
        change = record["dynamodb"]
        name = change["NewImage"]["id"]["S"]
        if not _works(name) and not failed:
            failed.append({"itemIdentifier": change["SequenceNumber"]})
        given.append([name, not failed, change["SequenceNumber"], 0, 0, 0])
    _tell(given)
    return {"batchItemFailures": failed}


def _event(event: Event, request_id: str) -> None:
    """Take an event that came by itself: a notification, an invocation, a rule's, a schedule's."""
    names = dict.fromkeys(_ID.findall(json.dumps(event))) or [f"tick_{event['time']}"]
    _tell([[name, _works(name), request_id, 0, 0, 0] for name in names])
    if not all(map(_works, names)):
        raise RuntimeError("never works")


_KINDS: Mapping[str, Callable[[Event, str], object]] = {"messages": _messages, "changes": _changes, "event": _event}
