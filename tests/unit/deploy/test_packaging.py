"""Packages: the same bytes everywhere, without what is ignored, with the wheels of the function's runtime."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from lambent.compiler.result import ArchiveKind, ArchiveWanted
from lambent.deploy.errors import DeployError
from lambent.deploy.packaging.ignore import Ignored
from lambent.deploy.packaging.package import Package, Packager


def packaged(base: Path, source: str = "src", **more: object) -> Package:
    """Package a folder beneath `base`."""
    wanted = ArchiveWanted("F", "Code", source, runtime="python3.12", **more)  # type: ignore[arg-type] # fields, by name
    return Packager(base, base / "cache").package(wanted)


def names(package: Package) -> list[str]:
    """Return the names in a package."""
    with zipfile.ZipFile(package.path) as archive:
        return archive.namelist()


def write(base: Path, *files: str, text: str = "x") -> None:
    """Write files by their paths beneath `base`."""
    for name in files:
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_the_same_content_is_the_same_package_whatever_its_times_and_order(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    write(one, "src/a.py", "src/sub/b.py")
    write(other, "src/sub/b.py", "src/a.py")
    os.utime(other / "src" / "a.py", (0, 0))
    first, second = packaged(one), packaged(other)
    assert first.digest == second.digest
    assert first.path.read_bytes() == second.path.read_bytes()
    assert names(first) == ["a.py", "sub/b.py"]


def test_a_change_of_content_or_of_the_executable_bit_is_another_package(tmp_path: Path) -> None:
    write(tmp_path, "src/a.py")
    first = packaged(tmp_path).digest
    (tmp_path / "src" / "a.py").chmod(0o755)
    second = packaged(tmp_path).digest
    (tmp_path / "src" / "a.py").write_text("2")
    assert len({first, second, packaged(tmp_path).digest}) == 3


def test_what_is_ignored_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, *(f"src/{name}" for name in ("a.py", "notes.md", "tests/t.py", "keep.md", "__pycache__/c.py")))
    (tmp_path / "src" / ".lambdaignore").write_text("*.md\n!keep.md\n# a comment\n/tests/\n")
    assert names(packaged(tmp_path)) == ["a.py", "keep.md"]


@pytest.mark.parametrize(
    ("pattern", "path", "is_ignored"),
    [
        ("*.md", "docs/a.md", True),
        ("/a.md", "docs/a.md", False),
        ("docs/*.md", "docs/a.md", True),
        ("docs/*.md", "docs/deep/a.md", False),
        ("docs/**/a.md", "docs/deep/er/a.md", True),
        ("a?.md", "ab.md", True),
        ("[ab].md", "b.md", True),
        ("[!ab].md", "b.md", False),
        ("folder/", "folder", False),
        (r"\#a", "#a", True),
    ],
)
def test_patterns_mean_what_they_mean_to_git(
    pattern: str,
    path: str,
    is_ignored: bool,  # noqa: FBT001 - a table's column
) -> None:
    assert Ignored.from_lines([pattern]).matches(path, is_folder=False) is is_ignored


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "src/a.py", "secret.py")
    (tmp_path / "src" / "out.py").symlink_to(tmp_path / "secret.py")
    with pytest.raises(DeployError, match="leads out of"):
        packaged(tmp_path)


def test_a_zip_is_taken_as_it_is(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "ready.zip", "w") as archive:
        archive.writestr("a.py", "1")
    assert packaged(tmp_path, "ready.zip").path == tmp_path / "ready.zip"


def test_plain_packages_of_a_layer_are_put_where_python_looks(tmp_path: Path) -> None:
    write(tmp_path, "src/shared/__init__.py", "laid/python/x.py")
    assert names(packaged(tmp_path, kind=ArchiveKind.LAYER)) == ["python/shared/__init__.py"]
    assert names(packaged(tmp_path, "laid", kind=ArchiveKind.LAYER)) == ["python/x.py"]


@pytest.mark.timeout(90)
def test_requirements_are_installed_for_the_function_s_runtime(tmp_path: Path) -> None:
    wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "ANSWER = 42\n")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    write(tmp_path, "src/a.py", text="import tiny")
    (tmp_path / "src" / "requirements.txt").write_text(f"{wheel}\n")
    found = names(packaged(tmp_path))
    assert {"a.py", "tiny.py"} <= set(found)


@pytest.mark.timeout(90)
def test_a_package_without_a_wheel_for_the_runtime_is_told(tmp_path: Path) -> None:
    wheel = tmp_path / "tiny-1.0-cp39-cp39-manylinux2014_x86_64.whl"
    wheel.write_bytes(b"")
    write(tmp_path, "src/a.py", text="import tiny")
    (tmp_path / "src" / "requirements.txt").write_text(f"{wheel}\n")
    with pytest.raises(DeployError, match=r"cannot be installed for python3\.12 on x86_64"):
        packaged(tmp_path)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="There is no"):
        packaged(tmp_path, "nowhere")
