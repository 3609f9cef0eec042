"""The examples of docs/manifest-reference.md: what is written there is read, checked and compiled."""

from __future__ import annotations

import re

from lambent.base.diagnostics import Diagnostic
from lambent.compiler.compile import compile_system
from lambent.manifest.load import load
from lambent.manifest.system import System
from tests.requirements import ROOT

PAGE = "docs/manifest-reference.md"


def blocks(language: str) -> list[str]:
    """Return the page's blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / PAGE).read_text(), re.DOTALL | re.MULTILINE)


def whole(block: str) -> str:
    """Return an example as a manifest: one that has no stack of its own goes on with the first of the page."""
    return block if block.startswith("stack:") else f"{blocks('yaml')[0]}{block}"


def test_every_manifest_of_the_page_is_sound_in_each_of_its_environments() -> None:
    examples = [whole(block) for block in blocks("yaml")]
    assert examples
    found: list[Diagnostic] = []
    for text in examples:
        for environment in (None, *re.findall(r"^environments:\n  (\w+):", text, re.MULTILINE)):
            loaded = load(text, PAGE, environment=environment)
            found.extend(loaded.diagnostics)
            assert loaded.system is not None, loaded.diagnostics
            assert compile_system(loaded.system).template["Resources"]
    assert found == []


def test_the_overlay_of_the_page_says_what_it_says() -> None:
    overlay = next(block for block in blocks("yaml") if block.startswith("environments:"))
    system = load(whole(overlay), PAGE, environment="prod").system
    assert system is not None
    assert (system.defaults.memory, system.functions["order"].reserved_concurrency) == (1024, 50)


def test_the_system_in_python_is_one() -> None:
    for block in blocks("python"):
        said: dict[str, object] = {}
        exec(block, said)  # noqa: S102 - our own page
        assert isinstance(said["system"], System)
        assert compile_system(said["system"]).stack_name == "shop"


def test_every_reference_of_the_page_is_one() -> None:
    table = re.findall(r"^\| (`\$\{.*?) \|", (ROOT / PAGE).read_text(), re.MULTILINE)
    references = [reference for row in table for reference in re.findall(r"`(\$\{[^`]+\})`", row)]
    assert len(references) > 10
    parts = {
        "functions": "{K: {code: src, runtime: python3.13, handler: app.handler}}",
        "layers": "{K: {code: layer}}",
        "roles": "{K: {}}",
        "log_groups": "{K: {}}",
        "keys": "{K: {}}",
        "buckets": "{K: {}}",
        "queues": "{K: {}}",
        "topics": "{K: {}}",
        "tables": "{K: {key: id}}",
        "buses": "{K: {}}",
        "rules": "{K: {pattern: {source: [a]}, targets: [queues.K]}}",
        "parameters": "{K: {default: v}}",
    }
    for reference in references:
        if "capacity_providers" in reference:
            continue  # needs a network, which its own example in tests/golden has
        value = reference.replace("OUTPUT", "output").replace("STACK", "data").replace("NAME", "name")
        manifest = "stack: s\n" + "".join(f"{key}: {body}\n" for key, body in parts.items())
        loaded = load(f'{manifest}outputs:\n  o: "{value}"\n', PAGE)
        assert loaded.is_sound, (reference, loaded.diagnostics)
