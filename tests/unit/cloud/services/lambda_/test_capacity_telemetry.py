"""What Managed Instances log and measure, as values."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lambent.base.clock import ManualClock
from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_.managed.activity import Activity
from lambent.cloud.services.lambda_.managed.metrics import ManagedMetrics
from lambent.cloud.services.lambda_.model.capacity_log import LoggedEvent, LogSettings, by_stream, log_settings
from lambent.cloud.services.lambda_.model.capacity_metrics import (
    THROTTLE_REASONS,
    Datum,
    Finished,
    InstanceMeasures,
    Served,
    Used,
    environment_data,
    finished_data,
    instance_data,
    throttle_data,
)
from lambent.cloud.store.scope import Scope
from lambent.dataplane import (
    CapacityThrottle,
    FunctionArn,
    FunctionSpec,
    InstanceEventKind,
    InvocationReport,
    InvocationStatus,
    VersionArn,
)

ARN = "arn:aws:lambda:us-east-1:123456789012:capacity-provider:pool"
EVENT = LoggedEvent(InstanceEventKind.LAUNCHED, ARN, "i-0abc", "c7g.xlarge", "us-east-1a", 1_751_380_275.456)


def test_entry_is_the_one_that_awss_documentation_shows() -> None:
    assert json.loads(EVENT.line()) == {
        "timestamp": "2025-07-01T14:31:15.456Z",
        "level": "INFO",
        "message": "Successfully launched c7g.xlarge instance i-0abc in us-east-1a",
        "metadata": {
            "instanceId": "i-0abc",
            "availabilityZones": ["us-east-1a"],
            "instanceTypes": ["c7g.xlarge"],
            "capacityProviderArn": ARN,
        },
    }


def test_failures_are_warnings_and_say_why() -> None:
    failed = replace(EVENT, kind=InstanceEventKind.LAUNCH_FAILED, detail="InsufficientCapacity")
    entry = json.loads(failed.line())
    assert (entry["level"], entry["message"]) == (
        "WARN",
        "Failed to launch c7g.xlarge instance in us-east-1a: InsufficientCapacity",
    )
    assert "instanceId" not in entry["metadata"]
    warnings = {kind for kind in InstanceEventKind if replace(EVENT, kind=kind).level == "WARN"}
    assert warnings == {
        InstanceEventKind.LAUNCH_FAILED,
        InstanceEventKind.TERMINATE_FAILED,
        InstanceEventKind.HEALTH_CHECK_FAILED,
    }
    assert LogSettings("g", "WARN").passes(failed)


def test_settings_are_the_capacity_providers_own_or_awss_defaults() -> None:
    assert log_settings("pool", None) == LogSettings("/aws/lambda/capacity-provider/pool", "INFO")
    told = {"LoggingConfig": {"SystemLogLevel": "WARN", "LogGroup": "/pools"}}
    assert log_settings("pool", told) == LogSettings("/pools", "WARN")


def test_each_instance_has_a_stream_for_each_day() -> None:
    later = replace(EVENT, at=EVENT.at + 86_400, kind=InstanceEventKind.TERMINATED)
    assert list(by_stream([EVENT, later, replace(EVENT, instance_id="i-2")])) == [
        "2025/07/01/i-0abc",
        "2025/07/02/i-0abc",
        "2025/07/01/i-2",
    ]


def named(data: list[Datum], **dimensions: str) -> dict[str, Datum]:
    """Return the data of these dimensions by metric."""
    wanted = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    return {each["MetricName"]: each for each in data if each["Dimensions"] == wanted}


def test_instances_are_measured_by_type() -> None:
    half = InstanceMeasures("m7i.xlarge", 0.5, 0.25, 3, 2, 15_360, 8_192)
    data = list(instance_data("pool", [half, replace(half, cpu=0.1, vcpus_allocated=0), half], 60.0))
    found = named(data, CapacityProviderName="pool", InstanceType="m7i.xlarge")
    assert found["CPUUtilization"]["StatisticValues"] == {
        "SampleCount": 3.0,
        "Sum": pytest.approx(110.0),
        "Minimum": pytest.approx(10.0),
        "Maximum": 50.0,
    }
    assert found["vCPUAvailable"]["StatisticValues"]["Sum"] == 1 + 3 + 1
    assert found["vCPUAllocated"]["StatisticValues"]["Sum"] == 4
    assert found["MemoryAvailable"]["StatisticValues"]["Maximum"] == (15_360 - 8_192) * 1024 * 1024
    assert found["MemoryAllocated"]["Unit"] == "Bytes"
    other = replace(half, instance_type="c7g.large")
    assert len(list(instance_data("pool", [half, other], 60.0))) == 12
    assert list(instance_data("pool", [], 60.0)) == []


def test_environments_are_measured_by_function_and_by_version() -> None:
    served = [Served("f", "1", 4, 8), Served("f", "2", 7, 8)]
    data = list(environment_data("pool", served, [Used("f", "1", 0.5, 0.25)], 60.0))
    both = named(data, CapacityProviderName="pool", FunctionName="f")
    assert both["ExecutionEnvironmentConcurrency"]["StatisticValues"]["Maximum"] == 7
    assert both["ExecutionEnvironmentConcurrencyLimit"]["StatisticValues"]["Sum"] == 16
    first = named(data, CapacityProviderName="pool", FunctionName="f", Resource="f:1")
    assert first["ExecutionEnvironmentConcurrency"]["StatisticValues"]["Maximum"] == 4
    assert first["ExecutionEnvironmentCPUUtilization"]["StatisticValues"]["Sum"] == 50
    assert first["ExecutionEnvironmentMemoryUtilization"]["StatisticValues"]["Sum"] == 25
    second = named(data, CapacityProviderName="pool", FunctionName="f", Resource="f:2")
    assert sorted(second) == ["ExecutionEnvironmentConcurrency", "ExecutionEnvironmentConcurrencyLimit"]


def test_one_reason_counts_for_each_throttle() -> None:
    data = list(throttle_data("f", "1", {"CPUThrottles": 2, "ConcurrencyThrottles": 1}, 60.0))
    for found in (named(data, FunctionName="f"), named(data, FunctionName="f", Resource="f:1")):
        sums = {name: each["StatisticValues"]["Sum"] for name, each in found.items()}
        assert sums.pop("Throttles") == 3
        assert sums == dict.fromkeys(THROTTLE_REASONS, 0) | {"CPUThrottles": 2, "ConcurrencyThrottles": 1}
        assert {each["StatisticValues"]["SampleCount"] for each in found.values()} == {3.0}


SPEC = FunctionSpec(
    function_arn=FunctionArn("arn:f"),
    version_arn=VersionArn("arn:f:1"),
    revision="1",
    account="123456789012",
    region="us-east-1",
    function_name="f",
    version="1",
    runtime="python3.13",
    handler="app.handler",
    role_arn="r",
    code=Path("/code"),
)
REPORT = InvocationReport("r", InvocationStatus.SUCCESS, 1.0, 1.25, 250.0, None, 250, 128, 44)


def test_the_most_that_an_environment_served_at_once_is_remembered_until_it_is_asked_for() -> None:
    activity = Activity()
    for _ in range(3):
        activity.began("a")
    for _ in range(2):
        activity.ended("a", SPEC, REPORT)
    assert activity.take_most() == {"a": 3}
    assert activity.take_most() == {"a": 1}
    activity.ended("a", SPEC, REPORT)
    assert activity.take_most() == {"a": 1}
    assert activity.take_most() == {}


def test_requests_that_are_over_are_added_up_by_version() -> None:
    activity = Activity()
    for report in (REPORT, replace(REPORT, duration_ms=50.0, status=InvocationStatus.ERROR)):
        activity.began("a")
        activity.ended("a", SPEC, report)
    ((version, finished),) = activity.take_finished().items()
    assert version == (Scope(SPEC.account, SPEC.region), SPEC.function_name, SPEC.version)
    assert finished == Finished(2, 1, 300.0, 50.0, 250.0)
    assert activity.take_finished() == {}
    found = named(list(finished_data("f", "1", finished, 60.0)), FunctionName="f", Resource="f:1")
    sums = {name: each["StatisticValues"]["Sum"] for name, each in found.items()}
    assert sums == {"Invocations": 2, "Errors": 1, "Duration": 300}
    assert found["Duration"]["StatisticValues"]["SampleCount"] == 2


class CloudWatch:
    """Takes metrics, but for the first calls."""

    def __init__(self, *, refusals: int) -> None:
        self.refusals = refusals
        self.taken: list[int] = []

    async def call(self, service: str, operation: str, parameters: Any, **_: object) -> Any:  # Any: as the client's
        """Take data, or refuse."""
        assert (service, operation) == ("cloudwatch", "PutMetricData")
        if self.refusals:
            self.refusals -= 1
            raise ServiceError("ServiceUnavailable", "moto is not installed", status=503)
        self.taken.append(len(parameters["MetricData"]))
        return {}


async def test_minutes_wait_until_they_are_asked_for_and_stay_where_they_are_not_taken() -> None:
    cloudwatch = CloudWatch(refusals=1)
    plane = SimpleNamespace(capacity=list, environments=list)
    parts: Any = SimpleNamespace(clock=ManualClock(), plane=plane, client=cloudwatch)  # Any: of Dependencies, three
    metrics, scope = ManagedMetrics(parts, Activity()), Scope(SPEC.account, SPEC.region)
    for _ in range(150):
        metrics.throttled(SPEC, CapacityThrottle.CPU)
        await metrics.look()
    assert cloudwatch.taken == []
    await metrics.deliver(scope)  # refused
    assert cloudwatch.taken == []
    await metrics.deliver(Scope("999999999999", "us-east-1"))
    await metrics.deliver(scope)
    assert cloudwatch.taken == [1_000, 500]
    await metrics.deliver(scope)
    assert len(cloudwatch.taken) == 2
