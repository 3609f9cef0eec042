"""Environments with several slots: AWS's client forks as many workers, and each serves one request at a time."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from lambent.dataplane import Completed, FunctionSpec
from tests.dataplane.test_plane_real_functions import World, real_plane

SOURCE = """
    import json, logging, os, pathlib, sys, time

    print("loading")
    logging.getLogger().setLevel("INFO")
    calls = 0

    def wait_for(path):
        while not path.exists():
            time.sleep(0.005)

    def handler(event, context):
        global calls
        calls += 1
        name, place = event["do"], pathlib.Path(os.environ.get("TMPDIR", "/tmp"))
        print("printed by", name)
        print("complained by", name, file=sys.stderr)
        logging.info("logged by %s", name)
        place.joinpath(name).write_text(context.aws_request_id)
        for wanted in event.get("wait", ()):
            wait_for(place / wanted)
        if "crash" in event:
            os._exit(event["crash"])
        if "kill" in event:
            os.kill(os.getpid(), event["kill"])
        if event.get("do") == "raise":
            raise KeyError("id")
        if event.get("do") == "large":
            return "x" * 6_291_556
        return {
            "pid": os.getpid(), "calls": calls, "seen": sorted(p.name for p in place.iterdir()),
            "type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], "most": os.environ["AWS_LAMBDA_MAX_CONCURRENCY"],
            "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        }
"""


def several(world: World, slots: int, source: str = SOURCE, *, timeout_s: int = 20) -> FunctionSpec:
    spec = world.function(source, timeout_s=timeout_s)
    return replace(spec, slots=slots, is_managed=True, log_format="JSON", memory_mb=2048)


async def test_requests_overlap_in_one_environment(tmp_path: Path) -> None:
    async with real_plane(tmp_path) as world:
        function = several(world, 4)
        names = [f"r{number}" for number in range(4)]
        outcomes = await asyncio.gather(*(world.invoke(function, name, wait=names) for name in names))
        answers = []
        for outcome in outcomes:
            assert isinstance(outcome, Completed), outcome
            answers.append(json.loads(outcome.payload))
        assert len({answer["pid"] for answer in answers}) == 4
        assert all(answer["seen"] == names for answer in answers)
        assert len(world.plane.environments()) == 1
