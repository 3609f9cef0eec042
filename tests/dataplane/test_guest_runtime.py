"""What a handler finds: its interpreter, its paths, its output in order, AWS's SDK."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lambent.dataplane.runtime_api.messages import Parked, Response
from lambent.dataplane.types import IsolationLevel
from tests.dataplane.sandbox_harness import OWN, Sandboxes


async def test_a_handler_runs_on_every_python_found(place: Sandboxes) -> None:
    source = "import sys\ndef handler(event, context): return [*sys.version_info[:2], event]"
    ran = set()
    for info in place.launcher.runtimes():
        if info.interpreter is None or not info.is_exact or not info.runtime.startswith("python"):
            continue
        environment = await place.launch(source, runtime=info.runtime)
        assert await environment.init() == Parked(), environment.lines
        assert await environment.answer("ping") == [3, int(info.runtime.removeprefix("python3.")), "ping"]
        ran.add(info.runtime)
        await environment.sandbox.terminate()
    assert OWN in ran


async def test_everything_written_precedes_the_answer_in_order(place: Sandboxes) -> None:
    environment = await place.launch(
        """
        import logging, os, sys
        logging.getLogger().setLevel("INFO")
        def handler(event, context):
            print("one")
            logging.info("two\\nstill two")
            sys.stderr.write("three\\n")
            os.write(1, b"four without an end")
            logging.warning("five")
            print("six", end="")
            return 1
        """
    )
    await environment.init()
    headers_lines = environment.lines
    assert await environment.answer() == 1
    one, two, three, four, five, six = headers_lines
    assert (one, three, four, six) == ("one", "three", "four without an end", "six")
    assert two.startswith("[INFO]\t")
    assert two.endswith("\tr-1\ttwo\nstill two")
    assert five.startswith("[WARNING]\t")
    assert five.endswith("\tr-1\tfive")


async def test_the_context_and_variables_are_those_given(place: Sandboxes) -> None:
    environment = await place.launch(
        """
        import os
        def handler(event, context):
            return [context.aws_request_id, 0 < context.get_remaining_time_in_millis() <= 3000,
                    context.invoked_function_arn, os.environ["MINE"], sorted(n for n in os.environ if "LAMBENT" in n),
                    os.getcwd() == os.environ["LAMBDA_TASK_ROOT"], "SHELL" in os.environ]
        """,
        variables={"MINE": "é"},
    )
    await environment.init()
    assert await environment.answer() == ["r-1", True, "arn:aws:lambda:x", "é", [], True, False]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("PYTHONOPTIMIZE", "2", [2, None, []]), ("LD_LIBRARY_PATH", "/opt/mine", [0, "/opt/mine", []])],
)
async def test_what_only_exec_can_give_is_given_by_exec(
    place: Sandboxes, name: str, value: str, expected: list[object]
) -> None:
    environment = await place.launch(
        """
        import logging, os, sys
        def handler(event, context):
            logging.error("framed")
            ours = [name for name in os.environ if "LAMBENT" in name]
            return [sys.flags.optimize, os.environ.get("LD_LIBRARY_PATH"), ours]
        """,
        variables={name: value},
    )
    assert environment.sandbox.started_by == "exec"
    assert any(name in notice for notice in environment.sandbox.notices)
    assert await environment.init() == Parked(), environment.lines
    assert await environment.answer() == expected
    assert environment.lines[0].startswith("[ERROR]\t")


async def wrapped(place: Sandboxes, folder: Path, wrapper: str, source: str) -> object:
    """Return what a function of this code answers whose runtime is started by a wrapper script from a layer."""
    layer = folder / "layer"
    layer.mkdir()
    script = layer / "wrapper"
    script.write_text(wrapper)
    script.chmod(0o755)
    in_namespace = place.launcher.isolation is IsolationLevel.NAMESPACE
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper" if in_namespace else str(script)}
    environment = await place.launch(source, variables=variables, layers=(layer,))
    assert await environment.init() == Parked(), environment.lines
    return await environment.answer()


async def test_a_wrapper_script_starts_the_runtime(place: Sandboxes, tmp_path: Path) -> None:
    wrapper = '#!/bin/bash\nexport WRAPPED=yes\nargs=("$@")\nexec "${args[@]:0:$#-1}" -X dev "${args[@]: -1}"\n'
    source = "import os, sys\ndef handler(event, context): return [os.environ['WRAPPED'], sys.flags.dev_mode]"
    assert await wrapped(place, tmp_path, wrapper, source) == ["yes", True]


async def test_a_wrapper_script_without_a_first_line_is_run_by_the_shell(place: Sandboxes, tmp_path: Path) -> None:
    source = "import os\ndef handler(event, context): return os.environ['WRAPPED']"
    assert await wrapped(place, tmp_path, 'export WRAPPED=yes\nexec "$@"\n', source) == "yes"


async def test_an_environment_answers_many_invocations_and_keeps_its_globals(place: Sandboxes) -> None:
    environment = await place.launch("n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return [n, len(e)]")
    await environment.init()
    for count in range(1, 20):
        assert await environment.answer("x" * count * 50_000) == [count, count * 50_000]


async def test_the_answer_is_handed_on_as_the_runtime_encoded_it(place: Sandboxes) -> None:
    environment = await place.launch("def handler(event, context): return {'a': 'ü', 'b': [1.0, None]}")
    await environment.init()
    answer = await environment.invoke()
    assert isinstance(answer, Response)
    assert answer.content_type == "application/json"
    assert json.loads(answer.payload) == {"a": "ü", "b": [1.0, None]}
