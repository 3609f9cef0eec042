"""Hearing of saved files from the kernel: the only door to watchfiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import watchfiles

# An editor writes a file in several steps within a few milliseconds; what comes within one step is one save.
_STEP_MS = 10
_LONGEST_MS = 100
_LOOK_EVERY_MS = 250


class _Sources(watchfiles.DefaultFilter):
    """Leaves out what tools write beside sources."""

    ignore_dirs = (*watchfiles.DefaultFilter.ignore_dirs, ".lambent", ".aws-sam", ".ruff_cache")


def saves(roots: Sequence[Path]) -> Iterator[frozenset[Path]]:
    """Yield the files beneath folders that were saved or removed, by real path; an empty set while nothing happens.

    The first empty set says that from then on nothing is missed. Raises KeyboardInterrupt on Ctrl-C.
    """
    for found in watchfiles.watch(
        *roots,
        watch_filter=_Sources(),
        step=_STEP_MS,
        debounce=_LONGEST_MS,
        rust_timeout=_LOOK_EVERY_MS,
        yield_on_timeout=True,
        raise_interrupt=True,
    ):
        yield frozenset(Path(path).resolve() for _, path in found)
