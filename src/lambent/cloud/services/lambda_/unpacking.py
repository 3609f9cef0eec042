"""A deployment package or layer, from zip bytes to a directory; blocking, and safe against hostile archives.

Nothing is trusted: names that leave the directory, links that point out of it and archives that grow beyond Lambda's
limit are refused, with the words AWS uses.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath

from lambent.cloud.services.lambda_.errors import invalid_parameter

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
UNZIPPED_LIMIT = 262_144_000
_CHUNK = 1024 * 1024
# AWS's own limit on entries is not published; this one only keeps a hostile archive from eating every inode.
_ENTRIES_LIMIT = 200_000

_UNREADABLE = "Could not unzip uploaded file. Please check your file, then try to upload again."
_EMPTY = "Uploaded file must be a non-empty zip"
_TOO_LARGE = f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes"


def unpack(archive: bytes, parent: Path) -> tuple[Path, int]:
    """Unpack into a new directory under `parent`; return the directory and the bytes it holds.

    Raises InvalidParameterValueException, having removed what it had written, if the archive is not one Lambda takes.
    """
    directory = Path(tempfile.mkdtemp(prefix="unpacking-", dir=parent))
    try:
        size = _unpack_into(archive, directory)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    directory.chmod(0o755)
    return directory, size


def _unpack_into(archive: bytes, directory: Path) -> int:
    try:
        with zipfile.ZipFile(BytesIO(archive)) as zipped:
            entries = zipped.infolist()
            size = _checked_size(entries)
            links = [entry for entry in entries if _is_link(entry)]
            for entry in entries:
                if not _is_link(entry):
                    _extract(zipped, entry, directory)
            # Links come last, so that no entry is ever written through one.
            for entry in links:
                _link(zipped, entry, directory)
            _check_links(links, directory)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        # RuntimeError: an encrypted entry. NotImplementedError: a compression method we lack. ValueError: a bad name.
        raise invalid_parameter(_UNREADABLE) from error
    return size


def _checked_size(entries: Sequence[zipfile.ZipInfo]) -> int:
    if not entries:
        raise invalid_parameter(_EMPTY)
    # zipfile never yields more than the declared size of an entry, so the declared sizes bound what is written.
    size = sum(entry.file_size for entry in entries)
    if size >= UNZIPPED_LIMIT:
        raise invalid_parameter(_TOO_LARGE)
    if len(entries) > _ENTRIES_LIMIT:
        raise ValueError("too many entries")
    return size


def _is_link(entry: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(entry.external_attr >> 16)


def _place(entry: zipfile.ZipInfo, directory: Path) -> Path:
    path = PurePosixPath(entry.filename)
    if path.is_absolute() or ".." in path.parts or "\x00" in entry.filename or not path.parts:
        raise ValueError(f"entry name {entry.filename!r}")
    return directory / path


def _extract(zipped: zipfile.ZipFile, entry: zipfile.ZipInfo, directory: Path) -> None:
    place = _place(entry, directory)
    if entry.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    executable = (entry.external_attr >> 16) & 0o111
    with zipped.open(entry) as source, place.open("wb") as target:
        shutil.copyfileobj(source, target, _CHUNK)
    place.chmod(0o755 if executable else 0o644)


def _link(zipped: zipfile.ZipFile, entry: zipfile.ZipInfo, directory: Path) -> None:
    place = _place(entry, directory)
    place.parent.mkdir(parents=True, exist_ok=True)
    if entry.file_size > 4096:  # PATH_MAX
        raise ValueError(f"link {entry.filename!r}")
    place.symlink_to(zipped.read(entry).decode())


def _check_links(links: Sequence[zipfile.ZipInfo], directory: Path) -> None:
    # A link may lead through other links, so only the finished tree tells where each one ends.
    root = os.path.realpath(directory)
    for entry in links:
        place = _place(entry, directory)
        end = os.path.realpath(place)
        if os.path.commonpath((root, end)) != root or place.readlink().is_absolute():
            raise ValueError(f"link {entry.filename!r}")
