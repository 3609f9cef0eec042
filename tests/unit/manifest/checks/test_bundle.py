"""`bundle` is for folders of Node.js functions."""

from __future__ import annotations

import pytest

from lambent.compiler.compile import compile_system
from lambent.compiler.result import BundleWanted
from lambent.manifest.load import load


def manifest(*lines: str) -> str:
    """Return a manifest with a bundled function."""
    return "stack: s\nfunctions:\n  f:\n    bundle: true\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ("code: src", "runtime: python3.13", "handler: app.f"),
            "bundle is for folders of Node.js functions, not for python3.13",
        ),
        (
            ("code: {inline: x}", "runtime: nodejs22.x", "handler: index.f"),
            "bundle is for folders of Node.js functions, not for nodejs22.x",
        ),
        (
            ("code: src", "runtime: nodejs22.x", "handler: app.f", "requirements: package.json"),
            "bundle and requirements say two different things about the function's packages",
        ),
    ],
)
def test_what_cannot_be_bundled_is_told(lines: tuple[str, ...], message: str) -> None:
    found = load(manifest(*lines), "lambent.yaml").diagnostics
    assert [(one.rule, one.message) for one in found if one.rule == "bundle"] == [("bundle", message)]


@pytest.mark.parametrize(
    ("handler", "module"),
    [("app.handler", "app"), ("src/app.handlers.create", "src/app"), ("deep/er/app.x", "deep/er/app")],
)
def test_the_archive_that_is_wanted_says_the_handler_s_module(handler: str, module: str) -> None:
    loaded = load(manifest("code: src", "runtime: nodejs22.x", f"handler: {handler}"), "lambent.yaml")
    assert loaded.system is not None, loaded.diagnostics
    (wanted,) = compile_system(loaded.system).archives
    assert wanted.bundle == BundleWanted(module)
