"""Streamed answers, up to their limit."""

from __future__ import annotations

import json

from lambent.base.clock import SystemClock
from lambent.cloud.services.lambda_.invocation import Answer, Call, Invoker
from lambent.cloud.services.lambda_.model.state import State
from lambent.cloud.services.lambda_.routing import VersionRoute
from lambent.cloud.services.lambda_.streams import Streams
from lambent.dataplane import FunctionArn

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"
VERSION = VersionRoute("$LATEST", ARN, FunctionArn(ARN), State.ACTIVE, None, (), None, None)


class Writing(Invoker):
    """Makes an invocation whose function writes these parts."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = parts

    async def run(self, call: Call) -> Answer:
        assert call.sink is not None
        call.sink.begin("text/plain")
        for part in self._parts:
            call.sink.write(part)
        return Answer(b"")


async def streamed(*parts: bytes, limit_bytes: int) -> tuple[bytes, Answer]:
    streams = Streams(Writing(*parts), SystemClock(), limit_bytes=limit_bytes)
    opened = await streams.open(Call("r", VERSION, ARN, b"{}"))
    body = b"".join([chunk async for chunk in opened.chunks])
    await streams.stop()
    return body, opened.end()


async def test_an_answer_up_to_the_limit_is_passed_on_whole() -> None:
    assert await streamed(b"abc", b"def", limit_bytes=6) == (b"abcdef", Answer(b""))


async def test_what_goes_beyond_the_limit_is_cut_and_told_at_the_end() -> None:
    body, answer = await streamed(b"abc", b"def", b"ghi", limit_bytes=5)
    assert body == b"abcde"
    assert answer.function_error == "Unhandled"
    assert json.loads(answer.payload) == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (5 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
