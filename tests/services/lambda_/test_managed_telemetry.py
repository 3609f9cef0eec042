"""What Managed Instances leave in CloudWatch: a capacity provider's log, metrics, throttles with their reasons."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.builders import ensure_role, zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.lambda_.conftest import Client
from tests.services.managed import PUBLISHED, instances, make_pool, publish, settled
from tests.waiting import eventually

pytestmark = pytest.mark.local_only("its capacity providers start EC2 instances, which cost money")
ONE = {"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": 1}


def entries(logs: Client, group: str) -> list[dict[str, Any]]:  # Any: JSON
    """Return a log group's entries; none where there is no such group."""
    try:
        return [json.loads(each["message"]) for each in logs.filter_log_events(logGroupName=group)["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []


def test_capacity_providers_log_tells_of_its_instances(aws: ClientFactory, role: str) -> None:
    functions, logs = aws("lambda"), aws("logs")
    pool = make_pool(functions, aws("ec2"), role)
    publish(functions, role, pool)
    group = "/aws/lambda/capacity-provider/pool"
    eventually(lambda: len(entries(logs, group)) == 6)
    told = entries(logs, group)
    assert [each["message"].split()[0] for each in told].count("Launching") == 3
    launched = [each for each in told if each["message"].startswith("Successfully launched")]
    assert len(launched) == 3
    for each in launched:
        (zone,), (kind,) = each["metadata"]["availabilityZones"], each["metadata"]["instanceTypes"]
        instance = each["metadata"]["instanceId"]
        assert each["message"] == f"Successfully launched {kind} instance {instance} in {zone}"
        assert (each["level"], each["metadata"]["capacityProviderArn"]) == ("INFO", pool)
    functions.delete_function(FunctionName="f")
    eventually(lambda: functions.list_functions()["Functions"] == [])
    functions.delete_capacity_provider(CapacityProviderName="pool")
    eventually(lambda: len(entries(logs, group)) == 12)
    assert {each["message"].split(" instance ")[0].rpartition(" ")[0] for each in entries(logs, group)[6:]} == {
        "Terminating",
        "Successfully terminated",
    }


def test_capacity_provider_logs_where_and_as_much_as_it_is_told(aws: ClientFactory, role: str) -> None:
    functions, logs = aws("lambda"), aws("logs")
    quiet = {"LoggingConfig": {"LogGroup": "/pools", "SystemLogLevel": "WARN"}}
    pool = make_pool(functions, aws("ec2"), role, TelemetryConfig=quiet)
    publish(functions, role, pool)
    functions.update_capacity_provider(
        CapacityProviderName="pool", TelemetryConfig={"LoggingConfig": {"LogGroup": "/pools"}}
    )
    functions.delete_function(FunctionName="f")
    eventually(lambda: functions.list_functions()["Functions"] == [])
    functions.delete_capacity_provider(CapacityProviderName="pool")
    eventually(lambda: len(entries(logs, "/pools")) == 6)
    assert {each["message"].split()[0] for each in entries(logs, "/pools")} == {"Terminating", "Successfully"}
    assert entries(logs, "/aws/lambda/capacity-provider/pool") == []


def test_report_of_a_request_has_spans_and_no_bill(aws: ClientFactory, role: str) -> None:
    functions, logs = aws("lambda"), aws("logs")
    publish(functions, role, make_pool(functions, aws("ec2"), role))
    functions.invoke(FunctionName="f")

    def reports() -> list[dict[str, Any]]:  # Any: JSON
        return [each["record"] for each in entries(logs, "/aws/lambda/f") if each.get("type") == "platform.report"]

    (report,) = eventually(reports)
    assert list(report["metrics"]) == ["durationMs"]
    assert [each["name"] for each in report["spans"]] == ["responseLatency", "responseDuration"]
    assert sum(each["durationMs"] for each in report["spans"]) == pytest.approx(report["metrics"]["durationMs"])


STREAMING = """#!/usr/bin/env python3
import http.client, os, time

def said():
    yield b"one "
    time.sleep(0.4)
    yield b"two"

while True:
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    answer.read()
    request_id = answer.getheader("Lambda-Runtime-Aws-Request-Id")
    time.sleep(0.2)
    mode = {"Lambda-Runtime-Function-Response-Mode": "streaming", "Content-Type": "text/plain"}
    path = f"/2018-06-01/runtime/invocation/{request_id}/response"
    api.request("POST", path, said(), mode, encode_chunked=True)
    api.getresponse().read()
"""


def test_spans_part_waiting_for_a_streamed_answer_from_taking_it(aws: ClientFactory, role: str) -> None:
    functions, logs = aws("lambda"), aws("logs")
    code = {"ZipFile": zip_of({"bootstrap": STREAMING}, executable=frozenset({"bootstrap"}))}
    publish(functions, role, make_pool(functions, aws("ec2"), role), Runtime="provided.al2023", Code=code)
    events = functions.invoke_with_response_stream(FunctionName="f")["EventStream"]
    chunks = [each["PayloadChunk"]["Payload"] for each in events if "PayloadChunk" in each]
    assert b"".join(chunks) == b"one two"

    def spans() -> list[dict[str, Any]]:  # Any: JSON
        found = [each["record"] for each in entries(logs, "/aws/lambda/f") if each.get("type") == "platform.report"]
        return [span for record in found for span in record["spans"]]

    latency, duration = (each["durationMs"] for each in eventually(spans))
    assert latency >= 200
    assert 350 <= duration <= 2_000


@pytest.fixture(scope="module")
def moved() -> Iterator[LocalPlatform]:
    """A platform on virtual time, with a function of one environment and two slots."""
    with local_platform(virtual_time=True) as platform:
        functions, role = platform.client("lambda"), ensure_role(platform.client("iam"))
        pool = make_pool(functions, platform.client("ec2"), role)
        publish(functions, role, pool, slots=2)
        where = {"FunctionName": "f", "Qualifier": PUBLISHED}
        functions.put_function_scaling_config(**where, FunctionScalingConfig=ONE)
        settled(functions)
        yield platform


def statistic(platform: LocalPlatform, metric: str, kind: str, **dimensions: str) -> float:
    """Return what a metric comes to since the platform began, in all minutes together."""
    now = datetime.fromtimestamp(platform.clock.now(), UTC)
    found = platform.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=86_400,
        Statistics=[kind],
    )["Datapoints"]
    assert found, metric
    return float(found[0][kind])


def test_throttled_request_is_told_so_and_counts_with_one_reason(moved: LocalPlatform) -> None:
    functions = moved.client("lambda")

    def call(_: int) -> str:
        try:
            functions.invoke(FunctionName="f", Payload=json.dumps({"until": "never", "give_up": True}))
        except ClientError as error:
            found: dict[str, Any] = dict(error.response)  # Any: botocore's own shape
            assert (found["Error"]["Code"], found["ResponseMetadata"]["HTTPStatusCode"]) == (
                "TooManyRequestsException",
                429,
            )
            return str(found["Reason"])
        return "served"

    functions.update_function_configuration(FunctionName="f", Timeout=1)
    settled(functions, qualifier="$LATEST")
    functions.publish_version(FunctionName="f", PublishTo="LATEST_PUBLISHED")
    settled(functions)
    with ThreadPoolExecutor(4) as callers:
        told = sorted(callers.map(call, range(4)))
    assert told == ["ConcurrentInvocationLimitExceeded"] * 2 + ["served"] * 2
    moved.clock.advance(60)
    for named in ({"FunctionName": "f"}, {"FunctionName": "f", "Resource": f"f:{PUBLISHED}"}):
        assert statistic(moved, "Throttles", "Sum", **named) == 2
        assert statistic(moved, "ConcurrencyThrottles", "Sum", **named) == 2
        assert statistic(moved, "Invocations", "Sum", **named) == 2
        assert statistic(moved, "Errors", "Sum", **named) == 0
        assert 100 < statistic(moved, "Duration", "Maximum", **named) < 1_000
        for other in ("CPUThrottles", "MemoryThrottles", "DiskThrottles"):
            assert statistic(moved, other, "Sum", **named) == 0
    of_pool = {"CapacityProviderName": "pool", "FunctionName": "f"}
    assert statistic(moved, "ExecutionEnvironmentConcurrency", "Maximum", **of_pool) == 2


def test_log_tells_of_an_instance_that_is_ended_when_nothing_has_run_on_it_for_long(moved: LocalPlatform) -> None:
    seen = moved.client("ec2")
    moved.clock.advance(600)  # of the three that the version began with two have been empty since
    (left,) = instances(seen, IncludeManagedResources=True)
    told = entries(moved.client("logs"), "/aws/lambda/capacity-provider/pool")
    ended = [each for each in told if each["message"].startswith("Successfully terminated")]
    assert len(ended) == 2
    assert left["InstanceId"] not in {each["metadata"]["instanceId"] for each in ended}


def test_capacity_is_measured_every_minute(moved: LocalPlatform) -> None:
    moved.clock.advance(60)
    seen = moved.client("ec2").describe_instances(IncludeManagedResources=True)["Reservations"]
    (kind,) = {each["InstanceType"] for some in seen for each in some["Instances"]}
    of_type = {"CapacityProviderName": "pool", "InstanceType": kind}
    for metric in ("CPUUtilization", "MemoryUtilization"):
        assert 0 <= statistic(moved, metric, "Average", **of_type) <= 100
    for metric in ("vCPUAvailable", "vCPUAllocated", "MemoryAvailable", "MemoryAllocated"):
        assert statistic(moved, metric, "Maximum", **of_type) > 0
    for named in ({}, {"Resource": f"f:{PUBLISHED}"}):
        of_function = {"CapacityProviderName": "pool", "FunctionName": "f", **named}
        assert statistic(moved, "ExecutionEnvironmentConcurrencyLimit", "Maximum", **of_function) == 2
        for metric in ("ExecutionEnvironmentCPUUtilization", "ExecutionEnvironmentMemoryUtilization"):
            assert 0 <= statistic(moved, metric, "Average", **of_function) <= 100
