"""Packages of Python functions: the wheels of the declared runtime and architecture, the same on every machine."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from lambent.compiler.result import ArchiveKind
from lambent.deploy.errors import DeployError
from lambent.deploy.packaging.wheels import Neighbour
from tests.unit.deploy.packaging.making import names, packaged, text_of, wheel, write

pytestmark = pytest.mark.timeout(120)
HERE = f"cp{sys.version_info.major}{sys.version_info.minor}"


def function(base: Path, *lines: str) -> None:
    """Write a function whose requirements are these, taken from the folder `wheels` alone."""
    write(base, "src/app.py")
    write(base, "src/requirements.txt", text="\n".join(["--no-index", f"--find-links {base / 'wheels'}", *lines, ""]))


def tags(base: Path) -> None:
    """Make the wheels of one package for several Pythons and architectures."""
    for python in ("cp310", "cp312", HERE):
        for platform in ("manylinux_2_17_x86_64", "manylinux_2_17_aarch64", "manylinux_2_36_x86_64"):
            wheel(base / "wheels", "fast", f"{python}-{python}-{platform}")


def test_a_wheel_is_taken_for_the_declared_runtime_and_architecture(tmp_path: Path) -> None:
    tags(tmp_path)
    function(tmp_path, "fast")
    found = {
        (runtime, architecture): text_of(
            packaged(tmp_path, runtime=runtime, architecture=architecture), "fast.py"
        ).split("'")[1]
        for runtime, architecture in [("python3.12", "x86_64"), ("python3.12", "arm64"), ("python3.10", "arm64")]
    }
    assert found == {
        ("python3.12", "x86_64"): "cp312-cp312-manylinux_2_17_x86_64",
        ("python3.12", "arm64"): "cp312-cp312-manylinux_2_17_aarch64",
        ("python3.10", "arm64"): "cp310-cp310-manylinux_2_17_aarch64",
    }


@pytest.mark.parametrize(("runtime", "glibc"), [("python3.12", 34), ("python3.11", 26)])
def test_the_newest_wheel_that_the_runtime_s_glibc_runs_is_taken(tmp_path: Path, runtime: str, glibc: int) -> None:
    abi = f"cp{runtime.removeprefix('python').replace('.', '')}"
    for minor in (5, 24, 26, 34, 35):
        wheel(tmp_path / "wheels", "fast", f"{abi}-{abi}-manylinux_2_{minor}_aarch64")
    function(tmp_path, "fast")
    found = text_of(packaged(tmp_path, runtime=runtime, architecture="arm64"), "fast.py")
    assert f"manylinux_2_{glibc}_aarch64" in found


def test_a_package_without_a_wheel_for_it_is_told(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "fast", "cp39-cp39-manylinux2014_x86_64")
    function(tmp_path, "fast")
    with pytest.raises(DeployError, match=r"cannot be installed for python3\.12 on arm64: ERROR: .*fast") as told:
        packaged(tmp_path, architecture="arm64")
    assert "has to be built elsewhere" in told.value.advice


def test_markers_are_those_of_the_declared_runtime(tmp_path: Path) -> None:
    for name in ("old", "new", "arm", "needed", "windows"):
        wheel(tmp_path / "wheels", name)
    wheel(tmp_path / "wheels", "wrapper", metadata=['Requires-Dist: needed ; python_version < "3.10"'])
    function(
        tmp_path,
        'old ; python_version < "3.10"',
        'new ; python_full_version >= "3.10.0"',
        'arm ; platform_machine == "aarch64"',
        'windows ; sys_platform == "win32"',
        "wrapper",
    )
    found = {name for name in names(packaged(tmp_path, runtime="python3.9", architecture="arm64")) if "/" not in name}
    assert found == {"app.py", "requirements.txt", "old.py", "arm.py", "wrapper.py", "needed.py"}
    found = {name for name in names(packaged(tmp_path, runtime="python3.12")) if "/" not in name}
    assert found == {"app.py", "requirements.txt", "new.py", "wrapper.py"}


def test_what_requires_another_python_is_not_taken(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "fast", metadata=["Requires-Python: >=3.13"])
    function(tmp_path, "fast")
    with pytest.raises(DeployError, match=r"cannot be installed for python3\.12"):
        packaged(tmp_path)
    assert "fast.py" in names(packaged(tmp_path, runtime="python3.13"))


def test_hashes_are_held_to(tmp_path: Path) -> None:
    made = wheel(tmp_path / "wheels", "tiny")
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    function(tmp_path, f"tiny==1.0 \\\n    --hash=sha256:{digest}")
    assert "tiny.py" in names(packaged(tmp_path))
    function(tmp_path, f"tiny==1.0 --hash=sha256:{'0' * 64}")
    with pytest.raises(DeployError, match="THESE PACKAGES DO NOT MATCH THE HASHES"):
        packaged(tmp_path)


def test_includes_and_constraints_are_followed(tmp_path: Path) -> None:
    for name in ("tiny", "other"):
        wheel(tmp_path / "wheels", name)
    function(tmp_path, "-r more/extra.txt", "-c more/limits.txt")
    write(tmp_path, "src/more/extra.txt", text="tiny\nother\n")
    write(tmp_path, "src/more/limits.txt", text="tiny<1\n")
    with pytest.raises(DeployError, match="cannot be installed"):
        packaged(tmp_path)
    write(tmp_path, "src/more/limits.txt", text="tiny<2\n")
    assert {"tiny.py", "other.py"} <= set(names(packaged(tmp_path)))


def test_two_checkouts_give_the_same_package_with_scripts_and_records_in_order(tmp_path: Path) -> None:
    packages = []
    for base in (tmp_path / "one", tmp_path / "two" / "deeper"):
        scripts = {"tiny-1.0.dist-info/entry_points.txt": "[console_scripts]\ntiny-run = tiny:TAG\n"}
        made = wheel(base / "wheels", "tiny", files=scripts)
        write(base, "src/app.py")
        write(base, "src/requirements.txt", text="../wheels/tiny-1.0-py3-none-any.whl\n")
        assert made.is_file()
        packages.append(packaged(base))
    assert packages[0].digest == packages[1].digest
    script = text_of(packages[0], "bin/tiny-run")
    assert script.startswith("#!/usr/bin/env python3\n")
    record = text_of(packages[0], "tiny-1.0.dist-info/RECORD")
    digest = hashlib.sha256(script.encode()).digest()
    import base64

    coded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert f"bin/tiny-run,sha256={coded},{len(script)}\n" in record
    assert "direct_url.json" not in record
    assert not [name for name in names(packages[0]) if name.endswith((".pyc", "direct_url.json"))]


def test_a_module_of_the_function_is_not_taken_for_one_of_pip_s(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "tiny")
    function(tmp_path, "tiny")
    write(tmp_path, "src/logging.py", "src/json.py", "src/pip.py", text="raise SystemExit('taken')")
    assert "tiny.py" in names(packaged(tmp_path))


def test_what_is_installed_once_is_not_installed_again(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "tiny")
    write(tmp_path, "src/app.py")
    write(tmp_path, "src/requirements.txt", text="tiny @ file://" + str(tmp_path / "wheels/tiny-1.0-py3-none-any.whl"))
    first = packaged(tmp_path).digest
    write(tmp_path, "src/app.py", text="changed")
    (kept,) = (tmp_path / "cache" / "wheels").glob("*/tiny.py")
    kept.write_text("made before")
    second = packaged(tmp_path)
    assert second.digest != first
    assert text_of(second, "tiny.py") == "made before"


def test_a_function_s_own_files_hide_those_of_its_packages(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "tiny")
    function(tmp_path, "tiny")
    write(tmp_path, "src/tiny.py", text="mine")
    assert text_of(packaged(tmp_path), "tiny.py") == "mine"


def test_packages_of_a_layer_are_put_under_python(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "tiny")
    function(tmp_path, "tiny")
    found = packaged(tmp_path, "", kind=ArchiveKind.LAYER, requirements="src/requirements.txt")
    assert "python/tiny.py" in names(found)
    write(tmp_path, "laid/python/own.py", "laid/bin/tool")
    (tmp_path / "src" / "requirements.txt").rename(tmp_path / "laid" / "python" / "requirements.txt")
    found = packaged(tmp_path, "laid", kind=ArchiveKind.LAYER)
    assert {"python/tiny.py", "python/own.py", "bin/tool"} <= set(names(found))


def test_a_layer_with_machine_code_for_several_pythons_is_pointed_out(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "fast", "cp312-cp312-manylinux_2_17_x86_64")
    wheel(tmp_path / "wheels", "tiny")
    function(tmp_path, "fast")
    (notice,) = packaged(tmp_path, kind=ArchiveKind.LAYER, more_runtimes="python3.13").notices
    assert notice == "F has machine code for python3.12 alone; make a layer of its own for python3.13."
    function(tmp_path, "tiny")
    assert packaged(tmp_path, kind=ArchiveKind.LAYER, more_runtimes="python3.13").notices == ()


def test_requirements_without_a_python_runtime_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "src/app.rb", "more.txt", text="tiny")
    with pytest.raises(DeployError, match=r"installed for Python runtimes, not for ruby3\.4"):
        packaged(tmp_path, runtime="ruby3.4", requirements="more.txt")
    with pytest.raises(DeployError, match=r"There is no .*nowhere\.txt"):
        packaged(tmp_path, requirements="nowhere.txt")


def test_dependencies_in_a_pyproject_alone_are_pointed_out(tmp_path: Path) -> None:
    write(tmp_path, "src/app.py")
    write(tmp_path, "src/pyproject.toml", text='[project]\nname = "x"\ndependencies = ["idna"]\n')
    (notice,) = packaged(tmp_path).notices
    assert "is not packaged; write it to a requirements.txt" in notice
    write(tmp_path, "src/requirements.txt", text="")
    assert packaged(tmp_path).notices == ()


def test_requirements_for_a_runtime_that_is_not_known_are_pointed_out(tmp_path: Path) -> None:
    function(tmp_path, "tiny")
    (notice,) = packaged(tmp_path, runtime="").notices
    assert "its runtime is not known here" in notice


def neighbour() -> Neighbour:
    """Return this very interpreter as the one that stands in."""
    return Neighbour(sys.executable, f"Python {sys.version_info.major}.{sys.version_info.minor}", "x86_64")


def test_machine_code_is_packaged_apart_for_the_python_that_stands_in_here(tmp_path: Path) -> None:
    machine = {"x86_64": "x86_64", "arm64": "aarch64"}
    import platform

    for tag in (f"cp312-cp312-manylinux_2_17_{machine['arm64']}", f"{HERE}-{HERE}-linux_{platform.machine()}"):
        wheel(tmp_path / "wheels", "fast", tag)
    function(tmp_path, "fast")
    for_aws = packaged(tmp_path, architecture="arm64")
    assert "aarch64" in text_of(for_aws, "fast.py")
    here = packaged(tmp_path, architecture="arm64", neighbours=lambda *_: neighbour())
    assert f"linux_{platform.machine()}" in text_of(here, "fast.py")
    assert "it is packaged apart for Python" in here.notices[0]
    # The other is still what it was.
    assert packaged(tmp_path, architecture="arm64") == for_aws
    assert packaged(tmp_path, architecture="arm64", neighbours=lambda *_: None) == for_aws


def test_a_stand_in_without_a_wheel_gets_the_declared_package_and_a_notice(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "fast", "cp312-cp312-manylinux_2_17_aarch64")
    function(tmp_path, "fast")
    here = packaged(tmp_path, architecture="arm64", neighbours=lambda *_: neighbour())
    assert here.digest == packaged(tmp_path, architecture="arm64").digest
    assert "F is packaged for python3.12 on arm64, and may not run by Python" in here.notices[0]


def test_nobody_is_asked_for_a_stand_in_where_all_is_plain_python(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "tiny")
    function(tmp_path, "tiny")
    asked: list[str] = []

    def ask(runtime: str, architecture: str) -> Neighbour | None:
        asked.append(runtime + architecture)
        return None

    packaged(tmp_path, neighbours=ask)
    assert asked == []
