"""The walk of docs/operations/migration.md, run in the page's order; what it shows is among what the commands print."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambent.testing.platform import local_platform
from tests.journeys.commands import Commands
from tests.requirements import ROOT

PAGE = ROOT / "docs" / "operations" / "migration.md"


def parts() -> Iterator[tuple[str, str]]:
    """Yield the walk's blocks in the page's order: `python` and `yaml`, which are files, and `commands`."""
    walk = PAGE.read_text().partition("## A walk\n")[2].partition("\n## ")[0]
    for match in re.finditer(r"^```(python|yaml)\n(.+?)^```|((?:^    [^\n]+\n)+)", walk, re.MULTILINE | re.DOTALL):
        yield (match[1], match[2]) if match[1] else ("commands", match[3])


@pytest.mark.timeout(120)
def test_the_walk_of_the_page_goes_as_it_says(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    with local_platform() as platform:
        lambent = Commands(tmp_path, platform.port)
        first_two = platform.client("ec2").describe_subnets()["Subnets"][:2]
        subnets = dict(zip(("subnet-0a1", "subnet-0b2"), (one["SubnetId"] for one in first_two), strict=True))
        for kind, text in parts():
            if kind == "commands":
                for command in re.split(r"^    lambent ", text, flags=re.MULTILINE)[1:]:
                    first, *shown = command.splitlines()
                    here = re.sub(r"subnet-0\w\d", lambda match: subnets[match[0]], first)
                    printed = lambent.run(*shlex.split(here)).stdout.splitlines()
                    places = [printed.index(line.removeprefix("    ")) for line in shown]
                    assert places == sorted(places), first
            else:
                (tmp_path / {"python": "src/app.py", "yaml": "lambent.yaml"}[kind]).write_text(text)
        assert [one["FunctionName"] for one in platform.client("lambda").list_functions()["Functions"]] == [
            "shop-report"
        ]
        assert platform.client("lambda").list_capacity_providers()["CapacityProviders"] == []


def test_the_page_names_every_rule_of_code() -> None:
    from lambent.insight.migration.rules import RULES

    named = set(re.findall(r"`([a-z-]+)`", PAGE.read_text()))
    of_code = [name for name in RULES if name in named]
    assert len(of_code) >= 14
    assert {"fixed-tmp-name", "module-state", "shared-state", "connection-per-request", "callback-handler"} <= named
