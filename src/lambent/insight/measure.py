"""Traffic as a target has recorded it, on the platform here or on AWS alike: CloudWatch's metrics of a function.

Where there are none, the reports in the function's log group say the same, if more slowly; they know memory besides.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from lambent.aws.clients import AwsCallError, Target, aws_errors
from lambent.insight.figures import Basis, Figure, InsightError, Origin
from lambent.insight.reports import Report, reports
from lambent.insight.traffic import Duration, Traffic

_DAY_S: Final = 86_400
# How long CloudWatch keeps points of which period:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
_RETENTION: Final = ((15 * _DAY_S, 60), (63 * _DAY_S, 300), (455 * _DAY_S, 3_600))
_QUANTILES: Final = {"p50": 0.5, "p99": 0.99}


class NoTrafficError(InsightError):
    """A function had nothing to do in a span."""


def period_for(span_s: float) -> int:
    """Return the finest period of which CloudWatch still has points so far back; raises InsightError beyond 455 days.

    >>> period_for(7 * 86_400), period_for(30 * 86_400)
    (60, 300)
    """
    for kept_s, period_s in _RETENTION:
        if span_s <= kept_s:
            return period_s
    raise InsightError("CloudWatch keeps metrics for 455 days.", "Give a shorter span, such as 30d.")


def recorded_traffic(target: Target, function_name: str, span_s: float, now: float, place: str) -> Traffic:
    """Return what a function had to do in the span before `now` (Unix seconds); `place` names the target in words.

    The mean duration weighs every request alike; quantiles are those of the whole span, or of its days where it is
    longer, each by its requests. Raises InsightError where nothing was recorded, and what `aws_errors` raises.
    """
    period_s = period_for(span_s)
    if span_s < period_s:
        raise InsightError("Metrics have periods of a minute.", "Give a span of 1m at least.")
    end_s = math.floor(now / period_s + 1) * period_s
    begin_s = end_s - math.ceil(span_s / period_s) * period_s
    with aws_errors():
        client = target.client("cloudwatch")
        fine = _read(
            client,
            [_query("invocations", "Invocations", "Sum", function_name, period_s)],
            begin_s,
            end_s,
        )
        coarse_s = min(max(period_s, math.ceil(span_s / period_s) * period_s), _DAY_S)
        means = [
            _query("average", "Duration", "Average", function_name, coarse_s),
            _query("invocations", "Invocations", "Sum", function_name, coarse_s),
        ]
        coarse = _read(client, means, begin_s, end_s) if fine["invocations"] else {}
    count = (end_s - begin_s) // period_s
    span = f"{_told(begin_s)} to {_told(end_s)}"
    if fine["invocations"]:
        origin = Origin(Basis.MEASURED, f"{place}, CloudWatch AWS/Lambda, {span}")
        counts = _counts(fine["invocations"].items(), count, begin_s, period_s)
        quantiles = [_query(name, "Duration", name, function_name, coarse_s) for name in _QUANTILES]
        duration, memory = _duration(coarse | _if_known(client, quantiles, begin_s, end_s), origin), None
    else:
        origin = Origin(Basis.MEASURED, f"{place}, reports in the function's log group, {span}")
        try:
            found = reports(target, function_name, begin_s, end_s)
        except AwsCallError as error:
            if error.code != "ResourceNotFoundException":
                raise
            raise NoTrafficError(f"{place} has no function {function_name}.", "Deploy it, or give the rate.") from error
        counts = _counts(((one.at_s, 1.0) for one in found), count, begin_s, period_s)
        duration, memory = _reported(found, origin)
    if not math.fsum(counts):
        raise NoTrafficError(
            f"{place} has recorded no invocation of {function_name} in that span.",
            "Give a longer --recorded, or the rate itself: --rate 40/s --duration 80ms.",
        )
    return Traffic(counts, float(period_s), origin, duration=duration, memory_mb=memory, begin_s=float(begin_s))


def _counts(points: Iterable[tuple[float, float]], count: int, begin_s: int, period_s: int) -> tuple[float, ...]:
    counts = [0.0] * count
    for at_s, value in points:
        place = int((at_s - begin_s) // period_s)
        if 0 <= place < count:
            counts[place] += value
    return tuple(counts)


def _reported(found: Sequence[Report], origin: Origin) -> tuple[Duration | None, Figure | None]:
    durations = sorted(one.duration_ms for one in found)
    if not durations:
        return None, None
    quantiles = tuple((q, durations[min(len(durations) - 1, int(q * len(durations)))]) for q in _QUANTILES.values())
    memory = [one.memory_mb for one in found if one.memory_mb is not None]
    mean = math.fsum(durations) / len(durations)
    return Duration(mean, origin, quantiles), Figure(max(memory), origin) if memory else None


def _if_known(
    client: Any,  # Any: as below
    queries: Sequence[dict[str, object]],
    begin_s: int,
    end_s: int,
) -> dict[str, dict[float, float]]:
    """Return the points of queries, or nothing where the target knows no quantiles: the mean is known without them."""
    try:
        with aws_errors():
            return _read(client, queries, begin_s, end_s)
    except AwsCallError:
        return {}


def _duration(points: Mapping[str, Mapping[float, float]], origin: Origin) -> Duration | None:
    weights = points["invocations"]
    mean = _weighed(points["average"], weights)
    if mean is None:
        return None
    found = [(q, _weighed(points.get(name, {}), weights)) for name, q in _QUANTILES.items()]
    return Duration(mean, origin, tuple((q, value) for q, value in found if value is not None))


def _weighed(values: Mapping[float, float], weights: Mapping[float, float]) -> float | None:
    pairs = [(value, weights.get(at_s, 0.0)) for at_s, value in values.items()]
    total = math.fsum(weight for _, weight in pairs)
    return math.fsum(value * weight for value, weight in pairs) / total if total else None


def _query(name: str, metric: str, stat: str, function_name: str, period_s: int) -> dict[str, object]:
    dimensions = [{"Name": "FunctionName", "Value": function_name}]
    found = {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": found, "Period": period_s, "Stat": stat}}


def _read(
    client: Any,  # Any: botocore's clients are classes made at run time
    queries: Sequence[dict[str, object]],
    begin_s: int,
    end_s: int,
) -> dict[str, dict[float, float]]:
    """Return the points of each query by their time."""
    found: dict[str, dict[float, float]] = {str(query["Id"]): {} for query in queries}
    pages = client.get_paginator("get_metric_data").paginate(
        MetricDataQueries=list(queries),
        StartTime=datetime.fromtimestamp(begin_s, UTC),
        EndTime=datetime.fromtimestamp(end_s, UTC),
        ScanBy="TimestampAscending",
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                found[result["Id"]][at.timestamp()] = float(value)
    return found


def _told(moment_s: float) -> str:
    return datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
