"""The commands of docs/operations/managed-instances.md run as they stand, on the files that the page shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lambent.cli.commands.replay import app
from lambent.dataplane.capacity.types import Timing
from lambent.dataplane.scaling import managed_instances as scaling
from tests.requirements import ROOT

PAGE = (ROOT / "docs" / "operations" / "managed-instances.md").read_text()
COMMANDS = re.findall(r"^    (lambent replay .+)$", PAGE, re.MULTILINE)


def test_the_page_has_its_commands() -> None:
    assert len(COMMANDS) == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_replays_of_the_page_run(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = re.search(r"```csv\n(.+?)```", PAGE, re.DOTALL)
    assert rows is not None
    (tmp_path / "day.csv").write_text(rows[1])
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, shlex.split(command)[2:], catch_exceptions=False)
    assert done.exit_code == 0
    assert "instance-hours" in done.output


@pytest.mark.parametrize(
    ("said", "is_so"),
    [
        ("every 10 seconds, by what was used", Timing().evaluation_s == 10.0),
        ("about 33 seconds", Timing().launch_s == 33.0),
        ("ends 300 seconds after its last environment", Timing().empty_s == 300.0),
        ("needed at most in five minutes stays", Timing().scale_in_after_s == 300.0),
        ("a tenth goes each minute", (Timing().scale_in_every_s, scaling.SCALE_IN_SHARE) == (60.0, 0.1)),
        ("from an hour before", Timing().replace_ahead_s == 3_600.0),
        ("at most 14 days", Timing().lifetime_s == 14 * 86_400.0),
        ("60 % of their slots and 60 % of their CPU", (scaling.SLOT_TARGET, scaling.CPU_TARGET) == (0.6, 0.6)),
        ("From 95 % of its CPU", scaling.PRESSED == 0.95),
        ("after 10 seconds, doubling up to five minutes", (Timing().retry_s, Timing().retry_most_s) == (10.0, 300.0)),
    ],
)
def test_the_figures_of_the_page_are_those_of_the_engine(said: str, *, is_so: bool) -> None:
    assert said in " ".join(PAGE.split())
    assert is_so
