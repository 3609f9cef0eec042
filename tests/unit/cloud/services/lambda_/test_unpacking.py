"""Archives that are hostile, or merely odd."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_ import unpacking
from lambent.cloud.services.lambda_.unpacking import unpack

LINK = (stat.S_IFLNK | 0o777) << 16


def archive(entries: Mapping[str, tuple[str, int]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for name, (content, attributes) in entries.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = attributes
            zipped.writestr(entry, content)
    return buffer.getvalue()


def test_files_keep_their_executable_bit_and_are_readable(tmp_path: Path) -> None:
    directory, size = unpack(archive({"bin/run": ("x", 0o100700 << 16), "data": ("yz", 0o100600 << 16)}), tmp_path)
    assert size == 3
    assert stat.S_IMODE((directory / "bin" / "run").stat().st_mode) == 0o755
    assert stat.S_IMODE((directory / "data").stat().st_mode) == 0o644


def test_link_inside_the_package_is_kept(tmp_path: Path) -> None:
    directory, _ = unpack(archive({"lib/a.so.1": ("x", 0), "lib/a.so": ("a.so.1", LINK)}), tmp_path)
    assert (directory / "lib" / "a.so").read_text() == "x"


@pytest.mark.parametrize(
    "entries",
    [
        {"../out": ("x", 0)},
        {"/etc/out": ("x", 0)},
        {"a/../../out": ("x", 0)},
        {"link": ("/etc/passwd", LINK)},
        {"link": ("../../secret", LINK)},
        # Each link alone stays inside; together they lead out.
        {"deep/er/up": ("../..", LINK), "out": ("deep/er/up/../../secret", LINK)},
        {"a": ("x", 0), "a/b": ("x", 0)},
    ],
)
def test_archive_that_reaches_out_is_refused_and_leaves_nothing(
    tmp_path: Path, entries: Mapping[str, tuple[str, int]]
) -> None:
    with pytest.raises(ServiceError, match="Could not unzip uploaded file"):
        unpack(archive(entries), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_damaged_entry_is_refused(tmp_path: Path) -> None:
    package = bytearray(archive({"a": ("some content", 0)}))
    package[package.index(b"content")] ^= 1
    with pytest.raises(ServiceError, match="Could not unzip uploaded file"):
        unpack(bytes(package), tmp_path)


def test_more_entries_than_any_package_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "_ENTRIES_LIMIT", 1000)
    # One entry, listed more often.
    plain = archive({"a": ("x", 0)})
    place, end = plain.index(b"PK\x01\x02"), plain.index(b"PK\x05\x06")
    directory = plain[place:end] * 1001
    sizes = struct.pack("<LL", len(directory), place)
    countless = plain[:place] + directory + plain[end : end + 12] + sizes + plain[end + 20 :]
    with pytest.raises(ServiceError, match="Could not unzip uploaded file"):
        unpack(countless, tmp_path)
    assert list(tmp_path.iterdir()) == []
