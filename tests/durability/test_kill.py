from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from lambent.base.identifiers import SeededIds
from tests.durability.promises import broken_promises
from tests.requirements import ROOT, process_environment

WORKLOAD = Path(__file__).with_name("workload.py")
ENDLESS = 1_000_000


async def work_until_killed(directory: Path, *, seed: int, lines: int) -> list[str]:
    """Run the workload, kill it once it has printed `lines` lines, and return every whole line it printed."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(WORKLOAD),
        str(directory),
        str(seed),
        str(ENDLESS),
        stdout=asyncio.subprocess.PIPE,
        env=process_environment(PYTHONPATH=str(ROOT)),
    )
    assert child.stdout is not None
    try:
        head = [await child.stdout.readline() for _ in range(lines)]
    finally:
        child.kill()
    rest = await child.stdout.read()
    await child.wait()
    whole = (b"".join(head) + rest).split(b"\n")[:-1]
    return [line.decode() for line in whole]


async def test_killing_it_under_load_again_and_again_loses_nothing(tmp_path: Path) -> None:
    chance = SeededIds(11)
    acknowledged: list[str] = []
    for seed in range(4):
        lines = 1 + int(chance.fraction() * 300)
        acknowledged += await work_until_killed(tmp_path / "data", seed=seed, lines=lines)
        assert len(acknowledged) >= lines
        assert await broken_promises(tmp_path / "data", acknowledged) == []
