"""`lambent clock`: time moved by hand, and what comes due with it."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.prepared.program import LAMBENT
from tests.requirements import process_environment
from tests.waiting import eventually

FAILING = zip_of({"handler.py": "def handler(event, context):\n    raise RuntimeError('never works')\n"})
Clock = Callable[..., "subprocess.CompletedProcess[str]"]


def clock_of(platform: LocalPlatform) -> Clock:
    def run(*arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*LAMBENT.command(), "clock", *arguments, "--port", str(platform.port)],
            env=process_environment(NO_COLOR="1"),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done

    return run


def test_six_hours_of_retries_pass_in_moments() -> None:
    with local_platform(virtual_time=True) as platform:
        clock = clock_of(platform)
        clock("freeze")
        begun = json.loads(clock("show", "--json").stdout)
        assert (begun["virtual"], begun["frozen"]) == (True, True)
        queues, functions = platform.client("sqs"), platform.client("lambda")
        url = queues.create_queue(QueueName="failed")["QueueUrl"]
        arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        platform.create_function("f", FAILING)
        # This one cannot run here: a system error, which is tried again for as long as the event may live.
        platform.create_function("g", FAILING, Runtime="java21")
        for name in ("f", "g"):
            functions.put_function_event_invoke_config(
                FunctionName=name, DestinationConfig={"OnFailure": {"Destination": arn}}
            )
            functions.invoke(FunctionName=name, InvocationType="Event")

        def received() -> dict[str, tuple[str, int]]:
            messages = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            contexts = [json.loads(message["Body"])["requestContext"] for message in messages]
            return {
                context["functionArn"].split(":")[6]: (context["condition"], context["approximateInvokeCount"])
                for context in contexts
            }

        found: dict[str, tuple[str, int]] = {}

        def arrived(name: str) -> tuple[str, int] | None:
            found.update(received())
            return found.get(name)

        moved = json.loads(clock("advance", "5h50m", "--json").stdout)
        assert moved["seconds"] == begun["seconds"] + 5 * 3600 + 50 * 60
        assert eventually(lambda: arrived("f")) == ("RetriesExhausted", 3)
        assert "g" not in found
        clock("advance", "10m")
        assert eventually(lambda: arrived("g")) == ("EventAgeExceeded", 0)


def test_next_goes_to_what_is_due_next_and_real_lets_time_flow() -> None:
    with local_platform(virtual_time=True) as platform:
        clock = clock_of(platform)
        platform.create_function("f", FAILING)
        platform.client("lambda").invoke(FunctionName="f")
        clock("freeze")
        shown = json.loads(clock("show", "--json").stdout)
        assert shown["next"] is not None
        assert json.loads(clock("next", "--json").stdout)["now"] == shown["next"]
        assert json.loads(clock("real", "--json").stdout)["frozen"] is False
        assert "flows" in clock("show").stdout


def test_a_platform_in_real_time_cannot_be_moved() -> None:
    with local_platform() as platform:
        clock = clock_of(platform)
        assert "real time" in clock("show").stdout
        for command in (["advance", "1h"], ["next"], ["freeze"], ["real"]):
            assert "lambent start --virtual-time" in clock(*command, expect=1).stderr


def test_what_is_no_span_of_time_is_refused() -> None:
    with local_platform(virtual_time=True) as platform:
        clock = clock_of(platform)
        for span in ("soon", "", "1x", "h"):
            assert "is no span of time" in clock("advance", span, expect=2).stderr


@pytest.mark.parametrize("body", [b"", b"{}", b'{"seconds": -1}', b'{"seconds": "x"}', b'{"seconds": true}', b"[]"])
def test_the_path_beneath_refuses_what_makes_no_sense(body: bytes) -> None:
    with local_platform(virtual_time=True) as platform:
        url = f"{platform.endpoint_url}/_lambent/clock/advance"
        request = urllib.request.Request(url, body, method="POST")  # noqa: S310 - the platform's own address
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)  # noqa: S310 - the platform's own address
        with refused.value as answer:
            assert answer.status == 400
            assert "Time never goes back" in json.load(answer)["message"]


def test_a_started_platform_takes_virtual_time_as_an_option(free_port: int) -> None:
    def lambent(*arguments: str) -> str:
        command = [*LAMBENT.command(), *arguments, "--port", str(free_port)]
        return subprocess.run(
            command, env=process_environment(), capture_output=True, text=True, timeout=60, check=True
        ).stdout

    lambent("start", "--detach", "--memory", "--virtual-time")
    try:
        assert json.loads(lambent("clock", "show", "--json"))["virtual"] is True
    finally:
        lambent("stop")
