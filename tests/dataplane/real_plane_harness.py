"""A data plane of real processes on this machine, and functions for it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from lambent.base.clock import ManualClock
from lambent.base.identifiers import SeededIds
from lambent.dataplane import (
    DataPlane,
    DataPlaneSettings,
    FunctionSpec,
    Invocation,
    IsolationLevel,
    Outcome,
    VersionArn,
)
from lambent.testing.runtimes import RecordingObserver, StaticCredentials
from tests.dataplane.plane_harness import SPEC

SOURCE = """
    import json, os, threading, time

    started = 0
    print("loading")

    def handler(event, context):
        global started
        started += 1
        print("handling", event.get("do"))
        match event.get("do"):
            case "raise":
                raise KeyError("id")
            case "hang":
                time.sleep(60)
            case "exit":
                os._exit(7)
            case "die later":
                threading.Timer(0.05, os._exit, (3,)).start()
            case "large":
                return "x" * 6_291_556
            case "environment":
                return dict(os.environ)
        return {"calls": started, "arn": context.invoked_function_arn, "left": context.get_remaining_time_in_millis()}
"""


class World:
    """A plane on this machine, and functions for it."""

    def __init__(self, plane: DataPlane, observer: RecordingObserver, folder: Path, clock: ManualClock) -> None:
        self.plane = plane
        self.clock = clock
        self.observer = observer
        self._folder = folder
        self._calls = 0

    def function(self, source: str = SOURCE, *, timeout_s: int = 10) -> FunctionSpec:
        """Return the unpublished version of a function of this code."""
        code = self._folder / f"code{len(list(self._folder.glob('code*')))}"
        code.mkdir()
        (code / "app.py").write_text(textwrap.dedent(source))
        return replace(SPEC, code=code, timeout_s=timeout_s, revision=str(code))

    def version(self, source: str, *, number: str = "1") -> FunctionSpec:
        """Return a version of a function of this code, with SnapStart."""
        arn = VersionArn(f"{SPEC.function_arn}:{number}")
        return replace(self.function(source), version=number, version_arn=arn, snap_start=True)

    async def invoke(self, spec: FunctionSpec, do: str = "", **more: object) -> Outcome:
        self._calls += 1
        payload = json.dumps({"do": do, **more}).encode()
        return await self.plane.invoke(Invocation(f"request-{self._calls}", spec, payload, spec.function_arn))


@asynccontextmanager
async def real_plane(
    folder: Path,
    isolation: IsolationLevel | None = None,
    *,
    restore_timeout_s: float = 10.0,
    most_snapshots: int = 16,
) -> AsyncIterator[World]:
    observer = RecordingObserver()
    settings = DataPlaneSettings(
        folder / "scratch",
        "http://127.0.0.1:1",
        isolation,
        restore_timeout_s=restore_timeout_s,
        most_snapshots=most_snapshots,
    )
    clock = ManualClock()
    plane = DataPlane(settings, clock=clock, ids=SeededIds(1), credentials=StaticCredentials(), observer=observer)
    await plane.start()
    try:
        yield World(plane, observer, folder, clock)
    finally:
        await plane.stop()
