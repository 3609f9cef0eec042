"""A folder → a zip that is the same, byte for byte, on every machine: sorted, without times, with plain modes."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lambent.deploy.errors import DeployError
from lambent.deploy.packaging.ignore import Ignored

_EPOCH = (1980, 1, 1, 0, 0, 0)
_PLAIN, _EXECUTABLE = 0o100644, 0o100755


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive: its name there, and where its content is."""

    name: str
    file: Path

    @property
    def mode(self) -> int:
        """Its mode: executable for everybody, or for nobody."""
        return _EXECUTABLE if self.file.stat().st_mode & stat.S_IXUSR else _PLAIN


def entries(folder: Path, *, beneath: str = "") -> list[Entry]:
    """Return the files of a folder that are packaged, by name. Raises DeployError for a link that leads out of it."""
    ignored = Ignored.of(folder)
    return sorted(_walk(folder, folder, ignored, beneath), key=lambda entry: entry.name)


def _walk(root: Path, folder: Path, ignored: Ignored, beneath: str) -> Iterator[Entry]:
    with os.scandir(folder) as found:
        listed = list(found)
    for item in listed:
        path = Path(item.path)
        relative = path.relative_to(root).as_posix()
        if ignored.matches(relative, is_folder=item.is_dir()):
            continue
        if item.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
            raise DeployError(
                f"{path} is a link that leads out of {root}.", "Copy what it points to, or add it to .lambdaignore."
            )
        if item.is_dir():
            yield from _walk(root, path, ignored, beneath)
        elif item.is_file():
            yield Entry(f"{beneath}{relative}", path)


def digest_of(files: list[Entry]) -> str:
    """Return the digest of names, modes and contents: that of the archive that `write` would make."""
    total = hashlib.sha256()
    for entry in files:
        content = hashlib.sha256(entry.file.read_bytes()).digest()
        total.update(f"{entry.name}\0{entry.mode:o}\0".encode() + content)
    return total.hexdigest()


def write(files: list[Entry], target: Path) -> int:
    """Write the archive and return how many bytes it holds unzipped."""
    unzipped = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for entry in files:
            content = entry.file.read_bytes()
            unzipped += len(content)
            info = zipfile.ZipInfo(entry.name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix, wherever it is made: the modes count
            info.external_attr = entry.mode << 16
            archive.writestr(info, content)
    return unzipped
