"""The walk of docs/operations/faults.md, run in the page's order; what it shows is what the commands print."""

from __future__ import annotations

import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.journeys.commands import Commands
from tests.requirements import ROOT

PAGE = ROOT / "docs" / "operations" / "faults.md"


def examples() -> Iterator[tuple[list[str], list[str]]]:
    """Yield the arguments of each command of the walk, and the lines that the page shows below it."""
    for block in re.findall(r"(?:^    .+\n)+", PAGE.read_text(), re.MULTILINE):
        for command in re.split(r"^    lambent ", block, flags=re.MULTILINE)[1:]:
            first, *shown = command.splitlines()
            yield shlex.split(first), [line.removeprefix("    ") for line in shown]


def test_the_page_s_test_passes(tmp_path: Path) -> None:
    (program,) = re.findall(r"^```python\n(.+?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    file = tmp_path / "program.py"
    file.write_text(program)
    assert "platform" in runpy.run_path(str(file))


def masked(text: str) -> str:
    """Return a text without the chance that is in the ids of faults."""
    return re.sub(r"\bf-[a-z2-7]{8}\b", "f-xxxxxxxx", text)


def make_what_the_walk_is_about(platform: LocalPlatform) -> None:
    platform.clock.freeze()
    platform.create_function("checkout", zip_of({"handler.py": "def handler(event, context): pass\n"}))
    platform.client("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def test_the_walk_of_the_page_goes_as_it_says(tmp_path: Path) -> None:
    with local_platform(virtual_time=True) as platform:
        make_what_the_walk_is_about(platform)
        lambent = Commands(tmp_path, platform.port)
        for arguments, shown in examples():
            printed = lambent.run(*arguments).stdout
            if shown:
                assert masked(printed).splitlines() == [masked(line) for line in shown]
        lambent.run("fault", "error", "checkout")
        status = lambent.run("status").stdout
        assert status.partition("faults on purpose\n")[2] == lambent.run("fault", "list").stdout
        assert [each["kind"] for each in lambent.told("status", "--json")["faults"]] == ["error"]
