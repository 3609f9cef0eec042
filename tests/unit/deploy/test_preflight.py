"""What a manifest names on this machine: handlers are looked for where they can be, and nowhere else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from lambent.base.diagnostics import Severity
from lambent.deploy.preflight import preflight
from lambent.manifest.load import load
from lambent.manifest.system import System


def findings(base: Path, said: str) -> list[tuple[str, str, str]]:
    """Return rule, message and advice of what is not there for one function; `said` are lines of it."""
    lines = "".join(f"    {line}\n" for line in said.split("; "))
    loaded = load(f"stack: s\nfunctions:\n  f:\n    code: src\n{lines}", "lambent.yaml")
    assert loaded.system is not None, loaded.diagnostics
    found = preflight(loaded.system, loaded.sources, base)
    assert all(one.span is not None and one.span.line >= 4 for one in found)
    return [(one.rule, one.message, one.advice) for one in found]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder with code in several languages."""
    files = {
        "src/app.py": "def handler(e, c): ...\n",
        "src/sub/deep.py": "from app import handler\n",
        "src/broken.py": "def (\n",
        "src/index.mjs": "",
        "src/sub/old.cjs": "",
        "src/typed.ts": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "said",
    [
        "runtime: python3.13; handler: app.handler",
        "runtime: python3.13; handler: sub/deep.handler",
        "runtime: python3.13; handler: sub.deep.handler",
        "runtime: nodejs22.x; handler: index.handler",
        "runtime: nodejs22.x; handler: index.handlers.create",
        "runtime: nodejs22.x; handler: sub/old.handler",
        "runtime: nodejs22.x; handler: /opt/nodejs/node_modules/monitor/handler.handler",
        "runtime: nodejs22.x; handler: node_modules/monitor/handler.handler",
        "runtime: nodejs22.x; handler: typed.handler; bundle: true",
        "runtime: provided.al2023; handler: bootstrap",
        "runtime: java21; handler: example.Handler::handleRequest",
    ],
)
def test_a_handler_that_is_there_is_found(base: Path, said: str) -> None:
    assert findings(base, said) == []


@pytest.mark.parametrize(
    ("said", "message", "advice"),
    [
        (
            "runtime: python3.13; handler: nope.handler",
            "Unable to import module 'nope': No module named 'nope'",
            "Name a file of src/, as file.function. It has: app.py, broken.py.",
        ),
        (
            "runtime: python3.13; handler: app.nope",
            "Handler 'nope' missing on module 'app'",
            "Names in app.py: handler.",
        ),
        (
            "runtime: nodejs22.x; handler: nope.handler",
            "Error: Cannot find module 'nope'",
            "Name a file of src/, as file.function. It has: index.mjs, typed.ts.",
        ),
        (
            "runtime: nodejs22.x; handler: typed.handler",
            "Error: Cannot find module 'typed'",
            "Lambda runs JavaScript: add `bundle: true`, or compile it and name the folder of what comes out.",
        ),
        (
            "runtime: nodejs22.x; handler: nope.handler; bundle: true",
            "Error: Cannot find module 'nope'",
            "Name a file of src/, as file.function. It has: index.mjs, typed.ts.",
        ),
    ],
)
def test_a_handler_that_is_not_there_is_told_in_the_runtime_s_words(
    base: Path, said: str, message: str, advice: str
) -> None:
    assert findings(base, said) == [("handler-not-found", message, advice)]


def test_code_that_python_cannot_read_is_told(base: Path) -> None:
    (found,) = findings(base, "runtime: python3.13; handler: broken.handler")
    assert found[0] == "handler-syntax"


@pytest.mark.parametrize("runtime", ["python3.13", "nodejs22.x"])
def test_a_handler_may_be_in_a_layer(base: Path, runtime: str) -> None:
    layer = "layers: arn:aws:lambda:eu-west-1:464622532012:layer:Datadog-Python313:100"
    assert findings(base, f"runtime: {runtime}; handler: datadog_lambda.handler.handler; {layer}") == []


def test_a_handler_may_be_in_a_package_of_the_requirements(base: Path) -> None:
    said = "runtime: python3.13; handler: monitor.wrapper.handler"
    assert [one[0] for one in findings(base, said)] == ["handler-not-found"]
    (base / "src" / "requirements.txt").write_text("monitor==1\n")
    assert findings(base, said) == []


def test_a_compiled_handler_is_taken_for_one(base: Path) -> None:
    (base / "src" / "fast.cpython-313-x86_64-linux-gnu.so").write_bytes(b"")
    assert findings(base, "runtime: python3.13; handler: fast.handler") == []


def test_syntax_of_a_newer_python_than_ours_is_a_warning(base: Path) -> None:
    (base / "src" / "newer.py").write_text("unheard of\ndef handler(e, c): ...\n")
    for runtime, severity in (("python3.99", Severity.WARNING), ("python3.9", Severity.ERROR)):
        text = f"stack: s\nfunctions:\n  f: {{code: src, runtime: {runtime}, handler: newer.handler}}\n"
        loaded = load(text, "lambent.yaml")
        system = System.model_validate(
            {"stack": "s", "functions": {"f": {"code": "src", "runtime": runtime, "handler": "newer.handler"}}}
        )
        (found,) = preflight(system, loaded.sources, base)
        assert (found.rule, found.severity) == ("handler-syntax", severity)


def test_syntax_that_an_older_python_lacks_is_told(base: Path) -> None:
    (base / "src" / "matching.py").write_text("def handler(e, c):\n    match e:\n        case _: return 1\n")
    assert findings(base, "runtime: python3.10; handler: matching.handler") == []
    (found,) = findings(base, "runtime: python3.9; handler: matching.handler")
    assert "only supported in Python 3.10 and greater" in found[1]


def packed(base: Path, said: str, *names: str) -> list[str]:
    """Return the advice for a function whose code is a zip with these names."""
    with zipfile.ZipFile(base / "ready.zip", "w") as archive:
        for name in names:
            archive.writestr(name, "")
    lines = f"stack: s\nfunctions:\n  f: {{code: ready.zip, {said}}}\n"
    loaded = load(lines, "lambent.yaml")
    assert loaded.system is not None, loaded.diagnostics
    return [one.advice for one in preflight(loaded.system, loaded.sources, base)]


@pytest.mark.parametrize(
    ("handler", "name"),
    [
        ("runtime: python3.13, handler: app.f", "app.py"),
        ("runtime: python3.13, handler: deep/app.f", "deep/app.pyc"),
        ("runtime: python3.13, handler: deep.app.f", "deep/app/__init__.py"),
        ("runtime: nodejs22.x, handler: dist/index.f", "dist/index.mjs"),
    ],
)
def test_the_handler_is_looked_for_in_a_zip(tmp_path: Path, handler: str, name: str) -> None:
    assert packed(tmp_path, handler, "readme.md", name) == []
    assert packed(tmp_path, handler, "readme.md", f"other/{name}") == [
        "The handler is named file.function. Files at the top of ready.zip: readme.md."
    ]


def test_one_file_is_a_module_by_its_name(base: Path) -> None:
    for handler, count in (("app.handler", 0), ("other.handler", 1)):
        text = f"stack: s\nfunctions:\n  f: {{code: src/app.py, runtime: python3.13, handler: {handler}}}\n"
        loaded = load(text, "lambent.yaml")
        assert loaded.system is not None
        assert len(preflight(loaded.system, loaded.sources, base)) == count


def test_what_is_not_beside_the_manifest_is_told(tmp_path: Path) -> None:
    found = findings(tmp_path, "runtime: python3.13; handler: app.handler; requirements: more.txt")
    assert [one[0] for one in found] == ["requirements-not-found", "code-not-found"]
