"""Is a saved file code at all? Told before it is deployed, so that what runs goes on running."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lambent.deploy.packaging import programs

ProgramOf = Callable[[str], str | None]
"""Says which program runs a runtime here."""
_NODE = frozenset({".js", ".mjs", ".cjs"})
# A program of the runtime's own version reads what ours is too old for.
_READ = (
    "import sys; path = sys.argv[1]\n"
    "try: compile(open(path, 'rb').read(), path, 'exec', dont_inherit=True)\n"
    "except (SyntaxError, ValueError) as e:\n"
    "    print(getattr(e, 'lineno', None) or 1, getattr(e, 'offset', None) or 1, getattr(e, 'msg', None) or e)\n"
)


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """Where a file is no code, and why; `text` is the line."""

    file: Path
    line: int
    column: int
    message: str
    text: str = ""


def faults(files: Iterable[Path], runtime: str, program_of: ProgramOf) -> Iterator[SyntaxFault]:
    """Yield what keeps files of a runtime from being loaded; files of other kinds are passed over."""
    for file in sorted(files):
        if not file.is_file():
            continue
        found = None
        if file.suffix == ".py" and runtime.startswith("python"):
            found = _of_python(file, runtime, program_of)
        elif file.suffix in _NODE and runtime.startswith("nodejs"):
            found = _of_node(file)
        if found is not None:
            yield found


def _of_python(file: Path, runtime: str, program_of: ProgramOf) -> SyntaxFault | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the code's own, which Lambda shows in its log
            compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
    except OSError:
        return None  # gone again
    except (SyntaxError, ValueError) as error:
        line, column = getattr(error, "lineno", None) or 1, getattr(error, "offset", None) or 1
        own = SyntaxFault(file, line, column, getattr(error, "msg", "") or str(error), line_of(file, line))
        return own if _minor(runtime) <= sys.version_info.minor else _of_newer_python(program_of(runtime), own)
    return None


def _of_newer_python(program: str | None, own: SyntaxFault) -> SyntaxFault | None:
    """Ask what runs the function here, which may read what ours is too old for; where nothing does, ours decides."""
    if program is None:
        return own
    said = re.match(
        r"(\d+) (\d+) (.+)", programs.run([program, "-I", "-S", "-c", _READ, str(own.file)], own.file.parent).output
    )
    if said is None:
        return None
    line = int(said[1])
    return SyntaxFault(own.file, line, int(said[2]), said[3], line_of(own.file, line))


def _minor(runtime: str) -> int:
    found = re.fullmatch(r"python3\.(\d+)", runtime)
    return int(found[1]) if found else 0


def _of_node(file: Path) -> SyntaxFault | None:
    node = programs.on_path("node")
    if node is None:
        return None
    ran = programs.run([node, "--check", str(file)], file.parent)
    if ran.code == 0:
        return None
    place = re.search(rf"{re.escape(str(file))}:(\d+)\n(.*)\n( *)\^", ran.errors)
    reason = re.search(r"^\w*Error: .+", ran.errors, re.MULTILINE)
    line, column = (int(place[1]), len(place[3]) + 1) if place else (1, 1)
    return SyntaxFault(file, line, column, reason[0] if reason else ran.words(), line_of(file, line))


def line_of(file: Path, number: int) -> str:
    """Return a line of a file, or "" where there is none."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return lines[number - 1] if 0 < number <= len(lines) else ""
