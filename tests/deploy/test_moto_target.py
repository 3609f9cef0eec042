"""Deployment against a CloudFormation that is not ours: moto's server, over HTTP, by the same calls as everywhere."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambent.aws.clients import Target
from lambent.compiler.compile import compile_system
from lambent.deploy.bootstrap import bootstrap
from lambent.deploy.errors import DeployError
from lambent.deploy.executor import Executor
from lambent.deploy.plan import Action, from_json, to_json
from lambent.deploy.planner import Planner, Source
from lambent.deploy.progress import ResourceDone, StackDone
from lambent.deploy.stacks import outputs_of
from lambent.manifest.system import System
from tests.requirements import process_environment

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """Moto's server as the target; its account is its own."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    environment = process_environment(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_REGION="us-east-1")
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            while not _answers(url):
                assert server.poll() is None, "moto's server did not start"
            yield Target(url, "us-east-1", "test", "test")
        finally:
            server.kill()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/moto-api/", timeout=5).close()  # noqa: S310 - the address is ours
    except (urllib.error.URLError, OSError):
        return False
    return True


def system(memory: int = 128) -> System:
    """Return a system of one function."""
    return System.model_validate(
        {
            "stack": "elsewhere",
            "functions": {
                "hello": {
                    "name": "hello",
                    "code": "src",
                    "handler": "app.handler",
                    "runtime": "python3.12",
                    "memory": memory,
                }
            },
            "outputs": {"function_name": "${functions.hello.name}"},
        }
    )


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """A folder with code, and a cache."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("def handler(event, context):\n    return 1\n")
    return Source(tmp_path, tmp_path / "cache")


def carried_out(target: Target, plan: Any) -> StackDone:  # Any: a Plan
    """Carry a plan out and return its end, which must be good."""
    events = list(Executor(target).execute(plan))
    end = events[-1]
    assert isinstance(end, StackDone)
    assert end.is_success, [event for event in events if isinstance(event, ResourceDone) and event.has_failed]
    return end


def test_a_system_is_deployed_changed_and_removed_where_nothing_is_ours(target: Target, source: Source) -> None:
    planner = Planner(target)
    with pytest.raises(DeployError, match="There is no artifact bucket"):
        planner.plan(planner.prepare(compile_system(system()), source))
    assert bootstrap(target) == planner.artifacts.bucket
    assert bootstrap(target) == planner.artifacts.bucket  # a second time does no harm

    plan = planner.plan(planner.prepare(compile_system(system()), source))
    assert {change.action for change in plan.changes} == {Action.ADD}
    carried_out(target, from_json(to_json(plan)))
    assert outputs_of(target, "elsewhere") is not None  # moto tells no outputs of a stack that a change set made
    functions = target.client("lambda")
    assert functions.get_function_configuration(FunctionName="hello")["MemorySize"] == 128

    assert Planner(target).plan(planner.prepare(compile_system(system()), source)).is_empty
    carried_out(target, Planner(target).plan(planner.prepare(compile_system(system(256)), source)))
    assert functions.get_function_configuration(FunctionName="hello")["MemorySize"] == 256

    assert isinstance(list(Executor(target).remove("elsewhere"))[-1], StackDone)
    assert outputs_of(target, "elsewhere") is None
