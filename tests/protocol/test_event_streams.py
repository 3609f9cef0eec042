"""Streamed payloads: botocore reads our frames, we read its frames, and damage is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import EventStreamError

from lambent.aws.service_models import Shape, service_model
from lambent.cloud.errors import ServiceError
from lambent.cloud.protocol.codec import codec
from lambent.cloud.protocol.event_stream import EventReader, HeaderValue, decode_messages, encode_message
from lambent.cloud.protocol.identify import Call
from lambent.cloud.protocol.message import Request, Response
from lambent.cloud.protocol.rest_json import JsonBody
from tests.protocol.oracle import Oracle

Event = Mapping[str, Any]  # Any: an event's members


async def _events(*events: Event, end: ServiceError | None = None) -> AsyncIterator[Event]:
    for event in events:
        yield event
    if end is not None:
        raise end


def _answering(oracle: Oracle, result: Mapping[str, Any]) -> None:  # Any: botocore-shaped
    def answer(call: Call, request: Request) -> Response:
        found = codec(call.operation, call.wire_format)
        found.parse(request)
        return found.serialize(result, "the-request-id")

    oracle.answer = answer


def test_client_reads_a_streamed_invocation() -> None:
    oracle = Oracle("lambda")
    events: list[Event] = [
        {"PayloadChunk": {"Payload": b"one \xff"}},
        {"PayloadChunk": {"Payload": b"two"}},
        {"InvokeComplete": {"ErrorCode": "Unhandled", "ErrorDetails": '{"a": "b"}'}},
    ]
    _answering(oracle, {"ExecutedVersion": "3", "EventStream": _events(*events)})

    received = oracle.call("InvokeWithResponseStream", {"FunctionName": "f"})

    assert received["ExecutedVersion"] == "3"
    assert list(received["EventStream"]) == events


def test_client_reads_an_rpc_stream_after_its_initial_response() -> None:
    oracle = Oracle("logs")
    updates = {"sessionUpdate": {"sessionMetadata": {"sampled": True}, "sessionResults": [{"message": "m"}]}}
    _answering(oracle, {"responseStream": _events({"sessionStart": {"requestId": "r"}}, updates)})

    received = oracle.call(
        "StartLiveTail", {"logGroupIdentifiers": ["arn:aws:logs:us-east-1:000000000000:log-group:g"]}
    )

    assert list(received["responseStream"]) == [{"sessionStart": {"requestId": "r"}}, updates]


@pytest.mark.parametrize("code", ["SessionTimeoutException", "NoneTheStreamKnows"])
def test_error_ends_a_stream_as_an_exception_of_the_client(code: str) -> None:
    oracle = Oracle("logs")
    stream = _events({"sessionStart": {"requestId": "r"}}, end=ServiceError(code, "too late"))
    _answering(oracle, {"responseStream": stream})
    received = iter(oracle.call("StartLiveTail", {"logGroupIdentifiers": ["g"]})["responseStream"])

    assert next(received) == {"sessionStart": {"requestId": "r"}}
    with pytest.raises(EventStreamError) as caught:
        next(received)

    assert caught.value.response["Error"] == {"Code": code, "Message": "too late"}


def test_frames_are_read_back_with_every_type_of_header() -> None:
    headers: list[tuple[str, int, HeaderValue]] = [
        ("yes", 0, True),
        ("no", 1, False),
        ("byte", 2, -3),
        ("short", 3, 300),
        ("integer", 4, -70_000),
        ("long", 5, 2**40),
        ("bytes", 6, b"\x00\xff"),
        ("text", 7, "é"),
        ("moment", 8, 1_700_000_000.25),
    ]
    frame = encode_message(headers, b"payload")
    theirs = EventStreamBuffer()
    theirs.add_data(frame)

    (message,) = decode_messages(frame)

    assert message.payload == next(theirs).payload == b"payload"
    assert message.headers == {name: value for name, _, value in headers}


def _conversation() -> Shape:
    operation = service_model("lexv2-runtime").operation("StartConversation")
    assert operation is not None
    assert operation.input is not None
    return operation.input.members["requestEventStream"]


def test_signed_events_of_a_request_are_unwrapped_and_read() -> None:
    inner = encode_message([(":event-type", 7, "TextInputEvent"), (":message-type", 7, "event")], b'{"text": "hi"}')
    signed: list[tuple[str, int, HeaderValue]] = [(":date", 8, 1.0), (":chunk-signature", 6, b"s")]
    body = encode_message(signed, inner) + encode_message(signed, b"")

    events = EventReader(_conversation(), JsonBody().payload_reader).read_all(body)

    assert events == [{"TextInputEvent": {"text": "hi"}}]


@pytest.mark.parametrize("position", [1, 9, 13, 20, -6, -1])
def test_damaged_frame_is_refused(position: int) -> None:
    frame = bytearray(encode_message([("name", 7, "value")], b"payload"))
    frame[position] ^= 0x10

    with pytest.raises(ServiceError, match="SerializationException"):
        list(decode_messages(bytes(frame)))


def test_frame_cut_short_is_refused() -> None:
    with pytest.raises(ServiceError, match="SerializationException"):
        list(decode_messages(encode_message([], b"payload")[:-3]))


def test_streamed_blob_may_be_an_iterator_of_chunks() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    async def read(response: Response) -> bytes:
        assert response.stream is not None
        return b"".join([chunk async for chunk in response.stream])

    operation = service_model("s3").operation("GetObject")
    assert operation is not None

    assert asyncio.run(read(codec(operation, "rest-xml").serialize({"Body": chunks()}, "id"))) == b"ab"
