"""Faults on purpose of functions, as those see them who invoke the function."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.builders import zip_of
from lambent.testing.faults import FaultRefusedError, PlatformFaults
from lambent.testing.platform import LocalPlatform
from tests.services.faults.conftest import struck
from tests.waiting import eventually

HANDLER = """
import time

def handler(event, context):
    print('got', event.get('name'), context.aws_request_id, flush=True)
    time.sleep(event.get('sleep', 0))
    return 'done'
"""


class Function:
    """A function that says what it was invoked with."""

    def __init__(self, platform: LocalPlatform, name: str) -> None:
        self.name = name
        self.functions = platform.client("lambda")
        self._logs = platform.client("logs")
        self.arn = platform.create_function(name, zip_of({"handler.py": HANDLER}), Timeout=1)["FunctionArn"]

    def invoke(self, **event: object) -> dict[str, Any]:  # Any: as boto3
        """Invoke it and wait; return the answer with its payload and log read."""
        answer = self.functions.invoke(FunctionName=self.name, Payload=json.dumps(event), LogType="Tail")
        log = base64.b64decode(answer["LogResult"]).decode()
        return {**answer, "Payload": json.loads(answer["Payload"].read()), "Log": log}

    def send(self, name: str) -> str:
        """Have it invoked with an event; return the request id."""
        answer = self.functions.invoke(
            FunctionName=self.name, InvocationType="Event", Payload=json.dumps({"name": name})
        )
        return str(answer["ResponseMetadata"]["RequestId"])

    def got(self) -> list[list[str]]:
        """Return the names and request ids of what its handler was run with, in order."""
        try:
            found = self._logs.filter_log_events(logGroupName=f"/aws/lambda/{self.name}", filterPattern="got")["events"]
        except self._logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"].split()[1:] for event in found]


@pytest.fixture(scope="module")
def function(world: LocalPlatform) -> Function:
    """A function that the tests of this file share, each with events of other names."""
    return Function(world, "faulty")


@pytest.fixture(autouse=True)
def _unharmed(function: Function, faults: PlatformFaults) -> Iterator[None]:
    """After each test the function works again."""
    yield
    faults.clear()
    assert function.invoke()["Payload"] == "done"


def names(function: Function, beginning: str) -> list[str]:
    return [name for name, _ in function.got() if name.startswith(beginning)]


def test_a_throttled_function_answers_as_lambda_does(function: Function, faults: PlatformFaults) -> None:
    begun = faults.begin("throttle", "faulty")
    assert (begun["target"], begun["name"]) == (function.arn, "lambda:faulty")
    with pytest.raises(ClientError) as refused:
        function.invoke(name="throttled")
    answer: Mapping[str, Any] = refused.value.response  # Any: members of one error's own
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (429, "TooManyRequestsException")
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert struck(faults) == {"throttle": 1}


def test_events_wait_for_the_end_of_a_throttle_and_are_handled_then(
    world: LocalPlatform, function: Function, faults: PlatformFaults
) -> None:
    faults.begin("throttle", "faulty", lasts_s=5)
    function.send("waits")
    eventually(lambda: struck(faults) == {"throttle": 1})
    world.clock.advance(4)  # tried after 1 s and 2 s more
    assert (struck(faults), names(function, "waits")) == ({"throttle": 3}, [])
    world.clock.advance(4)
    eventually(lambda: names(function, "waits") == ["waits"])
    assert struck(faults) == {}


def test_an_error_is_answered_without_running_the_handler(function: Function, faults: PlatformFaults) -> None:
    begun = faults.begin("error", "faulty")
    answer = function.invoke(name="failing")
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"] == {
        "errorType": "Lambent.InjectedFault",
        "errorMessage": f"RequestId: {answer['ResponseMetadata']['RequestId']} Error: the invocation fails on purpose, "
        f"by the fault {begun['id']}",
    }
    lines = answer["Log"].splitlines()
    assert [line.split()[0] for line in lines] == ["START", "END", "REPORT"]


def test_a_latency_is_part_of_the_invocation_s_duration_and_not_of_the_handler_s(
    function: Function, faults: PlatformFaults
) -> None:
    function.invoke()
    faults.begin("latency", "faulty", delay_s=0.15)
    answer = function.invoke(name="late")
    assert answer["Payload"] == "done"
    duration_ms = float(answer["Log"].partition("Duration: ")[2].split()[0])
    assert duration_ms >= 150


def test_a_latency_beyond_the_timeout_is_a_timeout(function: Function, faults: PlatformFaults) -> None:
    faults.begin("latency", "faulty", delay_s=20)
    answer = function.invoke(name="too-late")
    assert answer["Payload"]["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in answer["Log"]
    assert "got" not in answer["Log"]


def test_a_crash_kills_the_environment_while_the_handler_runs(function: Function, faults: PlatformFaults) -> None:
    faults.begin("crash", "faulty", delay_s=0.2)
    answer = function.invoke(name="killed", sleep=0.8)
    message = answer["Payload"]["errorMessage"].partition("Error: ")[2]
    assert (answer["Payload"]["errorType"], message) == (
        "Runtime.ExitError",
        "Runtime exited with error: signal: killed",
    )
    assert "got killed" in answer["Log"]
    assert "Status: error\tError Type: Runtime.ExitError" in answer["Log"]
    assert struck(faults) == {"crash": 1}


def test_a_crash_comes_at_once_unless_told_otherwise_and_too_late_for_what_is_over(
    function: Function, faults: PlatformFaults
) -> None:
    faults.begin("crash", "faulty", delay_s=0.9)
    assert function.invoke(name="quick")["Payload"] == "done"
    assert struck(faults) == {"crash": 0}
    faults.clear()
    faults.begin("crash", "faulty")
    assert function.invoke(name="at-once")["Payload"]["errorType"] == "Runtime.ExitError"


def test_a_duplicated_event_is_handled_twice_under_one_request_id(function: Function, faults: PlatformFaults) -> None:
    faults.begin("duplicate", "faulty")
    request_id = function.send("twice")
    wanted = [["twice", request_id]] * 2
    eventually(lambda: [each for each in function.got() if each[0] == "twice"] == wanted)
    assert function.invoke(name="waited-for")["Payload"] == "done"
    eventually(lambda: names(function, "waited-for") == ["waited-for"])
    assert struck(faults) == {"duplicate": 1}


def test_an_event_that_is_held_back_is_overtaken(
    world: LocalPlatform, function: Function, faults: PlatformFaults
) -> None:
    faults.begin("reorder", "faulty", delay_s=30)
    function.send("ordered-first")
    faults.clear()
    function.send("ordered-second")
    eventually(lambda: names(function, "ordered") == ["ordered-second"])
    world.clock.advance(30)
    eventually(lambda: names(function, "ordered") == ["ordered-second", "ordered-first"])


def test_a_fault_of_an_alias_strikes_who_invokes_the_alias(function: Function, faults: PlatformFaults) -> None:
    function.functions.create_alias(FunctionName="faulty", Name="live", FunctionVersion="$LATEST")
    assert faults.begin("error", "faulty:live")["name"] == "lambda:faulty:live"
    assert function.invoke()["Payload"] == "done"
    by_alias = function.functions.invoke(FunctionName="faulty", Qualifier="live")
    assert by_alias["FunctionError"] == "Unhandled"
    with pytest.raises(FaultRefusedError, match=r"lambda:faulty has no version or alias 'dead'\. Its aliases: live\."):
        faults.begin("error", "faulty:dead")
