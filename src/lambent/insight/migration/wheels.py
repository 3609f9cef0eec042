"""Vendored packages and requirements: which of them do not fit the runtime and instruction set that are to be.

Read from the files alone: wheels say in `WHEEL` what they are for, and machine code in its files' names.
https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from lambent.base.diagnostics import SourceSpan
from lambent.insight.migration.code_files import CodeFiles
from lambent.insight.migration.findings import Finding
from lambent.insight.migration.rules import RULES
from lambent.insight.migration.wanted import Goal

# Asks an index whether the requirements have wheels for a runtime and architecture; returns what it says is missing.
Resolver = Callable[[str, str], str | None]
_MACHINES = {"x86_64": ("x86_64", "amd64", "i686"), "arm64": ("aarch64", "arm64")}
_OWN_TAG = re.compile(r"\.(?:cpython-(\d)(\d+)|cp(\d)(\d+))[a-z]*-?([a-z0-9_]+)?(?:-linux-(gnu|musl))?\.so\Z")
_NEUTRAL = re.compile(r"\.abi3\.so\Z")


def wheels(files: CodeFiles, goal: Goal) -> Iterator[Finding]:
    """Yield the packages whose machine code the new runtime cannot load."""
    match = re.match(r"python3\.(\d+)\Z", goal.runtime)
    if match is None:
        return
    minor = int(match[1])
    tagged: set[str] = set()
    for name, text in sorted(files.texts.items()):
        if name.endswith(".dist-info/WHEEL"):
            package = _package(name)
            tags = re.findall(r"^Tag:\s*(\S+)", text, re.MULTILINE)
            tagged.add(package.partition(" ")[0].lower().replace("-", "_"))
            if tags and not any(_fits(tag, minor, goal.architecture) for tag in tags):
                yield _found(f"{package} is a wheel for {', '.join(tags)}", files, name, goal)
    yield from _libraries(files, goal, minor, tagged)


def _libraries(files: CodeFiles, goal: Goal, minor: int, tagged: set[str]) -> Iterator[Finding]:
    """Yield the extension modules of another Python or machine that no wheel's metadata speaks for."""
    told: set[str] = set()
    for name in sorted(files.names):
        top = _top(name)
        if not name.endswith(".so") or top in told or top.lower() in tagged or _NEUTRAL.search(name):
            continue
        found = _OWN_TAG.search(name)
        if found is None:
            continue
        version = (int(found[1] or found[3]), int(found[2] or found[4]))
        machine = found[5] or ""
        if version != (3, minor) or (machine and machine not in _MACHINES[goal.architecture]):
            told.add(top)
            built = f"python{version[0]}.{version[1]}{f' on {machine}' if machine else ''}"
            yield _found(f"{top} has machine code for {built} ({PurePosixPath(name).name})", files, name, goal)


def requirements(files: CodeFiles, goal: Goal, resolver: Resolver | None) -> Iterator[Finding]:
    """Yield what an index says of the requirements; without one, that nobody has asked it."""
    named = [line for line in files.requirements.splitlines() if re.match(r"[A-Za-z0-9]", line.strip())]
    if not named or not goal.runtime.startswith("python"):
        return
    place = SourceSpan(files.requirements_file, 1, 1, 1, 1)
    if resolver is None:
        rule = RULES["requirement-unproved"]
        what = f"whether {len(named)} requirements have wheels for {goal.runtime} on {goal.architecture} was not asked"
        yield Finding(rule.name, rule.severity, what, place, rule.remedy)
        return
    missing = resolver(goal.runtime, goal.architecture)
    if missing is not None:
        rule = RULES["no-wheel"]
        number = next((at for at, line in enumerate(files.requirements.splitlines(), 1) if _is_named(line, missing)), 1)
        yield Finding(rule.name, rule.severity, missing, SourceSpan(place.file, number, 1, number, 1), rule.remedy)


def _is_named(line: str, message: str) -> bool:
    name = re.match(r"\s*([A-Za-z0-9._-]+)", line)
    return name is not None and name[1].lower() in message.lower()


def _fits(tag: str, minor: int, architecture: str) -> bool:
    """Return whether a Python 3.`minor` on Linux of an architecture takes a wheel of a tag.

    >>> _fits("cp311-cp311-manylinux_2_17_x86_64", 13, "x86_64"), _fits("cp39-abi3-manylinux2014_x86_64", 13, "x86_64")
    (False, True)
    """
    python, abi, platform = [*tag.split("-"), "", ""][:3]
    if platform != "any" and not any(platform.endswith(machine) for machine in _MACHINES[architecture]):
        return False
    if platform.startswith(("macosx", "win", "musllinux")):
        return False
    if abi in {"none", "abi3"}:
        least = max((int(one[3:]) for one in python.split(".") if re.match(r"cp3\d+\Z", one)), default=0)
        is_any = any(one in {"py3", "py2.py3"} or one.startswith("py3") for one in python.split("."))
        return is_any or (abi == "abi3" and least <= minor) or least == minor
    return f"cp3{minor}" in python.split(".")


def _package(name: str) -> str:
    stem = PurePosixPath(name).parent.name.removesuffix(".dist-info")
    package, _, version = stem.rpartition("-")
    return f"{package} {version}" if package else stem


def _top(name: str) -> str:
    """Return the package that a file belongs to: its first folder beneath `python/` or `site-packages/`, or itself."""
    parts = [one for one in PurePosixPath(name).parts if one not in {"python", "lib", "site-packages", "vendor"}]
    return parts[0].partition(".")[0]


def _found(what: str, files: CodeFiles, name: str, goal: Goal) -> Finding:
    rule = RULES["wheel"]
    remedy = (
        f"Install it anew for {goal.runtime} on {goal.architecture}: pip install --only-binary=:all: "
        f"--python-version {goal.runtime.removeprefix('python')} --platform "
        f"manylinux_2_34_{'aarch64' if goal.architecture == 'arm64' else 'x86_64'} --target …"
    )
    return Finding(rule.name, rule.severity, what, SourceSpan(files.shown(name), 1, 1, 1, 1), remedy)
