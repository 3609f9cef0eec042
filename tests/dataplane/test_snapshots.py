"""Environments forked from a template: what they share with it, and what they do not."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from lambent.dataplane.errors import SandboxError
from lambent.dataplane.runtime_api.messages import ErrorAnswer, Parked, Snapshot
from lambent.dataplane.sandbox.namespaces import USER_ID
from lambent.dataplane.types import ExitKind, IsolationLevel
from lambent.guest import framing
from tests.dataplane.sandbox_harness import Environment, Sandboxes, sandboxes, until
from tests.requirements import require_namespaces

_SOURCE = """
import os, signal, subprocess, sys, tempfile, time
folder = tempfile.gettempdir()
with open(os.path.join(folder, "made"), "w") as file:
    file.write("in init")
seen = []
def handler(source, context):
    return eval(source)
"""


async def _template(place: Sandboxes, source: str = _SOURCE) -> Environment:
    in_namespace = place.launcher.isolation is IsolationLevel.NAMESPACE
    config = {"namespaces": in_namespace, "user_id": USER_ID, "storage_mb": 64}
    own = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start", framing.TEMPLATE_VARIABLE: json.dumps(config)}
    template = await place.launch(source, runtime="python3.12", reserved=own)
    assert await template.init() == Snapshot(None)
    return template


async def _restored(place: Sandboxes, template: Environment, name: str) -> Environment:
    own = {"AWS_ACCESS_KEY_ID": name, "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
    spec = replace(template.spec, environment_id=name, variables=own)
    restored = Environment(await place.launcher.restore(template.sandbox, spec, 20), spec)
    restored.sandbox.on_output(lambda line, _=None: restored.lines.append(line.text))
    return restored


async def _ready(place: Sandboxes, template: Environment, name: str) -> Environment:
    restored = await _restored(place, template, name)
    assert await restored.init() == Parked()
    return restored


async def test_forks_have_the_memory_and_files_of_init_and_share_neither(place: Sandboxes) -> None:
    template = await _template(place)
    one, other = await _ready(place, template, "one"), await _ready(place, template, "other")
    assert one.sandbox.started_by == "snapshot"
    made = "open(os.path.join(tempfile.gettempdir(), 'made')).read()"
    for each, name in ((one, "one"), (other, "other")):
        assert await each.answer(f"[{made}, os.environ['AWS_ACCESS_KEY_ID'], seen]") == ["in init", name, []]
    await one.answer("seen.append(1)")
    await one.answer("open(os.path.join(tempfile.gettempdir(), 'made'), 'w').write('by one')")
    assert await other.answer(f"[{made}, seen]") == ["in init", []]
    assert await (await _ready(place, template, "third")).answer(f"[{made}, seen]") == ["in init", []]


async def test_what_a_fork_writes_is_its_own_output(place: Sandboxes) -> None:
    template = await _template(place)
    one, other = await _ready(place, template, "one"), await _ready(place, template, "other")
    await one.answer("print('from one', flush=True)")
    await other.answer("print('from other', file=sys.stderr, flush=True)")
    assert (one.lines, other.lines, template.lines) == (["from one"], ["from other"], [])


async def test_the_end_of_a_fork_is_its_own(place: Sandboxes) -> None:
    template = await _template(place)
    one, other = await _ready(place, template, "one"), await _ready(place, template, "other")
    await one.invoke("os._exit(7)")
    assert await one.exit() == await one.exit()
    assert (await one.exit()).kind is ExitKind.EXITED
    assert (await one.exit()).code == 7
    killed = await _ready(place, template, "killed")
    await killed.invoke("os.kill(os.getpid(), signal.SIGKILL)")
    assert (await killed.exit()).kind is ExitKind.SIGNALLED
    assert await other.answer("1") == 1
    assert place.launcher.restored_from(template.sandbox) == [other.sandbox]


async def test_an_end_takes_all_that_a_fork_has_started_with_it(place: Sandboxes) -> None:
    template = await _template(place)
    one = await _ready(place, template, "one")
    mark = f"lambent-{os.getpid()}-{place.launcher.isolation}"
    await one.answer(f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', '{mark}']).pid > 0")
    assert _running(mark)
    assert not await one.sandbox.reset()
    await until(lambda: not _running(mark), "the function's own process has ended")
    assert await (await _ready(place, template, "again")).answer("1") == 1


async def test_the_end_of_the_template_leaves_nothing(place: Sandboxes) -> None:
    template = await _template(place)
    one = await _ready(place, template, "one")
    await template.sandbox.terminate()
    assert (await one.exit()).code == 9
    with pytest.raises(SandboxError):
        await _restored(place, template, "late")
    await until(lambda: not place.launcher.restored_from(template.sandbox), "nothing is left of what came late")


async def test_an_init_that_fills_memory_and_tmp_can_be_restored_from_all_the_same(tmp_path: Path) -> None:
    require_namespaces()
    full = """
held = [bytes([number]) * 1_000_000 for number in range(170)]
with open("/tmp/large", "wb") as file:
    for _ in range(50):
        file.write(held[0])
"""
    async with sandboxes(tmp_path, IsolationLevel.NAMESPACE) as place:  # of 256 MB
        template = await _template(place, _SOURCE + full)
        size = "[len(held), os.path.getsize('/tmp/large')]"
        for name in ("one", "two", "three"):
            assert await (await _ready(place, template, name)).answer(size) == [170, 50_000_000]


async def test_code_that_runs_in_a_template_is_held_to_its_memory_after_a_restore_too(place: Sandboxes) -> None:
    if not any(each.name == "cgroup memory limit" and each.holds for each in place.launcher.findings()):
        pytest.skip("needs a control group for memory")
    greedy = """
import json
loads, held = json.loads, []
def load(text):
    if isinstance(text, bytes) and b'"greedy"' in text:
        held.append(b"x" * 900_000_000)
    return loads(text)
json.loads = load
"""
    template = await _template(place, _SOURCE + greedy)
    assert await (await _ready(place, template, "modest")).answer("len(held)") == 0
    with pytest.raises(SandboxError):
        await _restored(place, template, "greedy")
    assert (await template.exit()).kind is ExitKind.OUT_OF_MEMORY


async def test_hooks_run_where_they_belong(place: Sandboxes) -> None:
    source = _SOURCE + (
        "import snapshot_restore_py as hooks\n"
        "hooks.register_before_snapshot(seen.append, 'before')\n"
        "hooks.register_after_restore(lambda: seen.append(os.environ['AWS_ACCESS_KEY_ID']))\n"
    )
    template = await _template(place, source)
    for name in ("one", "other"):
        assert await (await _ready(place, template, name)).answer("seen") == ["before", name]


async def test_a_hook_that_fails_is_reported_by_the_fork(place: Sandboxes) -> None:
    source = _SOURCE + "import snapshot_restore_py as hooks\nhooks.register_after_restore(lambda: 1 / 0)\n"
    template = await _template(place, source)
    answer = await (await _restored(place, template, "one")).init()
    assert isinstance(answer, ErrorAnswer)
    assert answer.error_type == "Runtime.AfterRestoreError"
    assert json.loads(answer.payload)["errorMessage"] == "division by zero"


async def test_a_fork_has_no_privileges_and_sees_only_itself(tmp_path: Path) -> None:
    require_namespaces()
    async with sandboxes(tmp_path, IsolationLevel.NAMESPACE) as place:
        template = await _template(place)
        one, other = await _ready(place, template, "one"), await _ready(place, template, "other")
        status = (
            "[line.split()[1] for line in open('/proc/self/status') if line.startswith(('CapEff', 'CapBnd', 'Uid'))]"
        )
        assert await one.answer(status) == [str(USER_ID), "0" * 16, "0" * 16]
        assert await one.answer("sorted(name for name in os.listdir('/proc') if name.isdigit())") == ["1", "2"]
        assert await one.answer("os.statvfs('/tmp').f_blocks * os.statvfs('/tmp').f_frsize >> 20") == 64
        refused = "subprocess.run(['unshare', '--user', 'true'], capture_output=True).returncode"
        assert await one.answer(refused) != 0
        spaces = "[os.readlink('/proc/self/ns/' + name) for name in ('mnt', 'pid', 'ipc', 'uts', 'user')]"
        assert not set(await _list(one, spaces)) & set(await _list(other, spaces))


async def _list(environment: Environment, source: str) -> list[str]:
    answer = await environment.answer(source)
    assert isinstance(answer, list)
    return answer


def _running(mark: str) -> bool:
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in process.read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False
