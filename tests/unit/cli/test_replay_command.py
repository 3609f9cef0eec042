"""`lambent replay`: what options and a manifest make of it, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lambent.cli.commands.replay import app
from lambent.cli.errors import CommandError

QUICK = ["--for", "10m", "--warm-up", "0s"]
MANIFEST = """
stack: shop
functions:
  api:
    runtime: python3.13
    handler: app.handler
    code: {path: src}
    memory: 4096
    capacity_provider:
      provider: ${capacity_providers.pool}
      memory_per_vcpu: 2
      max_concurrency: 4
      min_environments: 4
      max_environments: 5
  small:
    runtime: python3.13
    handler: app.handler
    code: {path: src}
    memory: 512
capacity_providers:
  pool:
    subnets: [subnet-1, subnet-2]
    architecture: arm64
    instance_types: [c7g.xlarge]
    max_vcpus: 40
"""


def replayed(*arguments: str) -> dict[str, Any]:  # Any: JSON
    done = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)  # Any: as above
    return found


def refused(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        CliRunner().invoke(app, list(arguments), catch_exceptions=False, standalone_mode=False)
    return caught.value


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("def handler(event, context):\n    return event\n")
    (tmp_path / "lambent.yaml").write_text(MANIFEST)
    return tmp_path / "lambent.yaml"


def test_a_rate_is_replayed_for_as_long_as_is_said() -> None:
    found = replayed("--rate", "20/s", "--duration", "100ms", "--cpu", "10ms", *QUICK)
    assert found["requests"] == 12_000
    assert len(found["minutes"]) == 10
    assert found["throttles"] == {}
    assert found["instance_hours"] == {"c7i.large": pytest.approx(0.5)}
    assert found["p50_s"] == pytest.approx(0.1)


def test_people_get_rows_and_sums() -> None:
    done = CliRunner().invoke(app, ["--rate", "20/s", "--duration", "100ms", *QUICK], catch_exceptions=False)
    lines = done.output.splitlines()
    assert lines[0].split()[:3] == ["FROM", "REQUESTS", "THROTTLED"]
    assert lines[1].split()[:5] == ["00:00", "1,200", "-", "3", "3"]
    assert "throttled         none" in lines
    assert "instances         3.0 on average, 3 at most" in lines


def test_a_file_says_what_came_and_how_long_it_took(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text("minute,requests,duration_ms\n0,60,200\n1,120,200\n3,60,200\n")
    found = replayed("--traffic", str(tmp_path / "day.csv"), "--warm-up", "0s")
    assert [each["requests"] for each in found["minutes"]] == [60, 120, 0, 60]
    assert found["p50_s"] == pytest.approx(0.2)


def test_a_function_of_the_manifest_brings_its_sizes_along(project: Path) -> None:
    found = replayed("api", "--manifest", str(project), "--rate", "20/s", "--duration", "500ms", *QUICK)
    # Two vCPUs and 4 GiB each: one to an instance of four. Ten at a time take four slots of four each at their target.
    assert set(found["instance_hours"]) == {"c7g.xlarge"}
    assert {each["environments"] for each in found["minutes"]} <= {4, 5}
    assert found["minutes"][-1]["environments"] == 5


def test_an_option_goes_over_the_manifest(project: Path) -> None:
    given = ["--max-environments", "9", "--max-concurrency", "32", "--instance-type", "m7i.2xlarge"]
    found = replayed("api", "--manifest", str(project), "--rate", "1/s", "--duration", "1s", *QUICK, *given)
    assert set(found["instance_hours"]) == {"m7i.2xlarge"}


def test_a_function_that_is_not_on_managed_instances_is_replayed_as_the_least_that_holds_it(project: Path) -> None:
    found = replayed("shop-small", "--manifest", str(project), "--rate", "1/s", "--duration", "1s", *QUICK)
    assert set(found["instance_hours"]) == {"c7i.large"}


@pytest.mark.parametrize(("shape", "highest"), [("day", 1_500.0), ("ramp", 2_300.0), ("spike", 3_000.0)])
def test_a_shape_lays_the_rate_out(shape: str, highest: float) -> None:
    found = replayed("--rate", "10/s", "--shape", shape, "--duration", "50ms", "--for", "60m", "--warm-up", "0s")
    most = max(each["requests"] for each in found["minutes"])
    # An hour of a day's beginning is night; a ramp ends at four times the rate, a spike at five times.
    assert most < 600 if shape == "day" else most == pytest.approx(highest, rel=0.05)


def test_what_is_replayed_twice_is_the_same_and_another_seed_is_not() -> None:
    given = ["--rate", "20/s", "--duration", "100ms", "--p99", "400ms", *QUICK]
    assert replayed(*given) == replayed(*given)
    assert replayed(*given)["minutes"] != replayed(*given, "--seed", "2")["minutes"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "There is no traffic."),
        (["--rate", "1/s", "--recorded", "1h"], "--recorded and --rate exclude each other."),
        (["--rate", "1/s"], "Nothing says how long a request takes."),
        (["--rate", "fast", "--duration", "1s"], "'fast' is no rate of requests."),
        (["--recorded", "1h", "--duration", "1s"], "--recorded is of a function."),
        (["--rate", "1/s", "--duration", "1s", "--p99", "1ms"], "--p99 is below the average."),
        (["--rate", "1/s", "--duration", "1s", "--peak", "9/s"], "Steady traffic has no peak."),
        (
            ["--rate", "9/s", "--duration", "1s", "--peak", "1/s", "--shape", "ramp"],
            "The peak is no less than the rate.",
        ),
        (["--traffic", "nowhere.csv"], "nowhere.csv cannot be read"),
        (["--traffic", "nowhere.csv", "--shape", "day"], "--shape and --peak are for --rate."),
        (["--rate", "1/s", "--duration", "1s", "--memory", "1024"], "greater than or equal to 2048"),
        (["--rate", "1/s", "--duration", "1s", "--max-vcpus", "4"], "VcpuLimitExceeded"),
        (["--rate", "1/s", "--duration", "1s", "--instance-type", "t3.large"], "InsufficientCapacity"),
        (["--rate", "1/s", "--duration", "1s", "--max-environments", "2"], "serve nothing"),
        (["--rate", "1/s", "--duration", "1s", "--max-environments", "0"], "not between 1 and 15,000"),
        (["--rate", "1/s", "--duration", "1s", "--min-environments", "-5"], "not between 1 and 15,000"),
        (["--rate", "1/s", "--duration", "1s", "--max-vcpus", "0"], "not between 2 and 15,000"),
        (["--rate", "1/s", "--duration", "1s", "--max-vcpus", "99999"], "not between 2 and 15,000"),
        (["--rate", "1/s", "--duration", "1s", "--target-cpu", "nan"], "not between 1 and 100"),
        (["--rate", "1/s", "--duration", "1s", "--target-cpu", "400"], "not between 1 and 100"),
        (["--rate", "1/s", "--duration", "1s", "--max-concurrency", "0"], "not between 1 and 1,600"),
        (["--rate", "1/s", "--duration", "1s", "--memory-used", "-1"], "not between 0 and"),
        (["--rate", "1/s", "--duration", "1s", "--for", "0s"], "no time at all"),
        (["--rate", "1M/s", "--duration", "1s", "--for", "24h"], "a replay takes up 20,000,000 at most"),
        (
            ["--rate", "1/s", "--duration", "1s", "--instance-type", "m7g.large", "--instance-type", "c7i.large"],
            "two instruction sets",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_advice(arguments: list[str], message: str) -> None:
    error = refused(*arguments)
    assert message in error.message
    assert error.advice


def test_a_function_that_the_manifest_does_not_have_is_refused(project: Path) -> None:
    error = refused("web", "--manifest", str(project), "--rate", "1/s", "--duration", "1s")
    assert "has no function web" in error.message
    assert "api, small" in error.advice
