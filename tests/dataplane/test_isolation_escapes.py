"""What a function cannot use up or outlive, in either isolation. How it tries to get out: `test_escape_attempts.py`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lambent.dataplane.runtime_api.messages import Closed
from lambent.dataplane.sandbox.spec import Limits
from lambent.dataplane.types import ExitKind, IsolationLevel
from tests.dataplane.sandbox_harness import Sandboxes, sandboxes, until
from tests.requirements import require_namespaces

# The handler evaluates what a test wants to try, and answers with its value or with the error's name.
_ATTEMPT = """
import ctypes, glob, os, pathlib, signal, socket, subprocess
def handler(source, context):
    try:
        return eval(source)
    except BaseException as error:
        return type(error).__name__
"""


@pytest.fixture
async def namespaced(tmp_path: Path) -> AsyncIterator[Sandboxes]:
    require_namespaces()
    async with sandboxes(tmp_path, IsolationLevel.NAMESPACE) as made:
        yield made


async def test_tmp_is_private_limited_and_writable(namespaced: Sandboxes) -> None:
    limits = Limits(memory_mb=256, ephemeral_storage_mb=16)
    first, second = await namespaced.launch(_ATTEMPT, limits=limits), await namespaced.launch(_ATTEMPT, limits=limits)
    await first.init()
    await second.init()
    assert await first.answer("pathlib.Path('/tmp/mine').write_text('x')") == 1
    assert await second.answer("os.listdir('/tmp')") == []
    assert await first.answer("pathlib.Path('/tmp/big').write_bytes(bytes(15 << 20))") == 15 << 20
    assert await first.answer("pathlib.Path('/tmp/more').write_bytes(bytes(2 << 20))") == "OSError"


async def test_tmp_in_process_isolation_is_a_folder_of_its_own(tmp_path: Path) -> None:
    async with sandboxes(tmp_path, IsolationLevel.PROCESS) as place:
        first, second = await place.launch(_ATTEMPT), await place.launch(_ATTEMPT)
        await first.init()
        await second.init()
        own = str(await first.answer("__import__('tempfile').mkdtemp()"))
        assert own.startswith(str(tmp_path))
        assert not own.startswith(str(await second.answer("__import__('tempfile').gettempdir()")))
        await first.sandbox.terminate()
        assert not Path(own).exists()


async def test_too_much_memory_is_an_end_for_want_of_memory(place: Sandboxes) -> None:
    environment = await place.launch(_ATTEMPT, limits=Limits(memory_mb=128))
    await environment.init()
    assert await environment.answer("len(bytearray(60 << 20))") == 60 << 20
    assert 60 <= environment.sandbox.peak_memory_mb() <= 128
    assert isinstance(await environment.invoke("len(b'x' * (300 << 20))"), Closed)
    assert (await environment.exit()).kind is ExitKind.OUT_OF_MEMORY


async def test_a_kill_ends_descendants_that_hid_in_sessions_of_their_own(place: Sandboxes) -> None:
    mark = f"{60 + os.getpid()}"
    environment = await place.launch(_ATTEMPT)
    await environment.init()
    hidden = "subprocess.Popen(['sh', '-c', 'setsid setsid sleep %s & sleep %s'], start_new_session=True).pid > 0"
    assert await environment.answer(hidden % (mark, mark)) is True
    await until(lambda: len(_processes_with(f"sleep\0{mark}\0")) >= 2, "the descendants start")
    cause = await environment.sandbox.terminate()
    assert cause.kind is ExitKind.KILLED_BY_PLATFORM
    assert _processes_with(f"sleep\0{mark}\0") == []


async def test_a_runtime_that_ends_takes_its_descendants_with_it(place: Sandboxes) -> None:
    mark = f"{70 + os.getpid()}"
    environment = await place.launch(_ATTEMPT)
    await environment.init()
    source = f"[subprocess.Popen(['setsid', 'sleep', '{mark}'])] and __import__('time').sleep(0.1) or os._exit(4)"
    assert isinstance(await environment.invoke(source), Closed)
    assert (await environment.exit()).code == 4
    assert _processes_with(f"sleep\0{mark}\0") == []


async def test_termination_with_grace_lets_the_function_finish(place: Sandboxes) -> None:
    environment = await place.launch(
        """
        import signal, sys
        def leave(number, frame):
            print("asked to leave")
            sys.exit(0)
        signal.signal(signal.SIGTERM, leave)
        def handler(event, context): return 1
        """
    )
    await environment.init()
    await environment.answer()
    await environment.sandbox.terminate(grace_s=10)
    assert "asked to leave" in environment.lines


def _processes_with(arguments: str) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                if (folder / "cmdline").read_bytes() == arguments.encode():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found
