"""What a changed file means for a project."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambent.compiler.result import ArchiveKind, ArchiveWanted, CompiledSystem, NestedWanted
from lambent.deploy.dev.watched import Touched, Watched

FRONT = ArchiveWanted("Front", "Code", "front", runtime="python3.11")
SHARED = ArchiveWanted("Shared", "Code", "front", runtime="python3.12", requirements="needs/requirements.txt")
NODE = ArchiveWanted("Node", "Code", "../elsewhere", runtime="nodejs22.x", requirements="web/package.json")
LAYER = ArchiveWanted("Layer", "Content", "layer", kind=ArchiveKind.LAYER)
INNER = NestedWanted("Inner", "TemplateURL", "inner", CompiledSystem("Inner", {}, archives=(FRONT,)))


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """A project with functions that share code, a layer, and a nested template."""
    for folder in ("project/front", "project/layer", "project/inner/front", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    base = tmp_path / "project"
    compiled = CompiledSystem("shop", {}, archives=(FRONT, SHARED, NODE, LAYER), nested=(INNER,))
    return Watched(base, base / "lambent.yaml", compiled)


@pytest.mark.parametrize(
    ("path", "touched"),
    [
        ("front/app.py", Touched((FRONT, SHARED))),
        ("front/deep/in/it.py", Touched((FRONT, SHARED))),
        ("needs/requirements.txt", Touched((SHARED,))),
        ("../elsewhere/index.mjs", Touched((NODE,))),
        ("web/package-lock.json", Touched((NODE,))),
        ("lambent.yaml", Touched(is_structure=True)),
        ("layer/lib.py", Touched(is_structure=True)),
        ("inner/template.yaml", Touched(is_structure=True)),
        ("inner/front/app.py", Touched(is_structure=True)),
        ("README.md", Touched()),
        ("frontier/app.py", Touched()),
    ],
)
def test_a_file_belongs_to_what_is_made_of_it(watched: Watched, path: str, touched: Touched) -> None:
    assert watched.sort([(watched.base / path).resolve()]) == touched


def test_folders_outside_of_the_project_are_watched_too(watched: Watched) -> None:
    assert watched.roots() == (watched.base.parent / "elsewhere", watched.base)
