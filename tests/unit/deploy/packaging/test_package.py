"""Packages: zips as they are, layers where their runtime looks, sizes within what Lambda takes."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lambent.compiler.result import ArchiveKind, ArchiveWanted, CompiledSystem
from lambent.deploy.errors import DeployError
from lambent.deploy.packaging.limits import check_together
from lambent.deploy.packaging.package import Package, Packager
from tests.unit.deploy.packaging.making import names, packaged, write

LIMIT = 262_144_000


def sparse(path: Path, size: int) -> None:
    """Make a file of so many zeros, which take no place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


def zip_of_zeros(path: Path, size: int) -> None:
    """Make a zip that says it unpacks to so many bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open("a", "w") as file:
        for _ in range(size // 1_048_576):
            file.write(bytes(1_048_576))
        file.write(bytes(size % 1_048_576))


@pytest.mark.parametrize("kind", list(ArchiveKind))
def test_a_zip_is_taken_as_it_is(tmp_path: Path, kind: ArchiveKind) -> None:
    with zipfile.ZipFile(tmp_path / "ready.zip", "w") as archive:
        archive.writestr("a.py", "12345")
    found = packaged(tmp_path, "ready.zip", kind=kind)
    content = (tmp_path / "ready.zip").read_bytes()
    (tmp_path / "ready.zip").write_bytes(b"changed before it is sent")
    assert found.path.read_bytes() == content
    assert found.digest == hashlib.sha256(content).hexdigest()
    assert (found.zipped, found.unzipped) == (len(content), 5)


def test_a_zip_that_is_none_is_refused_in_lambda_s_words(tmp_path: Path) -> None:
    (tmp_path / "ready.zip").write_text("none")
    with pytest.raises(DeployError, match="Could not unzip uploaded file"):
        packaged(tmp_path, "ready.zip")


def test_nothing_is_put_into_a_zip_that_is_made(tmp_path: Path) -> None:
    zip_of_zeros(tmp_path / "ready.zip", 1)
    write(tmp_path, "more.txt")
    with pytest.raises(DeployError, match=r"is packaged already; nothing of more\.txt is put into it"):
        packaged(tmp_path, "ready.zip", requirements="more.txt")


def test_one_file_is_a_package(tmp_path: Path) -> None:
    write(tmp_path, "app.py")
    assert names(packaged(tmp_path, "app.py")) == ["app.py"]


def test_plain_packages_of_a_layer_are_put_where_python_looks(tmp_path: Path) -> None:
    write(tmp_path, "src/shared/__init__.py", "laid/python/x.py")
    assert names(packaged(tmp_path, kind=ArchiveKind.LAYER)) == ["python/shared/__init__.py"]
    assert names(packaged(tmp_path, "laid", kind=ArchiveKind.LAYER)) == ["python/x.py"]


def test_a_layer_for_no_runtime_is_laid_out_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, "src/data.txt")
    assert names(packaged(tmp_path, kind=ArchiveKind.LAYER, runtime="")) == ["data.txt"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="There is no"):
        packaged(tmp_path, "nowhere")


def test_the_same_source_is_packaged_once_for_all_its_functions(tmp_path: Path) -> None:
    write(tmp_path, "src/app.py")
    packager = Packager(tmp_path, tmp_path / "cache")
    first = packager.package(ArchiveWanted("A", "Code", "src", runtime="python3.12"))
    (tmp_path / "src" / "app.py").write_text("changed")
    assert packager.package(ArchiveWanted("B", "Code", "src", runtime="python3.12")) is first


def test_packages_come_in_the_order_in_which_they_are_wanted(tmp_path: Path) -> None:
    write(tmp_path, *(f"src{number}/app.py" for number in range(6)))
    write(tmp_path, *(f"src{number}/{number}.py" for number in range(6)))
    wanted = [ArchiveWanted(f"F{number}", "Code", f"src{number % 6}") for number in range(12)]
    found = Packager(tmp_path, tmp_path / "cache").packages(wanted)
    assert [names(one)[0] for one in found] == [f"{number % 6}.py" for number in range(12)]
    assert found[:6] == found[6:]
    wanted[3:5] = [ArchiveWanted("A", "Code", "nowhere3"), ArchiveWanted("B", "Code", "nowhere4")]
    with pytest.raises(DeployError, match="nowhere3"):
        Packager(tmp_path, tmp_path / "cache").packages(wanted)


def test_what_unpacks_to_too_much_is_refused_in_lambda_s_words(tmp_path: Path) -> None:
    zip_of_zeros(tmp_path / "big.zip", LIMIT)
    with pytest.raises(DeployError, match=f"F: Unzipped size must be smaller than {LIMIT} bytes; it is {LIMIT}"):
        packaged(tmp_path, "big.zip")


def test_a_large_package_is_pointed_out(tmp_path: Path) -> None:
    sparse(tmp_path / "src" / "data", 50 * 1_048_576)
    assert packaged(tmp_path).notices == ()
    sparse(tmp_path / "src" / "more", 10 * 1_048_576)
    assert packaged(tmp_path).notices == ("F unpacks to 60 MB; beyond 50 MB cold starts get slow.",)


def system(layers: object) -> CompiledSystem:
    """Return a function with a layer of the same template, and another function without."""
    properties: Mapping[str, Any] = {"Layers": layers}  # Any: a template
    template = {"Resources": {"F": {"Properties": properties}, "Other": {}, "L": {"Properties": {}}}}
    archives = (
        ArchiveWanted("F", "Code", "f"),
        ArchiveWanted("Other", "Code", "o"),
        ArchiveWanted("L", "Content", "l"),
    )
    return CompiledSystem("s", template, archives=archives)


def sizes(function: int, layer: int) -> dict[str, Package]:
    """Return packages of these sizes."""
    found = {"F.Code": function, "Other.Code": LIMIT - 1, "L.Content": layer}
    return {name: Package(Path(name), name, 1, size) for name, size in found.items()}


def test_a_function_and_its_layers_are_weighed_together() -> None:
    check_together(system([{"Ref": "L"}]), sizes(LIMIT - 10, 10))
    with pytest.raises(
        DeployError, match=f"maximum allowed size of {LIMIT} bytes. The actual size is {LIMIT + 1} bytes"
    ):
        check_together(system([{"Ref": "L"}]), sizes(LIMIT - 10, 11))


@pytest.mark.parametrize("layers", [None, ["arn:aws:lambda:eu-west-1:123456789012:layer:x:1"], [{"Ref": "Parameter"}]])
def test_layers_from_elsewhere_are_aws_s_to_weigh(layers: object) -> None:
    check_together(system(layers), sizes(LIMIT - 10, LIMIT - 10))


@pytest.mark.parametrize(
    ("runtime", "file"), [("java21", "pom.xml"), ("dotnet8", "Shop.csproj"), ("provided.al2023", "go.mod")]
)
def test_sources_that_have_to_be_built_are_told(tmp_path: Path, runtime: str, file: str) -> None:
    write(tmp_path, f"src/{file}")
    (notice,) = packaged(tmp_path, runtime=runtime).notices
    assert notice.startswith("F: what ")
    assert notice.endswith(f"{file} builds is not built here; the folder is packaged as it is.")


def test_a_program_that_is_built_is_taken_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, "src/go.mod", "src/bootstrap")
    assert packaged(tmp_path, runtime="provided.al2023").notices == ()
