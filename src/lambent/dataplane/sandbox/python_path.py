"""Whether a fork can be given a function's PYTHONPATH, or whether something in it has to be loaded before the handler.

The interpreter looks there first, so a folder may bring modules in place of the standard library's, or a
`sitecustomize`. A fork has the former loaded, and is past the latter.
"""

from __future__ import annotations

import os
import posixpath
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from lambent.dataplane.types import FunctionSpec
from lambent.guest import rootfs

_LOADED_BEFORE: Final = sys.stdlib_module_names | {"sitecustomize", "usercustomize"}


def is_plain(function: FunctionSpec, value: str) -> bool:
    """Return whether no folder named in PYTHONPATH has a say before the handler is loaded.

    It looks into them when it is first asked of a package, which takes the time of as many system calls.
    """
    return _is_plain(function.code, tuple(function.layers), value)


@lru_cache(maxsize=1024)  # what is unpacked does not change
def _is_plain(code: Path, layers: tuple[Path, ...], value: str) -> bool:
    entries = {posixpath.normpath(posixpath.join(rootfs.TASK_ROOT, entry)) for entry in value.split(":")}
    try:
        names = (name for entry in entries for name in _names(code, layers, entry))
        return not any(name.partition(".")[0] in _LOADED_BEFORE for name in names)
    except (OSError, ValueError):  # an archive, say, or a link to what is elsewhere in the sandbox
        return False


def _names(code: Path, layers: tuple[Path, ...], seen: str) -> Iterator[str]:
    """Yield what lies in a folder of the sandbox; raises ValueError where that is not known here."""
    roots: tuple[Path, ...] = ()
    if _is_within(seen, rootfs.TASK_ROOT):
        roots, rest = (code,), posixpath.relpath(seen, rootfs.TASK_ROOT)
    elif _is_within(seen, rootfs.LAYERS):
        roots, rest = layers, posixpath.relpath(seen, rootfs.LAYERS)
    elif not _is_within(seen, rootfs.RUNTIME_DIR):
        raise ValueError(seen)
    for root in roots:
        folder = os.path.realpath(root / rest)
        if not _is_within(folder, os.path.realpath(root)):
            raise ValueError(seen)
        if os.path.lexists(folder):
            yield from os.listdir(folder)  # noqa: PTH208 - thousands of names, of which no paths are needed


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
