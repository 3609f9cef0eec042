"""Where a handler's modules are found, and what Python's `site` gives it: as AWS's bootstrap has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambent.dataplane.runtime_api.messages import Closed, Parked
from lambent.dataplane.types import ExitKind, ProcessExit
from tests.dataplane.sandbox_harness import Sandboxes

FORKED: dict[str, str] = {}
EXECUTED = {"PYTHONHASHSEED": "0"}
BOTH = pytest.mark.parametrize("variables", [FORKED, EXECUTED], ids=["fork", "exec"])


async def test_the_search_path_has_code_then_layers_then_the_sdk(place: Sandboxes, tmp_path: Path) -> None:
    lower, upper = tmp_path / "lower", tmp_path / "upper"
    for layer, value in ((lower, "lower"), (upper, "upper")):
        (layer / "python").mkdir(parents=True)
        (layer / "python" / "shared.py").write_text(f"value = {value!r}")
        (layer / "python" / f"only_{value}.py").write_text("")
    environment = await place.launch(
        """
        import os, sys
        import boto3, only_lower, only_upper, shared
        def handler(event, context):
            try:
                import moto
            except ImportError:
                hidden = True
            client = boto3.client("sts", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="y")
            return [shared.value, hidden, client.meta.region_name, sys.path.index(os.environ["LAMBDA_TASK_ROOT"]),
                    sys.path.index(os.environ["LAMBDA_RUNTIME_DIR"])]
        """,
        layers=(lower, upper),
    )
    assert await environment.init() == Parked(), environment.lines
    assert await environment.answer() == ["upper", True, "eu-west-1", 0, 3]


@BOTH
async def test_pth_files_of_the_code_and_of_layers_are_read(
    place: Sandboxes, tmp_path: Path, variables: dict[str, str]
) -> None:
    files = {"vendored/ours.py": "", "more.pth": "vendored\nimport os; os.environ['SAID'] = 'by the .pth file'\n"}
    nested = tmp_path / "layer" / "python" / "nested"
    nested.mkdir(parents=True)
    (nested / "theirs.py").write_text("")
    (nested.parent / "layer.pth").write_text("nested\n")
    source = "import os, ours, theirs\ndef handler(event, context): return os.environ['SAID']"
    environment = await place.launch(source, files=files, layers=(tmp_path / "layer",), variables=variables)
    assert await environment.init() == Parked(), environment.lines
    assert await environment.answer() == "by the .pth file"


@BOTH
async def test_the_path_that_children_are_given_is_the_runtimes(place: Sandboxes, variables: dict[str, str]) -> None:
    source = (
        "import os\ndef handler(event, context): return os.environ['PYTHONPATH'] == os.environ['LAMBDA_RUNTIME_DIR']"
    )
    environment = await place.launch(source, variables=variables)
    assert await environment.init() == Parked(), environment.lines
    assert await environment.answer() is True


@BOTH
async def test_a_handler_may_exit_as_any_program_may(place: Sandboxes, variables: dict[str, str]) -> None:
    environment = await place.launch("def handler(event, context): exit(3)", variables=variables)
    assert await environment.init() == Parked(), environment.lines
    assert isinstance(await environment.invoke(), Closed)
    assert await environment.exit() == ProcessExit(ExitKind.EXITED, 3)


@BOTH
async def test_what_the_client_imports_is_no_package_of_the_functions(
    place: Sandboxes, variables: dict[str, str]
) -> None:
    files = {"simplejson/__init__.py": "raise RuntimeError('imported')"}
    environment = await place.launch("def handler(event, context): return 1", files=files, variables=variables)
    assert await environment.init() == Parked(), environment.lines


@BOTH
async def test_a_module_of_the_functions_is_found_before_pythons_own(
    place: Sandboxes, variables: dict[str, str]
) -> None:
    environment = await place.launch(
        """
        import email, email.message, html, queue, secrets, uuid
        def handler(event, context):
            return [queue.whose, html.whose, email.message.__name__, secrets.token_hex(2) != "", uuid.UUID(int=0).int]
        """,
        files={
            "queue.py": "whose = 'ours'",
            "html/__init__.py": "whose = 'ours, too'",
            "html/entities.py": "",
            "email/template.txt": "no module, which yields to Python's",
            "secrets.txt": "",
        },
        variables=variables,
    )
    assert await environment.init() == Parked(), environment.lines
    assert await environment.answer() == ["ours", "ours, too", "email.message", True, 0]


async def test_whoever_sets_a_path_names_the_layers_in_it(place: Sandboxes, tmp_path: Path) -> None:
    layer = tmp_path / "layer" / "python"
    layer.mkdir(parents=True)
    (layer / "layered.py").write_text("")
    environment = await place.launch(
        """
        import boto3, found
        def handler(event, context):
            try:
                import layered
            except ImportError:
                return boto3.__name__
        """,
        files={"own/found.py": "", "own/boto3.py": "the runtime's comes first"},
        layers=(tmp_path / "layer",),
        variables={"PYTHONPATH": "own"},  # from the working directory, which is the code's
    )
    assert environment.sandbox.started_by == "fork"
    assert await environment.init() == Parked(), environment.lines
    assert await environment.answer() == "boto3"


@pytest.mark.parametrize("name", ["sitecustomize.py", "decimal.py"])
async def test_what_a_path_brings_that_is_loaded_first_is_loaded_first(place: Sandboxes, name: str) -> None:
    environment = await place.launch(
        "def handler(event, context): return brought",
        files={f"own/{name}": "import builtins\nbuiltins.brought = 'before all else'\nclass Decimal: pass"},
        variables={"PYTHONPATH": "missing:own"},
    )
    assert await environment.init() == Parked(), environment.lines
    assert await environment.answer() == "before all else"
    assert environment.sandbox.notices == ("started by exec, not by fork, because PYTHONPATH is set",)


async def test_a_command_line_tells_nothing_of_the_machine(place: Sandboxes) -> None:
    environment = await place.launch("import sys\ndef handler(event, context): return [sys.orig_argv[1:], sys.argv]")
    assert await environment.init() == Parked(), environment.lines
    answer = await environment.answer()
    assert isinstance(answer, list)
    assert answer[0] == answer[1]
