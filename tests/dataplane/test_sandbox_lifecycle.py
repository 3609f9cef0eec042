"""What sandboxes leave behind: nothing, however they or the platform end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lambent.dataplane.errors import SandboxError
from lambent.dataplane.runtime_api.messages import Closed, CloseReason, Parked
from lambent.dataplane.types import ExitKind, IsolationLevel
from lambent.guest import orders
from tests.dataplane.sandbox_harness import Sandboxes, children, sandboxes, until
from tests.requirements import ROOT, process_environment, require_namespaces

_ECHO = "def handler(event, context): return event"


async def test_fifty_rounds_leave_no_process_descriptor_folder_group_or_mount(place: Sandboxes, tmp_path: Path) -> None:
    first = await place.launch(_ECHO)
    await first.init()
    await first.sandbox.terminate()
    before = _holdings(tmp_path)
    for _ in range(5):
        environments = [await place.launch(_ECHO) for _ in range(10)]
        for number, environment in enumerate(environments):
            assert await environment.init() == Parked()
            if number % 3 == 0:
                assert await environment.answer(number) == number
        await asyncio.gather(*(environment.sandbox.terminate() for environment in environments))
    # What stands by next is told from them by its name, which it takes a moment after it is forked.
    await until(lambda: not _gained(before, _holdings(tmp_path)), "all of it goes")


async def test_stopping_the_launcher_ends_what_still_runs(tmp_path: Path) -> None:
    async with sandboxes(tmp_path, IsolationLevel.PROCESS) as place:
        environment = await place.launch("import time\ntime.sleep(60)")
    assert (await environment.exit()).kind is ExitKind.KILLED_BY_PLATFORM
    assert place.processes() == []
    assert list((tmp_path / "scratch").iterdir()) == []


async def test_a_cancelled_launch_leaves_nothing(place: Sandboxes, tmp_path: Path) -> None:
    first = await place.launch(_ECHO)
    await first.init()
    await first.sandbox.terminate()
    before = _holdings(tmp_path)
    for turns in range(4):
        async with asyncio.TaskGroup() as group:
            launching = group.create_task(place.launch(_ECHO))
            for _ in range(turns):
                yielded = asyncio.get_running_loop().create_future()
                asyncio.get_running_loop().call_soon(yielded.set_result, None)
                await yielded
            launching.cancel()
    await until(lambda: not _gained(before, _holdings(tmp_path)), "all of it goes")


async def test_what_cannot_be_built_is_refused_with_the_reason(tmp_path: Path) -> None:
    require_namespaces()
    async with sandboxes(tmp_path, IsolationLevel.NAMESPACE) as place:
        with pytest.raises(SandboxError, match="No such file or directory"):
            await place.launch(_ECHO, layers=(tmp_path / "missing",))
        after = await place.launch(_ECHO)
        assert await after.init() == Parked()


async def test_the_end_of_the_fork_server_ends_its_sandboxes_and_another_takes_over(place: Sandboxes) -> None:
    environment = await place.launch(_ECHO)
    await environment.init()
    for server in place.processes():
        os.kill(server, signal.SIGKILL)
    await environment.exit()
    again = await place.launch(_ECHO)
    assert await again.init() == Parked()


async def test_a_runtime_that_writes_nonsense_is_cut_off(place: Sandboxes) -> None:
    environment = await place.launch(
        "import os\ndef handler(e, c):\n    os.write(3, b'GET / HTTP/1.1')\n    os.read(3, 1)"
    )
    await environment.init()
    assert await environment.invoke() == Closed(CloseReason.MALFORMED)
    await environment.sandbox.terminate()


@pytest.mark.parametrize("level", list(IsolationLevel))
def test_a_killed_platform_leaves_no_guest_process(level: IsolationLevel, tmp_path: Path) -> None:
    if level is IsolationLevel.NAMESPACE:
        require_namespaces()
    mark = f"{80 + os.getpid()}"
    script = tmp_path / "killed.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import asyncio
            from pathlib import Path
            from lambent.dataplane.types import IsolationLevel
            from tests.dataplane.sandbox_harness import sandboxes

            async def main():
                async with sandboxes(Path({str(tmp_path)!r}), IsolationLevel({level.value!r})) as place:
                    environment = await place.launch(
                        "import subprocess\\n"
                        "subprocess.Popen(['sh', '-c', 'setsid sleep {mark} & sleep {mark}'])\\n"
                        "def handler(e, c): return e"
                    )
                    await environment.init()
                    print("ready", flush=True)
                    await asyncio.get_running_loop().create_future()

            asyncio.run(main())
            """
        )
    )
    command = [sys.executable, str(script)]
    environment = process_environment(PYTHONPATH=f"{ROOT}{os.pathsep}{ROOT / 'src'}")
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as platform:
        assert platform.stdout is not None
        assert platform.stdout.readline() == "ready\n"
        asyncio.run(until(lambda: len(_sleepers(mark)) == 2, "the function's children start"))
        platform.kill()
    asyncio.run(until(lambda: not _sleepers(mark), "the guests end"))
    asyncio.run(until(lambda: not _mentioning(str(tmp_path)), "the fork server ends"))
    _sweep_groups()


def _sweep_groups() -> None:
    from lambent.dataplane.sandbox.cgroups import Cgroups

    groups = Cgroups(os.getpid(), "this test")
    groups.sweep()
    groups.remove()


def _holdings(tmp_path: Path) -> dict[str, set[str]]:
    groups = [Path(home, name) for home, names, _ in os.walk("/sys/fs/cgroup/memory") for name in names]
    return {
        "processes": {str(pid) for pid in (*children(), *_mentioning(str(tmp_path)))},
        "descriptors": {path.name for path in Path("/proc/self/fd").iterdir()},
        "folders": {path.name for path in (tmp_path / "scratch" / "sandboxes" / "environments").iterdir()},
        "groups": {path.name for path in groups if path.parent.name.startswith(f"lambent-{os.getpid()}-")},
        "mounts": set(Path("/proc/self/mountinfo").read_text().splitlines()),
    }


def _gained(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, set[str]]:
    # A fork server may still be compiling the SDK at the beginning; what ends meanwhile is no loss.
    return {kind: held - before[kind] for kind, held in after.items() if held - before[kind]}


def _mentioning(text: str) -> list[int]:
    return [pid for pid, words in _processes() if text.encode() in words]


def _sleepers(mark: str) -> list[int]:
    return [pid for pid, words in _processes() if words == f"sleep\0{mark}\0".encode()]


def _processes() -> list[tuple[int, bytes]]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                if (folder / "comm").read_bytes().strip() == orders.SPARE:
                    continue  # it stands by for the next start, and as many do as were wanted at once
                found.append((int(folder.name), (folder / "cmdline").read_bytes()))
            except OSError:
                continue
    return found
