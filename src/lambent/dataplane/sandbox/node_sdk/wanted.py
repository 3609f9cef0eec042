"""Which packages of the AWS SDK a function names without bringing them; pure but for reading its files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

_SOURCES: Final = (".js", ".mjs", ".cjs")
_NAMED: Final = re.compile(
    rb"""(?:\bfrom|\bimport|\bimport\s*\(|\brequire\s*\()\s*['"](@(?:aws-sdk|smithy|aws-crypto)/[a-z0-9-]+)"""
)
_MODULES: Final = "node_modules"


def missing(code: Path, layers: Sequence[Path]) -> frozenset[str]:
    """Return the packages that a function's own files import and that neither it nor its layers have."""
    shared = [place for layer in layers for place in (layer / "nodejs").glob(f"**/{_MODULES}")]
    found = set()
    for file in _sources(code):
        places = [*(folder / _MODULES for folder in _folders(file, code)), *shared]
        for name in _named(file):
            if not any((place / name).is_dir() for place in places):
                found.add(name)
    return frozenset(found)


def _sources(code: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(code):
        folders[:] = [name for name in folders if name != _MODULES]
        yield from (Path(folder, name) for name in files if name.endswith(_SOURCES))


def _named(file: Path) -> set[str]:
    try:
        return {name.decode() for name in _NAMED.findall(file.read_bytes())}
    except OSError:
        return set()  # gone meanwhile: whoever runs it will say so


def _folders(file: Path, code: Path) -> Iterator[Path]:
    for folder in file.parents:
        yield folder
        if folder == code:
            return
