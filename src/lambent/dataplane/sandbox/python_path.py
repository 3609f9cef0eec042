"""Whether a fork can be given a function's PYTHONPATH, or whether something in it has to be loaded before the handler.

The interpreter looks there first, so a folder may bring modules in place of the standard library's, or a
`sitecustomize`. A fork has the former loaded, and is past the latter.
"""

from __future__ import annotations

import os
import posixpath
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lambent.dataplane.types import FunctionSpec
from lambent.guest import rootfs

_LOADED_BEFORE: Final = sys.stdlib_module_names | {"sitecustomize", "usercustomize"}


def is_plain(function: FunctionSpec, value: str) -> bool:
    """Return whether no folder named in PYTHONPATH has a say before the handler is loaded."""
    return all(_is_plain(function, posixpath.join(rootfs.TASK_ROOT, entry)) for entry in value.split(":"))


def _is_plain(function: FunctionSpec, seen: str) -> bool:
    try:
        found = _found(function, posixpath.normpath(seen))
        return not any(path.name.partition(".")[0] in _LOADED_BEFORE for path in found)
    except (OSError, ValueError):  # an archive, say, or a link to what is elsewhere in the sandbox
        return False


def _found(function: FunctionSpec, seen: str) -> Iterator[Path]:
    """Yield what lies in a folder of the sandbox; raises ValueError where that is not known here."""
    roots: tuple[Path, ...] = ()
    if _is_within(seen, rootfs.TASK_ROOT):
        roots, rest = (function.code,), posixpath.relpath(seen, rootfs.TASK_ROOT)
    elif _is_within(seen, rootfs.LAYERS):
        roots, rest = function.layers, posixpath.relpath(seen, rootfs.LAYERS)
    elif not _is_within(seen, rootfs.RUNTIME_DIR):
        raise ValueError(seen)
    for root in roots:
        folder = root / rest
        if not folder.resolve().is_relative_to(root.resolve()):
            raise ValueError(seen)
        if os.path.lexists(folder):
            yield from folder.iterdir()


def _is_within(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)
