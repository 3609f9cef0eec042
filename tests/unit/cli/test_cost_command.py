"""`lambent cost`: what options and a manifest make of it, what it prints, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lambent.cli.commands.cost import app
from lambent.cli.errors import CommandError, ExitCode
from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.waiting import eventually

STEADY = ("--rate", "200/s", "--duration", "80ms")
MANIFEST = """
stack: shop
functions:
  api:
    runtime: python3.13
    handler: app.handler
    code: src
    memory: 4096
    logs: {format: json}
    capacity_provider: {provider: "${capacity_providers.fleet}", memory_per_vcpu: 2, max_concurrency: 8}
  mail: {runtime: python3.13, handler: app.handler, code: src, memory: 512, name: post}
capacity_providers:
  fleet: {subnets: [subnet-1, subnet-2], security_groups: [sg-1], instance_types: ["m7i.*"]}
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("def handler(event, context):\n    return event\n")
    (tmp_path / "lambent.yaml").write_text(MANIFEST)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def counted(*arguments: str) -> dict[str, Any]:  # Any: JSON
    found: dict[str, Any] = json.loads(told(*arguments, "--json"))  # Any: as above
    return found


def refused(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        CliRunner().invoke(app, list(arguments), catch_exceptions=False, standalone_mode=False)
    assert "\n" not in caught.value.message
    assert caught.value.advice
    return caught.value


def options(found: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:  # Any: JSON
    return {(one["model"], one["paid_by"]): one for one in found["options"]}


def test_a_function_of_the_manifest_is_compared_on_its_provider_s_types() -> None:
    found = counted("api", *STEADY)
    managed = options(found)["managed instances", "on-demand"]
    assert managed["instance_type"].startswith("m7i.")
    assert managed["usd_per_month"] == pytest.approx(sum(line["usd"] for line in managed["lines"]))
    figures = {one["name"]: (one["value"], one["basis"]) for one in found["figures"]}
    assert figures["memory"] == ("4,096 MB", "given")
    assert figures["its requests at once"] == ("8", "given")
    for option in found["options"]:
        for line in option["lines"]:
            assert line["price"]["source"]["url"].startswith("https://")
            assert line["price"]["source"]["date"]


def test_the_answer_stands_in_a_table_with_aligned_figures_and_its_sources() -> None:
    lines = told("api", *STEADY).splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("MODEL"))
    ends = {line.index(".", 40) for line in lines[head + 1 : head + 4]}
    assert len(ends) == 1  # the points of the amounts stand beneath one another
    text = "\n".join(lines)
    for part in (
        "Break-even: ",
        "Cheapest: ",
        "given: --rate 200/s",
        "assumed: ",
        "[1] AWS Price List",
        "✕ break-even",
    ):
        assert part in text
    assert "\x1b" not in text


def test_a_function_is_found_by_its_name_on_aws_too() -> None:
    assert counted("post", *STEADY)["function"] == "mail"


def test_a_function_needs_no_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    found = counted(*STEADY, "--memory", "4096", "-a", "arm64", "-i", "m7g.xlarge")
    assert options(found)["managed instances", "compute-sp-3y"]["lines"][1]["price"]["usd"] == "0.0457"
    assert "memory" in refused(*STEADY).message


def test_without_a_name_all_functions_are_added_up() -> None:
    found = counted("--rate", "10/s", "--rate", "mail=1k/day", "--duration", "100ms")
    parts = {one["function"]: one for one in found["functions"]}
    assert parts["api"]["capacity_provider"] == "fleet"
    assert parts["mail"]["requests_per_month"] == pytest.approx(1_000 * 730 / 24, rel=1e-6)
    assert found["usd_per_month"] == pytest.approx(sum(one["usd_per_month"] for one in parts.values()))
    text = told("--rate", "10/s", "--duration", "100ms")
    assert "fleet: 3 m7i." in text
    assert "total" in text


def test_traffic_comes_from_a_file(project: Path) -> None:
    (project / "day.csv").write_text("minute,requests,duration_ms,cpu_ms\n0,6000,100,10\n1,0,,\n2,600,200,10\n")
    found = counted("api", "--traffic", "day.csv")
    assert found["requests_per_month"] == pytest.approx(6_600 / 180 * 730 * 3_600)
    assert {one["name"]: one["from"] for one in found["figures"]}["duration"] == "day.csv"


def test_a_peak_takes_more_instances_than_an_even_day() -> None:
    even, peaked = (
        options(counted("api", "--rate", "300/s", "--duration", "1s", *more))["managed instances", "on-demand"]
        for more in ((), ("--peak", "1500/s"))
    )
    assert peaked["usd_per_month"] > even["usd_per_month"]


def test_architectures_ratios_and_discounts_are_tried() -> None:
    x86, arm = (counted("mail", *STEADY, "-a", one)["options"][0]["usd_per_month"] for one in ("x86_64", "arm64"))
    assert arm < x86
    wide = counted("mail", *STEADY, "--managed-memory", "16384", "--memory-per-vcpu", "8", "--max-concurrency", "64")
    assert {one["name"]: one["value"] for one in wide["figures"]}["its vCPUs"] == "2 vCPU (8 GiB each)"
    own = options(counted("mail", *STEADY, "--discount", "40%"))["managed instances", "own"]
    assert own["lines"][1]["price"]["source"]["title"] == "given with --discount"


@pytest.mark.parametrize("ending", ["svg", "png", "txt"])
def test_the_chart_is_written(project: Path, ending: str) -> None:
    counted("api", *STEADY, "--chart", f"cost.{ending}")
    begins = {"svg": b"<?xml", "png": b"\x89PNG", "txt": b"USD a month"}
    assert (project / f"cost.{ending}").read_bytes().startswith(begins[ending])


def test_instance_hours_come_from_a_replay_where_one_is_asked_for() -> None:
    found = counted("api", "--rate", "20/s", "--duration", "100ms", "--replay", "10m")
    figures = {one["name"]: one for one in found["figures"]}
    assert figures["instances"]["from"].startswith("--replay 10m")
    assert options(found)["managed instances", "on-demand"]["instance_hours"] == pytest.approx(3 * 730, rel=0.02)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "how much traffic"),
        (("api",), "how much traffic"),
        (("api", "--rate", "4/s"), "how long a request takes"),
        (("api", "--rate", "many", "--duration", "1s"), "no rate"),
        (("api", "--rate", "4/s", "--traffic", "x.csv"), "each say"),
        (("api", "--traffic", "x.csv"), "cannot be read"),
        (("api", "--traffic", "lambent.yaml"), "holds no rows"),
        (("api", "--peak", "4/s", "--traffic", "x.csv"), "--peak goes with --rate"),
        (("api", "--rate", "10/s", "--peak", "4/s", "--duration", "1s"), "peak"),
        (("api", *STEADY, "--p99", "0.1x"), "no span"),
        (("mail", *STEADY, "--memory", "2048", "--ratio", "8"), "Memory ratio of 8192.0MB per CPU exceeds"),
        (("mail", *STEADY, "--ratio", "3"), "no ratio"),
        (("api", *STEADY, "--max-concurrency", "1000"), "between 1 and 128"),
        (("api", *STEADY, "--instance-type", "p5.48xlarge"), "is left by p5.48xlarge"),
        (("api", *STEADY, "--region", "eu-west-1"), "no prices of eu-west-1"),
        (("api", *STEADY, "--prices", "none.json"), "cannot be read"),
        (("api", *STEADY, "--prices", "lambent.yaml"), "no JSON"),
        (("api", *STEADY, "--discount", "150"), "no discount"),
        (("api", *STEADY, "--discount", "nan"), "no discount"),
        (("api", *STEADY, "--utilization", "0"), "utilization"),
        (("api", *STEADY, "--replay", "0s"), "no time at all"),
        (("api", *STEADY, "--peak", "400/s", "--replay", "4h"), "rises and falls in 24 h 0 min"),
        (("api", *STEADY, "--p99", "40ms"), "below the mean"),
        (("api", *STEADY, "--memory", "-1"), "-1 MB of memory are not between 128 and 32768"),
        (("api", *STEADY, "--memory", "0"), "0 MB of memory"),
        (("api", *STEADY, "--ephemeral", "5"), "5 MB in /tmp"),
        (("api", *STEADY, "--provisioned", "-3"), "-3 provisioned environments"),
        (("api", *STEADY, "--memory-used", "-4"), "1 MB at least"),
        (("api", "--rate", "9999B/s", "--duration", "1s"), "more than anybody has seen"),
        (("api", *STEADY, "--chart", "cost.gif"), "which picture"),
        (("api", *STEADY, "--chart", "none/cost.svg"), "cannot be saved"),
        (("api", *STEADY, "--replay", "24h"), "a replay takes up"),
        ((*STEADY, "--chart", "cost.svg"), "of one function"),
        (("--rate", "nobody=4/s", "--duration", "1s"), "no function 'nobody'"),
        (("nobody", *STEADY, "--port", "1"), "has no function 'nobody'"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_a_line_with_a_remedy(arguments: tuple[str, ...], said: str) -> None:
    error = refused(*arguments)
    assert said in error.message
    assert error.exit_code is ExitCode.USAGE


@pytest.fixture
def platform() -> Iterator[LocalPlatform]:
    with local_platform() as running:
        yield running


def test_recorded_traffic_of_a_function_that_only_the_platform_knows(platform: LocalPlatform) -> None:
    files = zip_of({"app.py": "def handler(event, context):\n    return event\n"})
    for name in ("ledger", "post"):
        platform.create_function(name, files, Handler="app.handler", Runtime="python3.13", MemorySize=256)
        for _ in range(3):
            platform.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    port = ("--port", str(platform.port))
    found: list[dict[str, Any]] = []  # Any: JSON

    def is_recorded() -> bool:
        try:
            found.append(counted("ledger", "--recorded", "1h", *port))
        except CommandError:
            return False
        return bool(found[-1]["requests_per_month"] == pytest.approx(3 * 730))

    eventually(is_recorded)
    figures = {one["name"]: one for one in found[-1]["figures"]}
    assert figures["traffic"]["basis"] == "measured"
    assert figures["memory"]["value"] == "256 MB"
    assert platform.endpoint_url in figures["memory"]["from"]
    assert found[-1]["region"] == "us-east-1"
    whole = counted("--recorded", "1h", *port)
    assert [one["function"] for one in whole["functions"]] == ["mail"]  # as the manifest calls `post`
    assert whole["without_traffic"] == ["api"]
    answer = told("--recorded", "1h", *port)
    assert "Without any traffic: api." in answer
    assert "keeps its least environments, which are not counted here" in answer
    assert answer.startswith("1 function in us-east-1")
    assert "has no function api" not in told("--recorded", "1h", *port)
    assert "has no function shop-api" in refused("api", "--recorded", "1h", *port).message
