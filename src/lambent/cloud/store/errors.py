"""What the store raises, whatever its database or file system called it."""

from __future__ import annotations

from pathlib import Path


class StoreError(Exception):
    """Something the store was asked for cannot be done; the message names a remedy where there is one."""


class Conflict(StoreError):
    """A row breaks a constraint of its table: a second one with the same key, or a missing parent."""


class DirectoryInUse(StoreError):
    """Another platform has the data directory open; `pid` is its process, or None if it did not say."""

    def __init__(self, directory: Path, pid: int | None) -> None:
        owner = "another process" if pid is None else f"process {pid}"
        super().__init__(
            f"The data directory {directory} is in use by {owner}. Stop that platform, or start this one with another "
            "data directory."
        )
        self.pid = pid


class NewerFormat(StoreError):
    """The data directory was written by a newer version, which this one must not touch."""


class CorruptStore(StoreError):
    """The database file is damaged, or is no database of ours."""


class StoreFull(StoreError):
    """The disk is full: the write and those committed together with it were undone."""


class StoreFailed(StoreError):
    """Writing or syncing failed, so what is on disk is uncertain: no more writes until the store is reopened."""


class StoreClosed(StoreError):
    """The store has been closed."""
