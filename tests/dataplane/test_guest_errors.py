"""What becomes of handlers that fail, as the runtime and the kernel report it."""

from __future__ import annotations

import json

import pytest

from lambent.dataplane.runtime_api.messages import Closed, ErrorAnswer, Parked, Response
from lambent.dataplane.types import ExitKind, ProcessExit
from tests.dataplane.sandbox_harness import Sandboxes


async def test_an_exception_is_reported_with_its_type_and_trace(place: Sandboxes) -> None:
    environment = await place.launch(
        """
        def handler(event, context):
            raise ValueError("no: " + event)
        """
    )
    assert await environment.init() == Parked()
    answer = await environment.invoke("bad", request_id="r-7")
    assert isinstance(answer, ErrorAnswer)
    assert answer.error_type == "ValueError"
    report = json.loads(answer.payload)
    assert {name: report[name] for name in ("errorMessage", "errorType", "requestId")} == {
        "errorMessage": "no: bad",
        "errorType": "ValueError",
        "requestId": "r-7",
    }
    [frame] = report["stackTrace"]
    assert frame.startswith('  File "')
    assert 'app.py", line 3, in handler' in frame
    assert any(line.startswith("[ERROR] ValueError: no: bad\nTraceback") for line in environment.lines)
    # An error does not end the environment.
    again = await environment.invoke("again")
    assert isinstance(again, ErrorAnswer)


@pytest.mark.parametrize(
    ("source", "handler", "error_type", "message"),
    [
        ("import nothing_of_that_name", "app.handler", "Runtime.ImportModuleError", "No module named 'nothing_of"),
        ("def handler(:", "app.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("x = 1", "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        ("x = 1", "handler", "Runtime.MalformedHandlerName", "Bad handler 'handler'"),
        ("raise KeyError('k')", "app.handler", "KeyError", "'k'"),
    ],
)
async def test_a_failing_init_is_reported_and_ends_the_runtime(
    place: Sandboxes, source: str, handler: str, error_type: str, message: str
) -> None:
    environment = await place.launch(source, handler=handler)
    answer = await environment.init()
    assert isinstance(answer, ErrorAnswer)
    assert answer.error_type == error_type
    report = json.loads(answer.payload)
    assert message in report["errorMessage"]
    assert report["requestId"] == ""
    assert await environment.exit() == ProcessExit(ExitKind.EXITED, 1)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("sys.exit(7)", ProcessExit(ExitKind.EXITED, 7)),
        ("os._exit(127)", ProcessExit(ExitKind.EXITED, 127)),
        ("sys.exit()", ProcessExit(ExitKind.EXITED, 0)),
        ("os.kill(os.getpid(), 9)", ProcessExit(ExitKind.SIGNALLED, 9)),
        ("os.abort()", ProcessExit(ExitKind.SIGNALLED, 6)),
    ],
)
async def test_an_end_in_mid_invocation_has_its_cause(place: Sandboxes, statement: str, expected: ProcessExit) -> None:
    environment = await place.launch(
        f"""
        import os, sys
        def handler(event, context):
            print("last words", flush=True)
            {statement}
        """
    )
    assert await environment.init() == Parked()
    assert isinstance(await environment.invoke(), Closed)
    assert await environment.exit() == expected
    assert environment.lines[0] == "last words"


async def test_exit_during_import_is_no_init_error_but_an_exit(place: Sandboxes) -> None:
    environment = await place.launch("import sys; sys.exit(3)")
    assert isinstance(await environment.init(), Closed)
    assert await environment.exit() == ProcessExit(ExitKind.EXITED, 3)


async def test_an_answer_over_six_megabytes_is_refused_and_ends_the_runtime(place: Sandboxes) -> None:
    environment = await place.launch("def handler(size, context): return 'x' * size")
    await environment.init()
    within = await environment.invoke(6_291_556 - 2)
    assert isinstance(within, Response)
    assert len(within.payload) == 6_291_556
    beyond = await environment.invoke(6_291_556 - 1)
    assert isinstance(beyond, ErrorAnswer)
    assert json.loads(beyond.payload) == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    assert await environment.exit() == ProcessExit(ExitKind.EXITED, 1)


async def test_what_cannot_be_json_is_a_marshal_error(place: Sandboxes) -> None:
    environment = await place.launch("def handler(event, context): return {1, 2}")
    await environment.init()
    answer = await environment.invoke()
    assert isinstance(answer, ErrorAnswer)
    assert answer.error_type == "Runtime.MarshalError"
