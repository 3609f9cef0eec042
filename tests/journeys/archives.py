"""Archives of programs, for runtimes and extensions that functions bring."""

from __future__ import annotations

from collections.abc import Mapping

from lambent.testing.builders import zip_of


def programs(files: Mapping[str, bytes], *, may_run: bool = True) -> bytes:
    """Return a zip of files that may all be run, or none of them."""
    return zip_of(files, executable=frozenset(files if may_run else ()))
