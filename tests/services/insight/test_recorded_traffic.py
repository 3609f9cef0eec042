"""Traffic that a target has recorded, read by its own APIs: metrics where it has some, else reports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from lambent.aws.clients import Target
from lambent.insight.figures import Basis, InsightError
from lambent.insight.measure import NoTrafficError, recorded_traffic
from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.waiting import eventually

HANDLER = zip_of({"app.py": "def handler(event, context):\n    return event\n"})


@pytest.fixture(scope="module")
def platform() -> Iterator[LocalPlatform]:
    with local_platform(virtual_time=True) as running:
        yield running


def target(platform: LocalPlatform) -> Target:
    return Target.local(platform.endpoint_url)


def test_invocations_on_the_platform_are_traffic(platform: LocalPlatform) -> None:
    platform.create_function("echo", HANDLER, Handler="app.handler", Runtime="python3.13")
    functions = platform.client("lambda")
    for _ in range(4):
        functions.invoke(FunctionName="echo", Payload=b"{}")
    now = platform.clock.now()

    def recorded() -> bool:
        try:
            return recorded_traffic(target(platform), "echo", 3_600, now, "here").total == 4
        except NoTrafficError:
            return False

    eventually(recorded)
    found = recorded_traffic(target(platform), "echo", 3_600, now, "here")
    assert found.period_s == 60
    assert found.span_s == 3_600
    assert found.duration is not None
    assert found.duration.mean_ms > 0
    assert found.origin.basis is Basis.MEASURED
    assert found.origin.detail.startswith("here, ")


def test_metrics_go_before_reports(platform: LocalPlatform) -> None:
    now = platform.clock.now()
    put = platform.client("cloudwatch").put_metric_data
    for ago_s, requests, duration_ms in ((180, 30.0, 100.0), (120, 90.0, 200.0)):
        common = {
            "Dimensions": [{"Name": "FunctionName", "Value": "metered"}],
            "Timestamp": datetime.fromtimestamp(now - ago_s, UTC),
        }
        put(Namespace="AWS/Lambda", MetricData=[{"MetricName": "Invocations", "Value": requests, **common}])
        put(Namespace="AWS/Lambda", MetricData=[{"MetricName": "Duration", "Value": duration_ms, **common}])
    found = recorded_traffic(target(platform), "metered", 600, now, "here")
    assert "CloudWatch" in found.origin.detail
    assert [count for count in found.requests if count] == [30, 90]
    assert found.duration is not None
    assert found.duration.mean_ms == pytest.approx(150)  # of one point for the whole span, as CloudWatch averages it
    assert found.per_month == pytest.approx(120 / 600 * 730 * 3_600)


def test_nothing_recorded_is_told_with_what_to_do(platform: LocalPlatform) -> None:
    platform.create_function("silent", HANDLER, Handler="app.handler", Runtime="python3.13")
    with pytest.raises(NoTrafficError, match="here has recorded no invocation of silent"):
        recorded_traffic(target(platform), "silent", 3_600, platform.clock.now(), "here")


def test_a_function_that_is_not_there_has_no_traffic(platform: LocalPlatform) -> None:
    with pytest.raises(NoTrafficError, match="here has no function nobody"):
        recorded_traffic(target(platform), "nobody", 3_600, platform.clock.now(), "here")


@pytest.mark.parametrize("span_s", [30, 500 * 86_400])
def test_spans_that_cloudwatch_has_no_points_for_are_refused(platform: LocalPlatform, span_s: float) -> None:
    with pytest.raises(InsightError):
        recorded_traffic(target(platform), "silent", span_s, platform.clock.now(), "here")
