"""The logs of a stack's functions, as they grow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lambent.aws.clients import AwsCallError, Target, aws_errors

# Lines reach a group a moment after they were written, and not in the order of their times across streams.
_OVERLAP_MS = 10_000
_PLATFORM = re.compile(r"(START RequestId|END RequestId|REPORT RequestId|INIT_START|INIT_REPORT|XRAY TraceId)\b")
_ERROR = re.compile(r"\[ERROR\]|\tERROR\t|Traceback \(most recent call last\)|Task timed out after|^\S+Z \S+ Error:")
_ERROR_LEVELS = frozenset({"ERROR", "FATAL", "CRITICAL"})


class LineKind(StrEnum):
    """What a log event tells."""

    PLATFORM = "platform"
    ERROR = "error"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log event of a function."""

    function_name: str
    timestamp_ms: int
    stream: str
    message: str
    kind: LineKind


def kind_of(message: str) -> LineKind:
    """Return what a message tells, in both of Lambda's log formats.

    >>> kind_of("START RequestId: 1 Version: $LATEST")
    <LineKind.PLATFORM: 'platform'>
    """
    if message.startswith("{"):
        try:
            told = json.loads(message)
        except ValueError:
            told = {}
        if isinstance(told, dict):
            if str(told.get("type", "")).startswith("platform."):
                return LineKind.PLATFORM
            if str(told.get("level", told.get("log_level", ""))).upper() in _ERROR_LEVELS:
                return LineKind.ERROR
    if _PLATFORM.match(message):
        return LineKind.PLATFORM
    return LineKind.ERROR if _ERROR.search(message) else LineKind.OUTPUT


class FunctionLogs:
    """What functions log from a moment on, each event once."""

    def __init__(self, target: Target, begin_ms: int) -> None:
        self._logs = target.client("logs")
        self._lambda = target.client("lambda")
        self._groups: dict[str, str] = {}
        self._begin_ms = begin_ms
        self._from: dict[str, int] = {}
        self._shown: dict[str, int] = {}

    def fresh(self, functions: Iterable[str]) -> list[LogLine]:
        """Return what functions logged that was not returned before, by time; nothing of those that are gone."""
        found = [line for name in functions for line in self._of(name)]
        oldest = min(self._from.values(), default=0) - _OVERLAP_MS
        self._shown = {event: at for event, at in self._shown.items() if at >= oldest}
        return sorted(found, key=lambda line: line.timestamp_ms)

    def _of(self, name: str) -> Iterator[LogLine]:
        try:
            with aws_errors():
                for event in self._events(name):
                    at = int(event["timestamp"])
                    if event["eventId"] not in self._shown:
                        self._shown[event["eventId"]] = at
                        self._from[name] = max(self._from.get(name, self._begin_ms), at)
                        message = str(event["message"]).rstrip("\n")
                        yield LogLine(name, at, event["logStreamName"], message, kind_of(message))
        except AwsCallError as error:
            if error.code != "ResourceNotFoundException":  # the group is made when a function first logs
                raise

    def _events(self, name: str) -> Iterator[dict[str, Any]]:  # Any: a FilteredLogEvent
        if name not in self._groups:
            told = self._lambda.get_function_configuration(FunctionName=name)
            self._groups[name] = told["LoggingConfig"]["LogGroup"]
        begin = max(self._begin_ms, self._from.get(name, self._begin_ms) - _OVERLAP_MS)
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self._groups[name], startTime=begin, interleaved=True
        )
        for page in pages:
            yield from page["events"]
