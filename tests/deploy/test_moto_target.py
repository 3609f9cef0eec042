"""Deployment against a CloudFormation that is not ours: moto's server, over HTTP, by the same calls as everywhere."""

from __future__ import annotations

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

pytestmark = pytest.mark.timeout(120)


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
