"""What a function logs names its files as Lambda has them: here they are those of the project again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# `File "/var/task/app.py", line 3` of Python (escaped within JSON), `/var/task/app.mjs:3:9` of Node.js.
_FRAME = re.compile(
    r"(?:file://)?(?P<root>/var/task|/\S*?/packages/[^/\s]+)/(?P<path>[^\s\"':()\\]+)"
    r"(?:(?P<python>\\?\", line )(?P<line>\d+)|:(?P<number>\d+)(?::\d+)?)"
)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The line of the project that an error comes from."""

    file: Path
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Located:
    """A log message with the project's paths in it, and where its error was raised, if it tells of one."""

    message: str
    excerpt: Excerpt | None = None


def located(message: str, folder: Path | None, line_of: Callable[[Path, int], str], shown: Path) -> Located:
    """Return a message of a function whose code is `folder`, with paths as seen from the folder `shown`.

    Frames of files that the project does not have (its packages, what was bundled) stay as they are.
    """
    if folder is None or "/" not in message:
        return Located(message)
    excerpts: list[Excerpt] = []
    is_python = False

    def told(found: re.Match[str]) -> str:
        nonlocal is_python
        file = folder / found["path"] if folder.is_dir() else folder
        if not file.is_file() or (not folder.is_dir() and found["path"] != folder.name):
            return found[0]
        number = int(found["line"] or found["number"])
        is_python = is_python or found["python"] is not None
        excerpts.append(Excerpt(_seen(file, shown), number, line_of(file, number)))
        return found[0].replace(f"{found['root']}/{found['path']}", str(_seen(file, shown))).removeprefix("file://")

    text = _FRAME.sub(told, message)
    if not excerpts:
        return Located(text)
    # Python tells the frame that raised last, Node.js first.
    return Located(text, excerpts[-1] if is_python else excerpts[0])


def _seen(file: Path, shown: Path) -> Path:
    return file.relative_to(shown) if file.is_relative_to(shown) else file
