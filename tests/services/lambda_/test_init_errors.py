"""Functions that cannot begin: what their callers are told, and their logs."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from lambent.testing.builders import zip_of
from tests.services.lambda_.conftest import Client, MakeFunction

FINE = "def handler(event, context):\n    return event\n"


def failed(functions: Client, **parameters: object) -> tuple[dict[str, Any], str, str]:  # Any: JSON
    """Return the error that an invocation is answered with, its request id, and the end of its log."""
    answer = functions.invoke(FunctionName="f", LogType="Tail", **parameters)
    assert (answer["StatusCode"], answer["FunctionError"], answer["ExecutedVersion"]) == (200, "Unhandled", "$LATEST")
    tail = base64.b64decode(answer["LogResult"]).decode()
    return json.loads(answer["Payload"].read()), answer["ResponseMetadata"]["RequestId"], tail


@pytest.mark.parametrize(
    ("handler", "source", "kind", "message"),
    [
        (
            "missing.handler",
            FINE,
            "Runtime.ImportModuleError",
            "Unable to import module 'missing': No module named 'missing'",
        ),
        (
            "handler.handler",
            "import absent\n",
            "Runtime.ImportModuleError",
            "Unable to import module 'handler': No module named 'absent'",
        ),
        (
            "handler.handler",
            "def handler(event, context)\n    return 1\n",
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'handler': expected ':' (handler.py, line 1)",
        ),
        ("handler.other", FINE, "Runtime.HandlerNotFound", "Handler 'other' missing on module 'handler'"),
        (
            "handler",
            FINE,
            "Runtime.MalformedHandlerName",
            "Bad handler 'handler': not enough values to unpack (expected 2, got 1)",
        ),
        ("sys.exit", FINE, "Runtime.BuiltInModuleConflict", "Cannot use built-in module sys as a handler module"),
    ],
)
def test_a_handler_that_cannot_be_loaded_is_named(  # noqa: PLR0913, PLR0917 - a row of the table
    functions: Client, make: MakeFunction, handler: str, source: str, kind: str, message: str
) -> None:
    make(code=zip_of({"handler.py": source}), Handler=handler)
    for _ in range(2):  # each invocation tries anew
        error, request_id, tail = failed(functions)
        assert error.pop("stackTrace") is not None
        assert error == {"errorMessage": message, "errorType": kind, "requestId": ""}
        assert f"REPORT RequestId: {request_id}\t" in tail
        assert tail.endswith(f"\tStatus: error\tError Type: {kind}\n")
        assert "Init Duration" not in tail.rpartition("REPORT")[2]  # it is part of the duration


def test_an_exception_of_the_modules_own_is_told_with_its_trace(functions: Client, make: MakeFunction) -> None:
    make(code=zip_of({"handler.py": "class OrderError(Exception): ...\nraise OrderError('no orders')\n"}))
    error, _, _ = failed(functions)
    assert (error["errorMessage"], error["errorType"], error["requestId"]) == ("no orders", "OrderError", "")
    assert (
        error["stackTrace"][-1]
        == "  File \"/var/task/handler.py\", line 2, in <module>\n    raise OrderError('no orders')\n"
    )


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("import os; os._exit(3)", "Runtime exited with error: exit status 3"),
        ("import os; os._exit(0)", "Runtime exited without providing a reason"),
        ("import os; os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
        ("import os; os.kill(os.getpid(), 11)", "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_a_process_that_ends_while_it_begins_is_told_by_its_end(
    functions: Client, make: MakeFunction, statement: str, said: str
) -> None:
    make(code=zip_of({"handler.py": statement + "\n"}))
    error, request_id, tail = failed(functions)
    assert error == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {request_id} Error: {said}"}
    assert tail.endswith("\tStatus: error\tError Type: Runtime.ExitError\n")


@pytest.mark.parametrize(
    ("wrapper", "status", "said"),
    [
        ("/opt/absent", 127, "/opt/absent: does not exist\n"),
        ("/etc/passwd", 126, "/etc/passwd: is not an executable\n"),
    ],
)
def test_a_wrapper_that_cannot_be_started_ends_the_runtime(
    functions: Client, make: MakeFunction, wrapper: str, status: int, said: str
) -> None:
    make(Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": wrapper}})
    error, request_id, tail = failed(functions)
    assert error == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request_id} Error: Runtime exited with error: exit status {status}",
    }
    assert said in tail


def test_an_init_that_succeeds_at_its_second_attempt_is_part_of_the_duration(
    functions: Client, make: MakeFunction
) -> None:
    # /tmp is the environment's own; what stays there tells the attempts apart.
    make(
        code=zip_of(
            {
                "handler.py": "import os, time\n"
                "if not os.path.exists('/tmp/tried'):\n"
                "    open('/tmp/tried', 'w').close()\n"
                "    raise RuntimeError('not yet')\n"
                "time.sleep(0.2)\n" + FINE
            }
        )
    )
    answer = functions.invoke(FunctionName="f", LogType="Tail", Payload=b"1")
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert answer["Payload"].read() == b"1"
    report = dict(part.split(": ", 1) for part in tail.rpartition("REPORT ")[2].strip().split("\t") if ": " in part)
    assert "Init Duration" not in report
    assert float(report["Duration"].removesuffix(" ms")) > 200
