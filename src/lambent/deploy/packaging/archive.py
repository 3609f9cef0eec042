"""A folder → a zip that is the same, byte for byte, on every machine: sorted, without times, with plain modes."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lambent.deploy.errors import DeployError
from lambent.deploy.packaging.ignore import Ignored

_EPOCH = (1980, 1, 1, 0, 0, 0)
_PLAIN, _EXECUTABLE, _LINK = 0o100644, 0o100755, 0o120777
NOTHING_IGNORED = Ignored(())


class ChangedMeanwhileError(DeployError):
    """A file was changed or removed while it was being packaged."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive: its name there, where its content is, and its mode: executable for everybody or nobody.

    `link` is where a link points, relative to its own folder; "" for a file.
    """

    name: str
    file: Path
    mode: int = _PLAIN
    link: str = ""

    @classmethod
    def of(cls, name: str, file: Path) -> Entry:
        """Return the entry of a file, with its mode."""
        return cls(name, file, _mode(file.stat().st_mode))

    def content(self) -> bytes:
        """Return what it holds. Raises DeployError where it cannot be read, or is there no more."""
        if self.link:
            return self.link.encode()
        try:
            return self.file.read_bytes()
        except FileNotFoundError as error:
            raise _changed(self.file) from error
        except OSError as error:
            raise _unreadable(error) from error


@dataclass(frozen=True, slots=True)
class Contents:
    """What an archive holds: the digest of its names, modes and contents, and the sum of their bytes.

    `each` has the digest of every file by its place in the archive; it tells which one changed.
    """

    digest: str
    size: int
    each: tuple[bytes, ...] = field(repr=False, default=())


def entries(folder: Path, *, beneath: str = "", ignored: Ignored | None = None) -> list[Entry]:
    """Return the files of a folder that are packaged, by name, placed `beneath` another.

    Links within the folder stay links. Raises DeployError for one that leads out of it or to what is not packaged, for
    what cannot be read, and for a name that is not UTF-8.
    """
    rules = Ignored.of(folder) if ignored is None else ignored
    found = list(_walk(os.fspath(folder), "", rules))
    _check_links(found, folder)
    return sorted((replace(one, name=beneath + one.name) for one in found), key=lambda entry: entry.name)


def _walk(root: str, prefix: str, ignored: Ignored) -> Iterator[Entry]:
    try:
        with os.scandir(os.path.join(root, prefix)) as found:  # noqa: PTH118 - Path costs as much as all the rest
            listed = list(found)
    except OSError as error:
        raise _unreadable(error) from error
    for item in listed:
        name = prefix + item.name
        is_link = item.is_symlink()
        if ignored.matches(name, is_folder=_leads_to_folder(Path(item.path)) if is_link else item.is_dir()):
            continue
        if is_link:
            yield _link(Path(root), _named(name, root))
        elif item.is_dir():
            yield from _walk(root, f"{name}/", ignored)
        elif item.is_file():
            yield Entry(_named(name, root), Path(item.path), _mode(item.stat().st_mode))


def _leads_to_folder(link: Path) -> bool:
    try:
        return link.is_dir()
    except OSError:  # a circle
        return False


def _mode(mode: int) -> int:
    return _EXECUTABLE if mode & stat.S_IXUSR else _PLAIN


def _named(name: str, root: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(name).decode("utf-8", "backslashreplace")
        raise DeployError(
            f"The name of {shown} in {root} is not UTF-8.", "Rename it, or add it to .lambdaignore."
        ) from error
    return name


def _link(root: Path, name: str) -> Entry:
    path = root / name
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise DeployError(f"{path} is a link that points to nothing.", "Remove it, or mend it.") from error
    if not target.is_relative_to(root.resolve()):
        raise DeployError(
            f"{path} is a link that leads out of {root}.", "Copy what it points to, or add it to .lambdaignore."
        )
    # Where the folder stands on this machine must not count: the end of the chain, seen from the link's own folder.
    link = os.path.relpath(target, path.parent.resolve())
    return Entry(name, path, _LINK, _named(Path(link).as_posix(), str(root)))


def _check_links(found: Iterable[Entry], folder: Path) -> None:
    listed = list(found)
    packaged = {entry.name for entry in listed}
    for entry in listed:
        if not entry.link:
            continue
        target = os.path.normpath(f"{os.path.dirname(entry.name)}/{entry.link}").lstrip("/")  # noqa: PTH120 - of a name
        if target != "." and target not in packaged and not any(name.startswith(f"{target}/") for name in packaged):
            raise DeployError(
                f"{folder / entry.name} is a link to {target}, which is not packaged.",
                "Leave out both of them in .lambdaignore, or neither.",
            )


def examine(files: Iterable[Entry]) -> Contents:
    """Return what the archive that `write` would make of these files holds."""
    return _contents((entry, entry.content()) for entry in files)


def write(files: Iterable[Entry], target: Path) -> Contents:
    """Write the archive and return what it holds, which differs from what was examined where a file has changed."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        return _contents(_added(archive, entry) for entry in files)


def _added(archive: zipfile.ZipFile, entry: Entry) -> tuple[Entry, bytes]:
    content = entry.content()
    info = zipfile.ZipInfo(entry.name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix, wherever it is made: the modes count
    info.external_attr = entry.mode << 16
    archive.writestr(info, content)
    return entry, content


def _contents(read: Iterable[tuple[Entry, bytes]]) -> Contents:
    total, size, each = hashlib.sha256(), 0, []
    for entry, content in read:
        one = hashlib.sha256(content).digest()
        total.update(f"{entry.name}\0{entry.mode:o}\0".encode() + one)
        size += len(content)
        each.append(one)
    return Contents(total.hexdigest(), size, tuple(each))


def first_changed(files: Sequence[Entry], before: Contents, after: Contents) -> ChangedMeanwhileError:
    """Return the error that names the first file that is not what it was."""
    changed = next(
        (one for one, *two in zip(files, before.each, after.each, strict=True) if two[0] != two[1]), files[0]
    )
    return _changed(changed.file)


def _changed(file: Path) -> ChangedMeanwhileError:
    return ChangedMeanwhileError(
        f"{file} changes while it is packaged.", "Deploy again when whatever writes it is done."
    )


def _unreadable(error: OSError) -> DeployError:
    return DeployError(
        f"{Path(error.filename)} cannot be read: {error.strerror}.", "Let yourself read it, or add it to .lambdaignore."
    )
