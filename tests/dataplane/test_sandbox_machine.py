"""What is read off the machine: interpreters, namespaces, control groups of both versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambent.dataplane.errors import RuntimeUnavailableError
from lambent.dataplane.sandbox import nodes
from lambent.dataplane.sandbox.cgroups import Cgroup, Cgroups, CpuLimit
from lambent.dataplane.sandbox.doors import Doors
from lambent.dataplane.sandbox.interpreters import RUNTIMES, Interpreters
from lambent.dataplane.sandbox.runtime_directory import merge_layers
from lambent.dataplane.sandbox.spec import Limits
from lambent.guest import kernel


def _home(folder: Path, *versions: str) -> Interpreters:
    for version in versions:
        minor = version.removeprefix("cpython-").split(".")[1].split("-")[0]
        parent = ".local/share/uv/python" if version.startswith("cpython") else ".pyenv/versions"
        program = folder / parent / version / "bin" / f"python3.{minor}"
        program.parent.mkdir(parents=True)
        program.write_bytes(b"\x7fELF")
    return Interpreters(home=folder, folders=[folder / "bin"])


def test_the_newest_patch_of_the_exact_version_is_taken(tmp_path: Path) -> None:
    found = _home(tmp_path, "3.12.1", "3.12.10", "cpython-3.13.2-linux-x86_64-gnu", "3.8.18")
    twelve = found.resolve("python3.12", strict=True)
    assert (twelve.version, twelve.is_exact, twelve.notice) == ("3.12.10", True, None)
    assert found.resolve("python3.13", strict=True).version == "3.13.2"


def test_a_provided_runtime_is_told_to_be_run_by_what_the_function_brings(tmp_path: Path) -> None:
    told = {each.runtime: (each.interpreter, each.version, each.is_exact) for each in _home(tmp_path, "3.13.0").list()}
    assert told["provided.al2023"] == ("the function's own bootstrap", None, True)
    none = {each.runtime: each.interpreter for each in Interpreters(home=tmp_path / "none", folders=[]).list()}
    assert none["provided.al2023"] is None


def test_a_neighbour_stands_in_visibly_unless_that_is_forbidden(tmp_path: Path) -> None:
    found = _home(tmp_path, "3.11.7", "3.13.0")
    assert found.resolve("python3.14", strict=False).version == "3.13.0"
    twelve = found.resolve("python3.12", strict=False)
    assert (twelve.version, twelve.is_exact) == ("3.13.0", False)
    assert twelve.notice == "python3.12 is run by Python 3.13.0: no Python 3.12 was found here"
    with pytest.raises(RuntimeUnavailableError, match=r"Python 3\.12 is not installed"):
        found.resolve("python3.12", strict=True)


def test_shims_and_unknown_runtimes_are_not_taken_for_interpreters(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3.12").write_text("#!/bin/sh\n")
    found = _home(tmp_path)
    with pytest.raises(RuntimeUnavailableError, match="no Python"):
        found.resolve("python3.12", strict=False)
    with pytest.raises(RuntimeUnavailableError, match="not run here"):
        found.resolve("ruby3.4", strict=False)
    with pytest.raises(RuntimeUnavailableError, match=r"no Node\.js"):
        found.resolve("nodejs22.x", strict=False)
    listed = found.list()
    assert [info.runtime for info in listed][: len(RUNTIMES)] == list(RUNTIMES)
    assert {info.interpreter for info in listed} == {None}


def test_node_is_found_where_version_managers_and_systems_put_it(tmp_path: Path) -> None:
    def program(place: Path, text: str = "") -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"#!/bin/sh\n{text}\n")
        place.chmod(0o755)

    program(tmp_path / "home/.nvm/versions/node/v18.20.1/bin/node")
    program(tmp_path / "home/.nvm/versions/node/v18.19.0/bin/node")
    program(tmp_path / "home/.nvm/versions/node/v16.1.0/bin/node")
    program(tmp_path / "headers/bin/node")
    header = tmp_path / "headers/include/node/node_version.h"
    header.parent.mkdir(parents=True)
    numbers = "#define NODE_{}_VERSION {}\n"
    header.write_text("".join(numbers.format(*one) for one in (("MAJOR", 22), ("MINOR", 3), ("PATCH", 4))))
    program(tmp_path / "asked/bin/node", "echo v24.0.1")
    program(tmp_path / "mute/bin/node", "exit 1")
    folders = [tmp_path / name / "bin" for name in ("headers", "asked", "mute")]
    found = nodes.installations(tmp_path / "home", folders)
    assert {major: one.text for major, one in found.items()} == {18: "18.20.1", 22: "22.3.4", 24: "24.0.1"}
    nearest = nodes.nearest(found, 20)
    assert nearest is not None
    assert nearest.text == "22.3.4"


def test_off_linux_each_sandbox_has_doors_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "IS_LINUX", False)
    one, other = Doors.open(tmp_path), Doors.open(tmp_path)
    paths = [door.path for doors in (one, other) for door in doors.by_name.values()]
    assert len(set(paths)) == 4
    for doors in (one, other):
        doors.close()
        doors.close()
    assert list(tmp_path.iterdir()) == []


def test_where_no_group_can_be_made_the_reason_is_told(tmp_path: Path) -> None:
    membership = tmp_path / "membership"
    membership.write_text("4:cpuset:/\n0::/user.slice\n")
    groups = Cgroups(42, "here", root=tmp_path, membership=membership)
    assert (groups.limits_memory, groups.limits_processes) == (False, False)
    assert groups.create("e", Limits(memory_mb=128)) is None
    assert {finding.reason for finding in groups.findings()} == {
        "no control group hierarchy has the memory controller",
        "no control group hierarchy has the pids controller",
        "no control group hierarchy has the cpu controller",
    }
    assert all(finding.remedy for finding in groups.findings())


def _unified(tmp_path: Path, controllers: str) -> Cgroups:
    (tmp_path / "user.slice" / "session").mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "user.slice"):
        (folder / "cgroup.controllers").write_text(controllers)
    (tmp_path / "user.slice" / "cgroup.subtree_control").write_text("")
    membership = tmp_path / "membership"
    membership.write_text("0::/user.slice/session\n")
    groups = Cgroups(42, "here", root=tmp_path, membership=membership)
    groups.establish()
    return groups


def test_in_version_two_every_controller_is_enabled_for_one_folder(tmp_path: Path) -> None:
    groups = _unified(tmp_path, "cpu memory pids")
    assert (groups.limits_memory, groups.limits_processes) == (True, True)
    ours = next((tmp_path / "user.slice").glob("lambent-42-*"))
    for folder in (ours.parent, ours):
        assert (folder / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"


@pytest.mark.parametrize(
    ("version", "limited", "lifted"),
    [
        (1, {"cpu.cfs_period_us": "20000", "cpu.cfs_quota_us": "1447"}, {"cpu.cfs_quota_us": "-1"}),
        (2, {"cpu.max": "1447 20000"}, {"cpu.max": "max"}),
    ],
)
def test_cpu_is_limited_once_and_lifted_for_the_next_runtime(
    tmp_path: Path, version: int, limited: dict[str, str], lifted: dict[str, str]
) -> None:
    for name in limited:
        (tmp_path / name).touch()
    group = Cgroup((), (), None, None, version, CpuLimit(tmp_path, version, 1447))
    group.limit_cpu()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == limited
    group.begin_anew()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == limited | lifted


@pytest.mark.parametrize(
    ("version", "names"), [(1, ["memory.memsw.limit_in_bytes", "memory.limit_in_bytes"]), (2, ["memory.max"])]
)
def test_the_room_of_a_template_grows_with_its_forks_and_stays(tmp_path: Path, version: int, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text(str(128 << 20))
    (tmp_path / "memory.stat").write_text(f"cache 7\nshmem {10 << 20}\n")
    group = Cgroup((), (), None, tmp_path, version)
    limits = []
    for forks in (0, 1, 8, 9, 0):
        group.make_room(forks)
        limits.append({int((tmp_path / name).read_text()) >> 20 for name in names})
    assert limits == [{128 + 18 * count} for count in (24, 32, 32, 40, 40)]


def test_a_controller_that_is_not_delegated_costs_only_its_own_limit(tmp_path: Path) -> None:
    groups = _unified(tmp_path, "memory pids")
    assert (groups.limits_memory, groups.limits_processes) == (True, True)
    cpu = groups.findings()[-1]
    assert (cpu.name, cpu.holds) == ("cgroup cpu limit", False)
    assert cpu.reason == f"the cpu controller is not delegated to {tmp_path / 'user.slice'}"


def test_a_later_layer_lies_over_an_earlier_one_and_is_made_once(tmp_path: Path) -> None:
    first, second, made = tmp_path / "first", tmp_path / "second", tmp_path / "made"
    for layer, text in ((first, "1"), (second, "2")):
        (layer / "python").mkdir(parents=True)
        (layer / "python" / "both").write_text(text)
        (layer / "python" / f"only{text}").write_text(text)
    made.mkdir()
    merged = merge_layers([first, second], made)
    assert {path.name: path.read_text() for path in (merged / "python").iterdir()} == {
        "both": "2",
        "only1": "1",
        "only2": "2",
    }
    assert merge_layers([first, second], made) == merged
    assert (merge_layers([second, first], made) / "python" / "both").read_text() == "1"
