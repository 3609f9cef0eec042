"""Subscriptions to telemetry, the events they get, and the batches in which those go out."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lambent.dataplane.runtime_api import telemetry
from lambent.dataplane.runtime_api.companion_link import Call, Delivered, parse
from lambent.dataplane.runtime_api.subscriptions import (
    LOGS,
    TELEMETRY,
    Buffering,
    Destination,
    Subscription,
    SubscriptionError,
    subscription,
)
from lambent.dataplane.types import InvocationReport, InvocationStatus, OutputLine
from lambent.guest import framing

HERE: dict[str, object] = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/x"}
BASE: dict[str, object] = {"schemaVersion": "2022-12-13", "types": ["platform"], "destination": HERE}
REPORT = InvocationReport("r", InvocationStatus.SUCCESS, 1.0, 1.25, 250.0, 40.5, 291, 128, 44)


def asked(**changes: object) -> bytes:
    """Return a request with changes; None takes a member away."""
    return json.dumps({name: value for name, value in {**BASE, **changes}.items() if value is not None}).encode()


def test_what_is_not_told_has_aws_s_defaults() -> None:
    found = subscription(TELEMETRY, asked())
    assert found.destination == Destination("HTTP", 8080, "/x")
    assert found.buffering == Buffering(10_000, 262_144, 1_000)
    assert subscription(LOGS, asked(schemaVersion=None)).version == "2020-08-15"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"types": []}, "types should not be empty"),
        ({"types": ["all"]}, "types should be of platform, function, extension"),
        ({"schemaVersion": None}, "schemaVersion should be one of 2022-07-01, 2022-12-13, 2025-01-29"),
        ({"destination": None}, "destination should not be empty"),
        ({"destination": {**HERE, "protocol": "UDP"}}, "destination protocol should be HTTP or TCP"),
        ({"destination": {**HERE, "URI": "http://sandbox.localdomain"}}, "URI port is not provided"),
        ({"destination": {**HERE, "URI": "http://elsewhere:80"}}, "URI host should be sandbox.localdomain"),
        ({"destination": {**HERE, "URI": "https://sandbox.localdomain:80"}}, "URI is not valid"),
        ({"destination": {**HERE, "URI": "http://sandbox.localdomain:80/a b"}}, "URI is not valid"),
        ({"destination": {**HERE, "URI": "http://sandbox.localdomain:99999"}}, "URI is not valid"),
        ({"destination": {**HERE, "URI": "http://sandbox.localdomain:9001"}}, "port 9001 is reserved"),
        ({"destination": {"protocol": "TCP", "port": 0}}, "port should be between 1 and 65535"),
        ({"buffering": {"maxItems": 999}}, "buffering.maxItems should be between 1000 and 10000"),
        ({"buffering": {"maxBytes": 1}}, "buffering.maxBytes should be between 262144 and 1048576"),
        ({"buffering": {"timeoutMs": 30_001}}, "buffering.timeoutMs should be between 25 and 30000"),
        ({"buffering": []}, None),
        ({"buffering": [1]}, "buffering should be an object"),
    ],
)
def test_what_is_not_valid_is_told(changes: dict[str, object], message: str | None) -> None:
    if message is None:
        assert subscription(TELEMETRY, asked(**changes)).buffering.max_items == 10_000
        return
    with pytest.raises(SubscriptionError) as problem:
        subscription(TELEMETRY, asked(**changes))
    assert str(problem.value) == message


def test_everything_that_is_wrong_is_told_at_once() -> None:
    wrong = asked(types=[], destination={**HERE, "URI": "http://sandbox.localdomain"})
    with pytest.raises(SubscriptionError, match="URI port is not provided; types should not be empty"):
        subscription(TELEMETRY, wrong)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(SubscriptionError):
        subscription(TELEMETRY, body)


def test_managed_instances_take_the_latest_schema_alone() -> None:
    with pytest.raises(SubscriptionError):
        subscription(TELEMETRY, asked(), on_managed_instances=True)
    latest = subscription(TELEMETRY, asked(schemaVersion="2025-01-29"), on_managed_instances=True)
    assert latest.version == "2025-01-29"


def test_a_line_that_is_json_is_told_as_such_from_the_second_schema_on() -> None:
    event = telemetry.line(OutputLine(1_250, '{"level": "INFO"}'))
    later = subscription(TELEMETRY, asked())
    assert json.loads(event.encoded(later))["record"] == {"level": "INFO"}
    first = subscription(TELEMETRY, asked(schemaVersion="2022-07-01"))
    assert json.loads(event.encoded(first)) == {
        "time": "1970-01-01T00:00:01.250Z",
        "type": "function",
        "record": '{"level": "INFO"}',
    }
    assert json.loads(telemetry.line(OutputLine(0, "{no")).encoded(later))["record"] == "{no"


def test_who_subscribed_to_one_stream_hears_of_no_other() -> None:
    functions = subscription(TELEMETRY, asked(types=["function"]))
    by_extension = OutputLine(0, "x", by_extension=True)
    assert telemetry.line(OutputLine(0, "x")).is_for(functions)
    assert not telemetry.line(by_extension).is_for(functions)
    assert not telemetry.platform("start", 0, {}).is_for(functions)


def test_each_api_tells_its_own_events() -> None:
    newer, older = subscription(TELEMETRY, asked()), subscription(LOGS, asked(schemaVersion="2020-08-15"))
    latest = subscription(LOGS, asked(schemaVersion="2021-03-18"))
    end, done = telemetry.platform("end", 0, {}), telemetry.platform("runtimeDone", 0, {})
    assert [end.is_for(each) for each in (newer, older, latest)] == [False, True, True]
    assert [done.is_for(each) for each in (newer, older, latest)] == [True, False, True]


def test_reports_are_told_with_what_extensions_took() -> None:
    event = telemetry.invocation_report(replace(REPORT, extensions_ms=50.0), "Root=1;Sampled=1")
    assert event.record == {
        "requestId": "r",
        "status": "success",
        "metrics": {
            "durationMs": 250.0,
            "billedDurationMs": 291,
            "memorySizeMB": 128,
            "maxMemoryUsedMB": 44,
            "initDurationMs": 40.5,
        },
        "spans": [{"name": "extensionOverhead", "start": "1970-01-01T00:00:01.200Z", "durationMs": 50.0}],
        "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1;Sampled=1"},
    }
    failed = replace(REPORT, status=InvocationStatus.TIMEOUT, error_type="Sandbox.Timedout")
    done = telemetry.runtime_done(failed, 0, "Root=1;Sampled=0").record
    assert done == {
        "requestId": "r",
        "status": "timeout",
        "errorType": "Sandbox.Timedout",
        "metrics": {"durationMs": 250.0},
    }


def buffer(protocol: str = "HTTP", items: int = 2) -> telemetry.Buffer:
    """Return a buffer that is full with so many events."""
    wanted = Subscription(TELEMETRY, "2022-12-13", ("platform",), Destination(protocol, 1), Buffering(items, 1000, 25))
    return telemetry.Buffer(wanted)


def test_a_batch_is_an_array_over_http_and_lines_over_tcp() -> None:
    for protocol, expected in (("HTTP", b"[1,2]"), ("TCP", b"1\n2\n")):
        events = buffer(protocol)
        assert events.take() is None
        fullness = []
        for event in (b"1", b"2"):
            events.add(event)
            fullness.append(events.is_full)
        assert fullness == [False, True]
        assert events.take() == expected


def test_a_slow_subscriber_loses_what_has_no_room_and_is_told() -> None:
    events = buffer()
    for event in (b"1", b"2"):
        events.add(event)
    assert events.take() == b"[1,2]"
    for event in (b"3", b"4", b"555"):
        events.add(event)
    assert events.take() is None
    events.delivered(None, 0.0)
    dropped, *rest = json.loads(events.take() or b"")
    assert rest == [3, 4]
    assert dropped["type"] == "platform.logsDropped"
    assert dropped["record"] == {"droppedBytes": 3, "droppedRecords": 1, "reason": telemetry.SLOW_CONSUMER}


def test_what_could_not_be_delivered_is_told_with_the_next_batch() -> None:
    events = buffer()
    events.add(b"1")
    events.take()
    events.delivered("connection refused", 0.0)
    (dropped,) = json.loads(events.take() or b"")
    assert dropped["record"]["reason"] == "could not send events: connection refused"
    events.delivered(None, 0.0)
    assert events.take() is None


def test_what_a_sandbox_tells_is_read_like_a_stranger_s_word() -> None:
    head = {"number": 1, "method": "GET", "path": "/", "headers": {"a": "b"}}
    whole = framing.encode_headed(framing.CALL, dict(head), b"body")[framing.HEADER.size :]
    assert parse(framing.CALL, whole) == Call(1, "GET", "/", {"a": "b"}, b"body")
    assert parse(framing.DELIVERED, b'{"number": 3, "failure": null}\n') == Delivered(3, None)
    for wrong in (b"", b"[]\n", b"{}\n", b'{"number": "1"}\n', b'{"number": 1e400}\n', b"\xff\n", b"[" * 100_000):
        assert parse(framing.CALL, wrong) is None
        assert parse(framing.DELIVERED, wrong) is None
        assert parse(framing.EXTENSION_ENDED, wrong) is None
    assert parse(99, b"{}\n") is None


def test_report_on_managed_instances_tells_how_long_the_answer_was_waited_for_and_took() -> None:
    event = telemetry.managed_report(replace(REPORT, response_ms=50.0), None)
    record = event.record
    assert isinstance(record, dict)
    assert record["metrics"] == {"durationMs": 250.0}
    assert record["spans"] == [
        {"name": "responseLatency", "start": "1970-01-01T00:00:01.000Z", "durationMs": 200.0},
        {"name": "responseDuration", "start": "1970-01-01T00:00:01.200Z", "durationMs": 50.0},
    ]
    ended = replace(REPORT, status=InvocationStatus.TIMEOUT, error_type="Sandbox.Timedout")
    assert "spans" not in telemetry.managed_report(ended, None).record
