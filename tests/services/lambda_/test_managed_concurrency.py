"""A function on a capacity provider serves several requests at once in one execution environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.lambda_.conftest import Client, MakeProvider
from tests.services.lambda_.test_function_logs import messages
from tests.waiting import eventually

pytestmark = pytest.mark.local_only("its capacity providers start EC2 instances, which cost money")

HANDLER = """
import logging, os, pathlib, time

place = pathlib.Path(os.environ.get("TMPDIR", "/tmp"))

def handler(event, context):
    logging.getLogger().warning("serving %s", event["name"])
    place.joinpath(event["name"]).touch()
    while not all(place.joinpath(name).exists() for name in event["wait"]):
        time.sleep(0.01)
    logging.getLogger().warning("over with %s", event["name"])
    return {
        "pid": os.getpid(),
        "stream": context.log_stream_name,
        "most": os.environ["AWS_LAMBDA_MAX_CONCURRENCY"],
        "type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"],
        "format": os.environ["AWS_LAMBDA_LOG_FORMAT"],
    }
"""

Publish = Callable[..., None]


@pytest.fixture
def publish(functions: Client, make_provider: MakeProvider, role: str) -> Publish:
    def make_and_wait(*, most: int | None, timeout_s: int = 20) -> None:
        config: dict[str, Any] = {"CapacityProviderArn": make_provider()}  # Any: the shape's members
        if most is not None:
            config["PerExecutionEnvironmentMaxConcurrency"] = most
        functions.create_function(
            FunctionName="f",
            Runtime="python3.13",
            Handler="handler.handler",
            Role=role,
            Code={"ZipFile": zip_of({"handler.py": HANDLER})},
            MemorySize=2048,
            Timeout=timeout_s,
            CapacityProviderConfig={"LambdaManagedInstancesCapacityProviderConfig": config},
            PublishTo="LATEST_PUBLISHED",
        )

        def is_active() -> bool:
            shown = functions.get_function_configuration(FunctionName="f", Qualifier="$LATEST.PUBLISHED")
            return bool(shown["State"] == "Active")

        eventually(is_active)
        # Of the three that a version begins with all but one go, so that it is known who serves.
        one = {"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": 1}
        functions.put_function_scaling_config(
            FunctionName="f", Qualifier="$LATEST.PUBLISHED", FunctionScalingConfig=one
        )
        eventually(is_scaled)

    def is_scaled() -> bool:
        found = functions.get_function_scaling_config(FunctionName="f", Qualifier="$LATEST.PUBLISHED")
        return "RequestedFunctionScalingConfig" not in found

    return make_and_wait


def called(functions: Client, name: str, wait: list[str]) -> Any:  # Any: what the handler returns
    event = json.dumps({"name": name, "wait": wait})
    return json.loads(functions.invoke(FunctionName="f", Payload=event)["Payload"].read())


def at_once(functions: Client, names: list[str]) -> list[Any]:  # Any: as above
    """Invoke so many at once that none ends before all have begun, in one environment."""
    with ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(lambda name: called(functions, name, names), names))


def test_as_many_requests_run_at_once_in_one_environment_as_the_function_says(
    aws: ClientFactory, functions: Client, publish: Publish
) -> None:
    publish(most=3)
    answers = at_once(functions, ["a", "b", "c"])
    assert len({answer["pid"] for answer in answers}) == 3
    assert len({answer["stream"] for answer in answers}) == 1
    assert [answers[0][key] for key in ("most", "type", "format")] == ["3", "lambda-managed-instances", "JSON"]
    lines = messages(aws, "/aws/lambda/f", 3 + 3 + 3 * 4)
    records = [json.loads(line) for line in lines]
    by_type: dict[str, list[Any]] = {}  # Any: as above
    for record in records:
        by_type.setdefault(record.get("type", record.get("level")), []).append(record)
    assert {kind: len(found) for kind, found in by_type.items()} == {
        "platform.initStart": 3,
        "platform.initReport": 3,
        "platform.start": 3,
        "WARNING": 6,
        "platform.report": 3,
    }
    assert by_type["platform.initStart"][0]["record"]["initializationType"] == "lambda-managed-instances"
    ids = {record["record"]["requestId"] for record in by_type["platform.start"]}
    assert {record["requestId"] for record in by_type["WARNING"]} == ids
    for report in by_type["platform.report"]:
        assert (set(report["record"]["metrics"]), report["record"]["status"]) == ({"durationMs"}, "success")


def test_sixteen_run_at_once_on_one_vcpu_unless_the_function_says_otherwise(
    functions: Client, publish: Publish
) -> None:
    publish(most=None)
    answers = at_once(functions, [f"n{number}" for number in range(16)])
    assert len({answer["pid"] for answer in answers}) == 16
    assert len({answer["stream"] for answer in answers}) == 1


def test_a_request_that_times_out_fails_alone_and_its_code_goes_on(
    aws: ClientFactory, functions: Client, publish: Publish
) -> None:
    publish(most=2, timeout_s=1)
    late = called(functions, "late", ["go"])
    assert late["errorType"] == "Sandbox.Timedout"
    assert late["errorMessage"].endswith("Task timed out after 1.00 seconds")
    stream = called(functions, "go", [])["stream"]
    eventually(lambda: any("over with late" in line for line in messages(aws, "/aws/lambda/f", 1)))
    answers = at_once(functions, ["a", "b"])
    assert [answer["stream"] for answer in answers] == [stream, stream]
