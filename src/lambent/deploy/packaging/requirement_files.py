"""Requirements files, read as pip reads them: what they include, what they name on this machine, and what is no wheel.

https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lambent.deploy.errors import DeployError

_INCLUDE = re.compile(r"(-r|-c|--requirement|--constraint)(?:\s+|=|(?<=-[rc]))(?P<file>\S.*)\Z")
_REMOTE = re.compile(r"(-r|--requirement)\b.*://")
_FIND_LINKS = re.compile(r"(?:-f|--find-links)(?:\s+|=)(?P<place>\S.*)\Z")
_COMMENT = re.compile(r"(^|\s+)#.*\Z")
_DIRECT = re.compile(r"[A-Za-z0-9._-]+(?:\[[^\]]*\])?\s*@\s*(?P<place>\S+)")
_EDITABLE = re.compile(r"(-e|--editable)\b")
_SOURCE = re.compile(r"(git|hg|svn|bzr)\+|.*\.(tar\.gz|tgz|tar\.bz2|tar\.xz|zip)(#.*)?\Z")
_BUILD = (
    "Make a wheel of it once (pip wheel --no-deps --wheel-dir wheels …) and name that, or put its code into the folder."
)


@dataclass(frozen=True, slots=True)
class Requirements:
    """A requirements file with all that it includes: whether it names anything, and a digest of what it says."""

    file: Path
    is_empty: bool
    digest: str


@dataclass(frozen=True, slots=True)
class _Line:
    file: Path
    number: int
    text: str

    def error(self, message: str, advice: str) -> DeployError:
        return DeployError(f"{self.file}:{self.number}: {message}", advice)


def read(file: Path) -> Requirements:
    """Return what a requirements file and its includes say.

    Local wheels are in the digest by their content. Raises DeployError where a file is not there, and for what would
    have to be built: source gives another package on another machine.
    """
    total = hashlib.sha256()
    is_empty = True
    for line in _lines(file, seen=set()):
        total.update(f"{line.text}\n".encode())
        place = _place_of(line, file.parent)
        is_empty = is_empty and line.text.startswith("-") and not _REMOTE.match(line.text)
        if place is not None:
            total.update(_state_of(place))
    return Requirements(file, is_empty, total.hexdigest())


def _lines(file: Path, seen: set[Path]) -> Iterator[_Line]:
    """Yield the logical lines of a file, those of its includes in their place."""
    if file.resolve() in seen:
        return
    seen.add(file.resolve())
    for line in _logical(file):
        included = _INCLUDE.match(line.text)
        if included is None:
            yield line
            continue
        place = included["file"].strip("'\"")
        if "://" in place:
            yield line
            continue
        path = file.parent / place
        if not path.is_file():
            raise line.error(f"There is no {path}.", "Included files are relative to the file that names them.")
        # A constraint alone installs nothing, so the line that names the file is kept with what it says.
        yield _Line(file, line.number, f"{included[1]} {place}")
        for one in _lines(path, seen):
            is_constraint = included[1] in {"-c", "--constraint"}
            yield _Line(one.file, one.number, f"--constraint {one.text}") if is_constraint else one


def _logical(file: Path) -> Iterator[_Line]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DeployError(f"{file} cannot be read: {error}", "It is a text in UTF-8.") from error
    pending, begins = "", 0
    for number, raw in enumerate([*text.splitlines(), ""], 1):
        begins = begins or number
        part = _COMMENT.sub("", raw)
        if part.endswith("\\") and number <= len(text.splitlines()):
            pending += part[:-1]
            continue
        line = f"{pending}{part}".strip()
        if line:
            yield _Line(file, begins, line)
        pending, begins = "", 0


def _place_of(line: _Line, folder: Path) -> Path | None:
    """Return the wheel or folder of wheels on this machine that a line names. Raises DeployError for source."""
    text = line.text.removeprefix("--constraint ")
    if _EDITABLE.match(text):
        raise line.error(f"{text} is source, which would have to be built.", _BUILD)
    if text.startswith("--no-binary"):
        raise line.error("Packages are installed from wheels alone.", "Take the line out.")
    if (links := _FIND_LINKS.match(text)) is not None:
        return None if "://" in links["place"] else folder / links["place"].strip("'\"")
    if text.startswith("-"):
        return None
    direct = _DIRECT.match(text)
    named = (text if direct is None else direct["place"]).split(" ")[0].split(";")[0]
    if _SOURCE.match(named):
        raise line.error(f"{named} is source, which would have to be built.", _BUILD)
    is_remote = "://" in named and not named.startswith("file:")
    path = folder / named.removeprefix("file:").removeprefix("//").split("#")[0].partition("[")[0]
    if not is_remote and path.is_dir() and (direct is not None or "/" in named or named.startswith(".")):
        raise line.error(f"{named} is a folder of source, which would have to be built.", _BUILD)
    return path if not is_remote and path.suffix == ".whl" and path.is_file() else None


def _state_of(place: Path) -> bytes:
    if place.is_file():
        return hashlib.sha256(place.read_bytes()).digest()
    found = sorted(place.glob("*.whl"))
    states = [f"{one.name}\0{(state := one.stat()).st_size}\0{state.st_mtime_ns}" for one in found]
    return hashlib.sha256("\n".join(states).encode()).digest()
