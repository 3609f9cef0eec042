"""Power cuts, made at will: run a program under `powercut.c`, then see its files as a cut at any moment leaves them.

    shim = PowerCutShim.build(folder)
    subprocess.Popen(program, env=process_environment(**shim.environment(disk, journal)), ...)
    ...                                       # let it work below `disk` and print acknowledgements, end or kill it
    history = read_journal(journal, disk)     # of one program, or of several one after the other
    for cut in history.cuts(chance, count=50):
        cut.restore(empty_directory)          # what the disk holds when the machine is back
        cut.acknowledged                      # what the program had printed by then, line by line

`disk` is an empty directory which is itself durable. What is promised is kept and nothing more: the contents of a file
as of its last sync, the names in a directory as of the directory's last sync. Of what was not synced, a cut keeps
nothing, everything, or a random part: any of the writes to a file, some of them torn; of the changes to a directory,
the first few.
"""

from __future__ import annotations

import enum
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lambent.base.identifiers import SeededIds
from tests.requirements import require_tool

_SOURCE = Path(__file__).with_name("powercut.c")
_HEAD = struct.Struct("<ciiqqHH")  # struct record in powercut.c
_SECTOR = 512


class PowerCutShim:
    """The compiled shim."""

    def __init__(self, library: Path) -> None:
        self._library = library

    @classmethod
    def build(cls, folder: Path) -> PowerCutShim:
        """Compile the shim into `folder`; skips the test, or fails it on CI, where there is no C compiler."""
        library = folder / "powercut.so"
        command = [str(require_tool("cc")), "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
        subprocess.run([*command, "-o", str(library), str(_SOURCE), "-lpthread"], check=True, timeout=50)
        return cls(library)

    def environment(self, root: Path, journal: Path) -> dict[str, str]:
        """Return the variables under which a program's doings below `root` are appended to `journal`."""
        return {
            "LD_PRELOAD": str(self._library),
            "POWERCUT_ROOT": str(root.resolve()),
            "POWERCUT_JOURNAL": str(journal.resolve()),
        }


class Survival(enum.Enum):
    """How much of what was not synced a cut leaves."""

    NOTHING = "nothing"
    SOME = "some"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class _Record:
    operation: str
    process: int
    descriptor: int
    offset: int
    path: str
    second: str
    data: bytes


@dataclass(slots=True, eq=False)
class _File:
    """A file's synced contents and the writes and truncations since, in order; data None is a truncation."""

    synced: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self, count: int) -> None:
        for offset, data in self.pending[:count]:
            _apply(self.synced, offset, data)
        del self.pending[:count]

    def after(self, survival: Survival, chance: SeededIds) -> bytes:
        contents = bytearray(self.synced)
        if survival is Survival.NOTHING:
            return bytes(contents)
        some = survival is Survival.SOME
        for offset, data in self.pending:
            if not some or chance.fraction() < 0.5:
                torn = some and data is not None and chance.fraction() < 0.3
                _apply(contents, offset, _torn(data, chance) if torn and data is not None else data)
        return bytes(contents)


@dataclass(slots=True, eq=False)
class _Directory:
    """A directory's synced names, the changes since, in order (None removes the name), and its names as of now."""

    synced: dict[str, _File | _Directory] = field(default_factory=dict)
    pending: list[tuple[str, _File | _Directory | None]] = field(default_factory=list)
    now: dict[str, _File | _Directory] = field(default_factory=dict)

    def change(self, name: str, entry: _File | _Directory | None) -> None:
        self.pending.append((name, entry))
        _rename(self.now, name, entry)

    def sync(self, count: int) -> None:
        for name, entry in self.pending[:count]:
            _rename(self.synced, name, entry)
        del self.pending[:count]

    def after(self, survival: Survival, chance: SeededIds) -> dict[str, _File | _Directory]:
        share = {Survival.NOTHING: 0.0, Survival.SOME: chance.fraction(), Survival.EVERYTHING: 1.0}[survival]
        names = dict(self.synced)
        for name, entry in self.pending[: round(share * len(self.pending))]:
            _rename(names, name, entry)
        return names


@dataclass(frozen=True, slots=True)
class Cut:
    """A moment at which the power went: what had been acknowledged, and what the disk holds."""

    acknowledged: tuple[str, ...]
    survival: Survival
    moment: int
    _names: dict[str, bytes | None]

    def restore(self, directory: Path) -> None:
        """Make `directory`, which must not exist, what the journalled one is after the cut."""
        directory.mkdir()
        for name, contents in self._names.items():
            path = directory / name
            if contents is None:
                path.mkdir()
            else:
                path.write_bytes(contents)


def acknowledgement(text: bytes) -> bytes:
    """Return what another process appends to a journal, in one write, once it has been told something by the program.

    It counts as printed by the program.
    """
    return _HEAD.pack(b"A", 0, 1, 0, len(text), 0, 0) + text


class History:
    """What one or more programs did below the directory, in order."""

    def __init__(self, records: list[_Record], root: str) -> None:
        self._records = records
        self._root = root

    def __len__(self) -> int:
        return len(self._records)

    def cut_at_the_end(self, survival: Survival, chance: SeededIds) -> Cut:
        """Return the cut that comes when everything has been done."""
        disk = _Disk(self._root)
        for record in self._records:
            disk.take(record)
        return Cut(disk.acknowledged(), survival, len(self._records), disk.names_after(survival, chance))

    def cuts(self, chance: SeededIds, count: int, *, survival: Survival | None = None) -> Iterator[Cut]:
        """Yield cuts at `count` random moments in order, each with its kind of survival, unless one is given."""
        moments = sorted(int(chance.fraction() * (len(self._records) + 1)) for _ in range(count))
        kinds = list(Survival)
        disk = _Disk(self._root)
        done = 0
        for moment in moments:
            for record in self._records[done:moment]:
                disk.take(record)
            done = moment
            kind = survival or kinds[int(chance.fraction() * len(kinds))]
            yield Cut(disk.acknowledged(), kind, moment, disk.names_after(kind, chance))


def read_journal(journal: Path, root: Path, *, aside: str | None = None) -> History:
    """Return what `journal` says was done below `root`; a record that a kill cut short is left out.

    So is what was done below the folder `aside` of it, such as one that programs without the shim change, too.
    """
    raw = journal.read_bytes()
    records = []
    place = 0
    while place + _HEAD.size <= len(raw):
        operation, process, descriptor, offset, size, path_size, second_size = _HEAD.unpack_from(raw, place)
        place += _HEAD.size
        path, place = raw[place : place + path_size].decode(), place + path_size
        second, place = raw[place : place + second_size].decode(), place + second_size
        data, place = raw[place : place + size], place + size
        records.append(_Record(operation.decode(), process, descriptor, offset, path, second, data))
    if aside is not None:
        records = _without(records, str(root.resolve() / aside))
    return History(records, str(root.resolve()))


def _without(records: list[_Record], folder: str) -> list[_Record]:
    left_out: set[tuple[int, int]] = set()
    found = []
    for record in records:
        key = record.process, record.descriptor
        if record.path:
            is_inside = Path(record.path).is_relative_to(folder)
            if record.operation == "O":
                (left_out.add if is_inside else left_out.discard)(key)
        else:
            is_inside = record.operation != "A" and key in left_out
        if not is_inside:
            found.append(record)
    return found


class _Disk:
    """The replay of a history up to one moment."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._top = _Directory()
        self._open: dict[tuple[int, int], _File | _Directory] = {}
        self._syncing: dict[tuple[int, int], list[int]] = {}
        self._printed = b""

    def acknowledged(self) -> tuple[str, ...]:
        return tuple(line.decode() for line in self._printed.split(b"\n")[:-1])

    def take(self, record: _Record) -> None:
        match record.operation:
            case "A":
                self._printed += record.data
            case "O":
                self._opened(record)
            case "W" | "T":
                self._file(record).pending.append((record.offset, record.data if record.operation == "W" else None))
            case "s":
                self._begin_sync(record)
            case "S":
                self._end_sync(record)
            case "D":
                self._change(record.path, _Directory())
            case "U":
                self._change(record.path, None)
            case "L":
                self._change(record.second, self._find(record.path))
            case "R":
                moved = self._find(record.path)
                self._change(record.second, moved)
                self._change(record.path, None)
            case _:
                raise AssertionError(f"the journal cannot tell what this did: {record.path} {record.second}")

    def names_after(self, survival: Survival, chance: SeededIds) -> dict[str, bytes | None]:
        names: dict[str, bytes | None] = {}

        def walk(prefix: str, directory: _Directory) -> None:
            for name, entry in directory.after(survival, chance).items():
                if isinstance(entry, _Directory):
                    names[prefix + name] = None
                    walk(f"{prefix}{name}/", entry)
                else:
                    names[prefix + name] = entry.after(survival, chance)

        walk("", self._top)
        return names

    def _opened(self, record: _Record) -> None:
        is_new = record.offset == 1
        if is_new:
            self._change(record.path, _File())
        self._open[record.process, record.descriptor] = self._find(record.path)

    def _begin_sync(self, record: _Record) -> None:
        key = record.process, record.descriptor
        self._syncing.setdefault(key, []).append(len(self._open[key].pending))

    def _end_sync(self, record: _Record) -> None:
        key = record.process, record.descriptor
        target = self._open[key]
        # Another sync of the same file may have ended meanwhile; what it made durable is no longer pending.
        before = len(target.pending)
        target.sync(self._syncing[key].pop(0))
        made_durable = before - len(target.pending)
        for other, counts in self._syncing.items():
            if self._open.get(other) is target:
                counts[:] = [max(0, count - made_durable) for count in counts]

    def _file(self, record: _Record) -> _File:
        found = self._open[record.process, record.descriptor]
        assert isinstance(found, _File)
        return found

    def _find(self, path: str) -> _File | _Directory:
        if path == self._root:
            return self._top
        directory, name = self._place(path)
        return directory.now[name]

    def _change(self, path: str, entry: _File | _Directory | None) -> None:
        directory, name = self._place(path)
        directory.change(name, entry)

    def _place(self, path: str) -> tuple[_Directory, str]:
        directory = self._top
        *folders, name = path.removeprefix(self._root + "/").split("/")
        for folder in folders:
            entry = directory.now[folder]
            assert isinstance(entry, _Directory)
            directory = entry
        return directory, name


def _apply(contents: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del contents[offset:]
        data = b""
    if len(contents) < offset:
        contents.extend(bytes(offset - len(contents)))
    contents[offset : offset + len(data)] = data


def _torn(data: bytes, chance: SeededIds) -> bytes:
    # Drives write sectors whole; which of them had been written is anybody's guess, a prefix being the usual one.
    sectors = -(-len(data) // _SECTOR)
    return data[: int(chance.fraction() * sectors) * _SECTOR]


def _rename(names: dict[str, _File | _Directory], name: str, entry: _File | _Directory | None) -> None:
    if entry is None:
        names.pop(name, None)
    else:
        names[name] = entry
