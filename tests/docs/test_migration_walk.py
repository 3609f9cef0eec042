"""The walk of examples/fibonacci/MIGRATION.md, run in the page's order on a copy of the example."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambent.manifest.checks.rules import RULES
from lambent.testing.platform import LocalPlatform, local_platform
from tests.journeys.aws_shell import AwsShell, aws_shell, environment
from tests.journeys.commands import Commands
from tests.requirements import ROOT

EXAMPLE = ROOT / "examples" / "fibonacci"
PAGE = EXAMPLE / "MIGRATION.md"
ACCOUNT, REGION = "000000000000", "us-east-1"


def steps() -> Iterator[tuple[str, list[str]]]:
    """Yield each command of the walk with the lines that the page shows below it, and each program."""
    for block, program in re.findall(
        r"((?:^    [^\n]+\n)+)|^```python\n(.+?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL
    ):
        if program:
            yield program, []
        for command in re.split(r"^    (?=lambent |aws )", block, flags=re.MULTILINE)[1:]:
            first, *shown = command.splitlines()
            yield first, [line.removeprefix("    ") for line in shown]


def fits(shown: str, line: str) -> bool:
    """Return whether a line is what the page shows of it."""
    pattern = ".*".join(re.escape(part.strip()) for part in shown.split("…"))
    return re.fullmatch(pattern, line.strip()) is not None


def told(shown: list[str], printed: str) -> bool:
    """Return whether the shown lines are among the printed ones, in their order."""
    lines = iter(printed.splitlines())
    return all(any(fits(one, line) for line in lines) for one in shown)


def run(step: str, lambent: Commands, aws: AwsShell) -> str:
    """Carry out a command and return what it prints."""
    command, _, file = step.partition(" > ")
    program, *arguments = shlex.split(command)
    if program == "lambent":
        done = lambent.run(*arguments)
        return done.stdout + done.stderr
    printed = str(aws(*arguments, text=True))
    if file:
        (lambent.folder / file).write_text(printed)
    return printed


@pytest.mark.timeout(180)
def test_the_walk_there_and_back_goes_as_the_page_says(tmp_path: Path) -> None:
    folder = tmp_path / "fibonacci"
    shutil.copytree(EXAMPLE, folder)
    programs = 0
    with local_platform() as platform, aws_shell(platform.endpoint_url, ACCOUNT, folder, REGION) as aws:
        lambent = Commands(folder, platform.port)
        for step, shown in steps():
            if step.startswith(("lambent ", "aws ")):
                printed = run(step, lambent, aws)
                assert told(shown, printed), f"{step}\n{printed}"
                continue
            around = environment(platform.endpoint_url, ACCOUNT, REGION)
            subprocess.run([sys.executable, "-c", step], env=around, check=True, timeout=60)
            programs += 1
        assert programs == 1
        assert (folder / "before.json").read_text().startswith("{")
        assert_nothing_is_left(platform)


def assert_nothing_is_left(platform: LocalPlatform) -> None:
    """Assert that the way back took everything with it but the first function."""
    groups = platform.client("ec2").describe_security_groups()["SecurityGroups"]
    assert [one["GroupName"] for one in groups] == ["default"]
    assert [one["FunctionName"] for one in platform.client("lambda").list_functions()["Functions"]] == ["fibonacci"]
    roles = platform.client("iam").list_roles()["Roles"]
    assert not [one["RoleName"] for one in roles if one["RoleName"].startswith("fibonacci-managed")]


def test_every_rule_that_the_page_names_is_one() -> None:
    rules = set(re.findall(r"`((?:managed|provider)-[a-z-]+)`", PAGE.read_text()))
    assert rules
    assert rules <= RULES.keys()


def test_what_the_page_shows_is_looked_for_line_by_line() -> None:
    assert told(["a…c", "d"], "x\nabc\ny\nd\n")
    assert not told(["d", "a…c"], "x\nabc\ny\nd\n")
