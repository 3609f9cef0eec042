"""Traffic from files: one's own tables, and what CloudWatch answers."""

from __future__ import annotations

import json

import pytest

from lambent.insight.figures import Basis, InsightError, Origin
from lambent.insight.traffic_files import parse_duration, parse_milliseconds, read_traffic

GIVEN = Origin(Basis.GIVEN, "--duration")


def test_a_table_of_minutes_is_read_and_minutes_that_are_missing_are_empty() -> None:
    traffic = read_traffic("minute,requests,duration_ms\n0,60,100\n1,120,250\n5,60,100\n", "day.csv")
    assert list(traffic.requests) == [60, 120, 0, 0, 0, 60]
    assert traffic.period_s == 60
    assert traffic.begin_s is None
    assert traffic.duration is not None
    assert traffic.duration.mean_ms == pytest.approx(175)  # each row as often as it has requests
    assert str(traffic.origin) == "given: day.csv"


def test_times_are_read_in_every_usual_form_and_any_order() -> None:
    for first, second in (
        ("2026-11-22T10:00:00Z", "2026-11-22T10:05:00Z"),
        ("2026-11-22 10:00", "2026-11-22 10:05"),
        ("2026-11-22T11:00:00+01:00", "2026-11-22T10:05:00+00:00"),
        ("1795341600", "1795341900"),
        ("1795341600000", "1795341900000"),
    ):
        traffic = read_traffic(f"Time,Requests\n{second},7\n{first},5\n", "x.csv")
        assert (traffic.requests, traffic.period_s, traffic.begin_s) == ((5, 7), 300, 1_795_341_600)


def test_what_cloudwatch_answers_is_read() -> None:
    points = [
        {"Timestamp": "2026-11-22T10:01:00+00:00", "Sum": 90.0, "Unit": "Count"},
        {"Timestamp": "2026-11-22T10:00:00+00:00", "Sum": 30.0, "Unit": "Count"},
    ]
    traffic = read_traffic(json.dumps({"Label": "Invocations", "Datapoints": points}), "metric.json")
    assert (traffic.requests, traffic.period_s) == ((30, 90), 60)


def test_yaml_says_what_a_request_takes_beside_the_numbers() -> None:
    text = """
period: 5m
requests: [100, 200, 0]
duration: {mean: 80, p50: 60, p99: 0.4s}
cpu: 12ms
memory_mb: 310
begin: 2026-11-22T00:00:00Z
"""
    traffic = read_traffic(text, "day.yaml")
    assert list(traffic.requests) == [100, 200, 0]
    assert (traffic.period_s, traffic.begin_s) == (300, 1_795_305_600)
    assert traffic.duration is not None
    assert list(traffic.duration.quantiles) == [(0.5, 60), (0.99, 400)]
    assert traffic.cpu_ms is not None
    assert traffic.cpu_ms.value == 12
    assert traffic.memory_mb is not None
    assert traffic.memory_mb.value == 310


def test_a_period_beside_the_rows_is_theirs() -> None:
    text = json.dumps({"period": 60, "rows": [{"hour": 0, "requests": 5}, {"hour": 1, "requests": 6}]})
    traffic = read_traffic(text, "x.json")
    assert (len(traffic.requests), traffic.period_s, traffic.total) == (61, 60, 11)


def test_one_row_alone_is_a_minute() -> None:
    assert read_traffic("minute,count\n0,60", "x.csv").mean_per_second == 1


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.csv", "", "holds no rows"),
        ("x.csv", "when,requests\n1,2", "Row 1 has no time"),
        ("x.csv", "minute,load\n1,2", "Row 1 has no number of requests"),
        ("x.csv", "minute,requests\n1,many", "'many' in row 1"),
        ("x.csv", "minute,requests\n1,-3", "no number from 0 up"),
        ("x.csv", "minute,requests\n1,nan", "no number from 0 up"),
        ("x.csv", "minute,requests\n1,0\n2,0", "holds no requests"),
        ("x.csv", "minute,requests\n1,3\n1,4", "two rows for one period"),
        ("x.csv", "time,requests\nyesterday,4", "'yesterday' in row 1 is no time"),
        ("x.csv", "time,requests\n0,4\n0.001,4\n86400,4", "periods"),
        ("x.csv", "minute,requests,duration\n1,2,long", "'long' is no span of time"),
        ("x.csv", "minute,requests\n1,1,200", "more cells than there are columns"),
        ("x.csv", "minute;requests\n1;2", "Row 1 has no number of requests, only minute;requests"),
        ("x.csv", "minute,requests\n1,1e300", "more than anybody has seen"),
        ("x.csv", "minute,requests,duration_ms\n1,2,0", "requests take no time"),
        ("x.json", "{", "cannot be read"),
        ("x.json", "3", "holds no rows"),
        ("x.json", '{"requests": 3}', "holds no rows"),
        ("x.json", "[3]", "Row 1 is no row"),
        ("x.json", '{"requests": [true]}', "True in request count 1"),
        ("x.json", '{"requests": [1], "period": 0}', "period of 0 s"),
        ("x.json", '{"requests": []}', "holds no requests"),
        ("x.yaml", "a: [", "cannot be read"),
        ("x.yaml", "a: &x [1]\nrequests: *x", "cannot be read"),
    ],
)
def test_what_is_no_traffic_is_refused_in_words(name: str, text: str, said: str) -> None:
    with pytest.raises(InsightError) as caught:
        read_traffic(text, name)
    assert said in caught.value.message
    assert caught.value.advice


def test_a_duration_may_have_quantiles() -> None:
    assert parse_duration("80ms", GIVEN).mean_ms == 80
    told = parse_duration("0.1s,p99=400ms,p50=60", GIVEN)
    assert (told.mean_ms, told.quantiles) == (100, ((0.5, 60), (0.99, 400)))


@pytest.mark.parametrize("text", ["", "0ms", "p99=400ms", "80ms,p50=90,p99=40", "80ms,p99=20ms", "80ms,best=3", "-1ms"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InsightError):
        parse_duration(text, GIVEN)


def test_a_bare_number_has_the_unit_of_its_place() -> None:
    assert parse_milliseconds(5) == 5
    assert parse_milliseconds(5, "s") == 5_000
