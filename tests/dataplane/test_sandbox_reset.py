"""A reset ends what runs in a sandbox and nothing else: the next runtime finds /tmp as it was left."""

from __future__ import annotations

import os
from pathlib import Path

from lambent.dataplane.runtime_api.messages import Closed, Parked
from lambent.dataplane.sandbox.spec import Limits
from lambent.dataplane.types import ExitKind, IsolationLevel
from tests.dataplane.sandbox_harness import Environment, Sandboxes, sandboxes, until
from tests.requirements import require_namespaces

_SOURCE = """
import os, signal, subprocess, tempfile, time
folder = tempfile.gettempdir()
loads = os.path.join(folder, "loads")
with open(loads, "a") as file:
    file.write("x")
seen = {}
def handler(source, context):
    return eval(source)
"""


async def _started(place: Sandboxes, source: str = _SOURCE, limits: Limits | None = None) -> Environment:
    environment = await place.launch(source, limits=limits)
    assert await environment.init() == Parked()
    return environment


async def _again(place: Sandboxes, environment: Environment) -> Environment:
    again = await place.launch_again(environment)
    assert await again.init() == Parked()
    return again


async def test_a_reset_keeps_tmp_and_runs_init_again(place: Sandboxes) -> None:
    first = await _started(place)
    await first.answer("seen.update(a=1)")
    await first.answer("open(os.path.join(folder, 'kept'), 'w').write('by the first')")
    where = await first.answer("[folder, os.listdir('/proc/self/ns')]")
    assert await first.sandbox.reset()
    assert (await first.exit()).kind is ExitKind.KILLED_BY_PLATFORM
    second = await _again(place, first)
    assert await second.answer("[folder, os.listdir('/proc/self/ns')]") == where
    assert await second.answer("open(os.path.join(folder, 'kept')).read()") == "by the first"
    assert await second.answer("[open(loads).read(), seen]") == ["xx", {}]


async def test_a_runtime_that_ended_by_itself_can_be_followed_by_many(place: Sandboxes) -> None:
    environment = await _started(place)
    for round_ in range(1, 6):
        assert isinstance(await environment.invoke(f"os._exit({round_})"), Closed)
        assert (await environment.exit()).code == round_
        assert await environment.sandbox.reset()
        environment = await _again(place, environment)
    assert await environment.answer("open(loads).read()") == "xxxxxx"


async def test_processes_that_the_function_left_behind_die_in_a_reset(place: Sandboxes) -> None:
    mark = f"{90 + os.getpid()}"
    first = await _started(place)
    hidden = f"subprocess.Popen(['sh', '-c', 'setsid setsid sleep {mark} & setsid sleep {mark} &']).wait()"
    assert await first.answer(hidden) == 0
    await until(lambda: len(_sleepers(mark)) == 2, "the descendants start")
    assert await first.sandbox.reset()
    assert _sleepers(mark) == []
    assert await (await _again(place, first)).answer("1 + 1") == 2


async def test_a_later_runtime_has_the_signals_limits_and_rights_of_the_first(place: Sandboxes) -> None:
    # What a runtime inherits beside its memory: signals (but not how many are queued for its user), limits, rights,
    # descriptors.
    state = (
        "[[line for line in open('/proc/self/status')"
        " if line.startswith(('SigB', 'SigI', 'SigC', 'Cap', 'NoNew', 'Uid'))],"
        " __import__('resource').getrlimit(7), sorted(os.listdir('/proc/self/fd')),"
        " os.getpgid(0) == os.getpid(), os.access('/proc/self/mem', os.W_OK), dict(os.environ)]"
    )
    first = await _started(place)
    expected = await first.answer(state)
    assert await first.sandbox.reset()
    second = await _again(place, first)
    assert await second.answer(state) == expected
    assert isinstance(await second.invoke("os.kill(os.getpid(), signal.SIGTERM)"), Closed)
    assert (await second.exit()).kind is ExitKind.SIGNALLED


async def test_a_runtime_that_ran_out_of_memory_is_followed_by_one_in_the_same_place(place: Sandboxes) -> None:
    first = await _started(place, limits=Limits(memory_mb=128))
    await first.answer("open(os.path.join(folder, 'kept'), 'w').write('x')")
    assert isinstance(await first.invoke("len(b'x' * (300 << 20))"), Closed)
    assert (await first.exit()).kind is ExitKind.OUT_OF_MEMORY
    assert first.sandbox.peak_memory_mb() > 100
    assert await first.sandbox.reset()
    second = await _again(place, first)
    assert await second.answer("sorted(os.listdir(folder))") == ["kept", "loads"]
    assert second.sandbox.peak_memory_mb() < 100
    assert isinstance(await second.invoke("os.kill(os.getpid(), 9)"), Closed)
    assert (await second.exit()).kind is ExitKind.SIGNALLED


async def test_files_that_leave_the_next_runtime_no_memory_are_not_kept(tmp_path: Path) -> None:
    require_namespaces()
    async with sandboxes(tmp_path, IsolationLevel.NAMESPACE) as place:
        first = await _started(place, limits=Limits(memory_mb=128))
        assert isinstance(await first.invoke("open('/tmp/large', 'wb').write(bytes(200 << 20))"), Closed)
        assert (await first.exit()).kind is ExitKind.OUT_OF_MEMORY
        assert not await first.sandbox.reset()
        second = await _again(place, first)
        assert await second.answer("os.listdir('/tmp')") == ["loads"]


async def test_where_the_keeper_itself_was_ended_a_new_sandbox_is_made(place: Sandboxes) -> None:
    first = await _started(place)
    await first.answer("open(os.path.join(folder, 'lost'), 'w').write('x')")
    assert await first.sandbox.reset()
    os.kill(await first.keeper(), 9)
    second = await _again(place, first)
    assert await second.answer("os.listdir(folder)") == ["loads"]


async def test_a_reset_in_the_midst_of_init_is_a_reset(place: Sandboxes) -> None:
    first = await place.launch(_SOURCE + "print('loading')\ntime.sleep(60 if open(loads).read() == 'x' else 0)\n")
    await until(lambda: first.lines, "init is under way")
    assert await first.sandbox.reset()
    second = await _again(place, first)
    assert await second.answer("open(loads).read()") == "xx"


async def test_what_was_reset_and_not_started_again_ends_without_a_trace(place: Sandboxes, tmp_path: Path) -> None:
    first = await _started(place)
    assert await first.sandbox.reset()
    assert await first.sandbox.reset()
    keeper = await first.keeper()
    await first.sandbox.terminate()
    assert not await first.sandbox.reset()
    assert not Path(f"/proc/{keeper}").exists()
    assert list((tmp_path / "scratch/sandboxes/environments").iterdir()) == []


async def test_a_signal_for_a_runtime_that_has_ended_does_not_reach_the_next(place: Sandboxes) -> None:
    environment = await _started(place)
    for _ in range(20):
        # The runtime ends by itself while the platform, which does not know it yet, asks for its end.
        answer = environment.invoke("os._exit(0)")
        assert isinstance(await answer, Closed)
        assert await environment.sandbox.reset()
        environment = await _again(place, environment)
    assert await environment.answer("1 + 1") == 2


def _sleepers(mark: str) -> list[str]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                if (folder / "cmdline").read_bytes() == f"sleep\0{mark}\0".encode():
                    found.append(folder.name)
            except OSError:
                continue
    return found
