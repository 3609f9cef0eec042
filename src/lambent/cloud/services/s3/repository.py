"""Rows of buckets and of the versions of objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from lambent.cloud.services.s3.model.records import (
    NULL_VERSION,
    About,
    Bucket,
    Draft,
    Entry,
    PartFacts,
    Retention,
    StoredFile,
    Version,
)
from lambent.cloud.services.s3.model.walking import BEYOND
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, SqlValue, Transaction

Row = Sequence[Any]  # Any: the tables are STRICT, so each column has the type that the schema says

_BUCKET = "id, account, region, name, created_ms, versioning, is_locked"
_ENTRY = (
    "id, bucket_id, key, version_id, is_marker, is_latest, modified_ms, size, etag, storage_class,"
    " checksum_algorithm, checksum_type"
)
_VERSION = f"{_ENTRY}, about, files"


def lower_bound(begin: str, prefix: str, *, includes_begin: bool = False) -> tuple[str, str]:
    """Return how texts from `begin` on (or only behind it) that have a prefix compare, and with what.

    Of two lower bounds SQLite seeks by one alone, and reads all there is up to the other.

    >>> lower_bound("a", "b/"), lower_bound("b/1", "b/")
    (('>=', 'b/'), ('>', 'b/1'))
    """
    if begin < prefix:
        return ">=", prefix
    return (">=" if includes_begin else ">"), begin


# ── buckets ──


def bucket(reader: Reader, name: str) -> Bucket | None:
    """Return the bucket of that name, whoever owns it, or None."""
    row = reader.one(f"SELECT {_BUCKET} FROM s3_bucket WHERE name = ?", (name,))
    return None if row is None else _as_bucket(row)


def bucket_by_id(reader: Reader, bucket_id: int) -> Bucket | None:
    """Return the bucket of that id, or None."""
    row = reader.one(f"SELECT {_BUCKET} FROM s3_bucket WHERE id = ?", (bucket_id,))
    return None if row is None else _as_bucket(row)


@dataclass(frozen=True, slots=True)
class BucketRange:
    """Buckets of an account by name, behind the name `after`; of every region where none is named."""

    account: str
    prefix: str
    after: str
    region: str | None
    limit: int


def buckets(reader: Reader, wanted: BucketRange) -> list[Bucket]:
    """Return the buckets of a range."""
    where = "" if wanted.region is None else " AND region = ?"
    lowest, position = lower_bound(wanted.after, wanted.prefix)
    rows = reader.all(
        f"SELECT {_BUCKET} FROM s3_bucket WHERE account = ? AND name {lowest} ? AND name < ?{where}"
        " ORDER BY name LIMIT ?",
        (
            wanted.account,
            position,
            wanted.prefix + BEYOND,
            *(() if wanted.region is None else (wanted.region,)),
            wanted.limit,
        ),
    )
    return [_as_bucket(row) for row in rows]


def add_bucket(transaction: Transaction, bucket: Bucket) -> Bucket:
    """Write a new bucket and return it with its id."""
    row = transaction.one(
        "INSERT INTO s3_bucket (account, region, name, created_ms, versioning, is_locked) VALUES (?, ?, ?, ?, ?, ?)"
        f" RETURNING {_BUCKET}",
        (
            bucket.scope.account,
            bucket.scope.region,
            bucket.name,
            bucket.created_ms,
            bucket.versioning,
            int(bucket.is_locked),
        ),
    )
    return _as_bucket(row or ())


def change_bucket(transaction: Transaction, bucket: Bucket) -> None:
    """Write what can change of a bucket."""
    transaction.execute(
        "UPDATE s3_bucket SET versioning = ?, is_locked = ? WHERE id = ?",
        (bucket.versioning, int(bucket.is_locked), bucket.id),
    )


def remove_bucket(transaction: Transaction, bucket_id: int) -> None:
    """Remove a bucket, which must be empty."""
    transaction.execute("DELETE FROM s3_bucket WHERE id = ?", (bucket_id,))


def has_versions(reader: Reader, bucket_id: int) -> bool:
    """Return whether there is any version or delete marker in a bucket."""
    return reader.one("SELECT 1 FROM s3_version WHERE bucket_id = ? LIMIT 1", (bucket_id,)) is not None


# ── versions ──


def next_number(transaction: Transaction) -> int:
    """Return the number of the change that is being made."""
    row = transaction.one("UPDATE s3_sequence SET last = last + 1 RETURNING last")
    return int(str((row or (0,))[0]))


def latest(reader: Reader, bucket_id: int, key: str) -> Version | None:
    """Return the latest version of a key, which may be a delete marker, or None."""
    row = reader.one(
        f"SELECT {_VERSION} FROM s3_version WHERE bucket_id = ? AND key = ? ORDER BY id DESC LIMIT 1", (bucket_id, key)
    )
    return None if row is None else _as_version(row)


def version(reader: Reader, bucket_id: int, key: str, version_id: str) -> Version | None:
    """Return one version of a key, or None."""
    row = reader.one(
        f"SELECT {_VERSION} FROM s3_version WHERE bucket_id = ? AND key = ? AND version_id = ?",
        (bucket_id, key, version_id),
    )
    return None if row is None else _as_version(row)


def small_body(reader: Reader, number: int) -> bytes:
    """Return the bytes of a version that has no files."""
    row = reader.one("SELECT bytes FROM s3_body WHERE version = ?", (number,))
    return b"" if row is None or not isinstance(row[0], bytes) else row[0]


def add_version(transaction: Transaction, bucket: Bucket, draft: Draft, version_id: str, modified_ms: int) -> Entry:
    """Write a version, which becomes the latest of its key, and return it as listed.

    In place of a null version that is there already, its row goes; raises nothing.
    """
    if version_id == NULL_VERSION:
        replaced = version(transaction, bucket.id, draft.key, NULL_VERSION)
        if replaced is not None:
            _remove_row(transaction, replaced)
    _dethrone(transaction, bucket, draft.key)
    entry = Entry(
        id=next_number(transaction),
        bucket_id=bucket.id,
        key=draft.key,
        version_id=version_id,
        is_marker=False,
        is_latest=True,
        modified_ms=modified_ms,
        size=draft.size,
        etag=draft.etag,
        storage_class=draft.storage_class,
        checksum_algorithm=draft.checksum_algorithm,
        checksum_type=draft.checksum_type,
    )
    _insert(transaction, entry, draft.about, draft.files)
    if draft.small:
        transaction.execute("INSERT INTO s3_body (version, bytes) VALUES (?, ?)", (entry.id, draft.small))
    add_files(transaction, [file.name for file in draft.files])
    return entry


def add_marker(transaction: Transaction, bucket: Bucket, key: str, version_id: str, modified_ms: int) -> Entry:
    """Write a delete marker, which becomes the latest of its key, and return it; a null version gives way to it."""
    if version_id == NULL_VERSION:
        replaced = version(transaction, bucket.id, key, NULL_VERSION)
        if replaced is not None:
            _remove_row(transaction, replaced)
    _dethrone(transaction, bucket, key)
    entry = Entry(
        id=next_number(transaction),
        bucket_id=bucket.id,
        key=key,
        version_id=version_id,
        is_marker=True,
        is_latest=True,
        modified_ms=modified_ms,
        size=0,
        etag="",
        storage_class="",
        checksum_algorithm="",
        checksum_type="",
    )
    _insert(transaction, entry, About(), ())
    return entry


def remove_version(transaction: Transaction, removed: Version) -> int:
    """Remove a version; the one before it becomes the latest. Returns the number of the change."""
    _remove_row(transaction, removed)
    entry = removed.entry
    if entry.is_latest:
        transaction.execute(
            "UPDATE s3_version SET is_latest = 1, is_listed = 1 - is_marker WHERE id ="
            " (SELECT id FROM s3_version WHERE bucket_id = ? AND key = ? ORDER BY id DESC LIMIT 1)",
            (entry.bucket_id, entry.key),
        )
    return next_number(transaction)


def change_about(transaction: Transaction, number: int, about: About) -> None:
    """Write what is told of a version: tags and retention change without a new one."""
    transaction.execute("UPDATE s3_version SET about = ? WHERE id = ?", (dump_about(about), number))


def change_storage_class(transaction: Transaction, number: int, storage_class: str) -> None:
    """Write a version's storage class, which a lifecycle rule changes without a new version."""
    transaction.execute("UPDATE s3_version SET storage_class = ? WHERE id = ?", (storage_class, number))


# ── listings ──


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Keys of a bucket from `begin` (or only behind it) up to those that begin with `prefix`."""

    bucket_id: int
    prefix: str
    begin: str
    includes_begin: bool
    limit: int


def listed(reader: Reader, keys: KeyRange) -> list[Entry]:
    """Return the objects of a range by key: latest versions that are no delete markers."""
    lowest, position = lower_bound(keys.begin, keys.prefix, includes_begin=keys.includes_begin)
    rows = reader.all(
        f"SELECT {_ENTRY} FROM s3_version INDEXED BY s3_version_listed WHERE is_listed = 1 AND bucket_id = ?"
        f" AND key {lowest} ? AND key < ? ORDER BY key LIMIT ?",
        (keys.bucket_id, position, keys.prefix + BEYOND, keys.limit),
    )
    return [_as_entry(row) for row in rows]


def versions(reader: Reader, keys: KeyRange, *, older_than: int | None = None) -> list[Entry]:
    """Return the versions of a range by key, the latest first.

    With `older_than` those of the key `begin` come first whose number is lower.
    """
    found: list[Row] = []
    if older_than is not None:
        found += reader.all(
            f"SELECT {_ENTRY} FROM s3_version WHERE bucket_id = ? AND key = ? AND id < ? ORDER BY id DESC LIMIT ?",
            (keys.bucket_id, keys.begin, older_than, keys.limit),
        )
    includes_begin = keys.includes_begin and older_than is None
    lowest, position = lower_bound(keys.begin, keys.prefix, includes_begin=includes_begin)
    if len(found) < keys.limit:
        found += reader.all(
            f"SELECT {_ENTRY} FROM s3_version WHERE bucket_id = ? AND key {lowest} ? AND key < ?"
            " ORDER BY key, id DESC LIMIT ?",
            (keys.bucket_id, position, keys.prefix + BEYOND, keys.limit - len(found)),
        )
    return [_as_entry(row) for row in found]


# ── files ──


def add_files(transaction: Transaction, names: Sequence[str]) -> None:
    """Note files that have an owner from now on; one that a part had becomes the object's."""
    if names:
        transaction.executemany(
            "INSERT INTO s3_file (name, is_removed) VALUES (?, 0) ON CONFLICT (name) DO UPDATE SET is_removed = 0",
            [(name,) for name in names],
        )


def give_up_files(transaction: Transaction, names: Sequence[str]) -> None:
    """Note that nobody owns the files any more; they are removed from the disk after the commit."""
    if names:
        transaction.executemany("UPDATE s3_file SET is_removed = 1 WHERE name = ?", [(name,) for name in names])


def given_up_files(reader: Reader, limit: int, after: str = "") -> list[str]:
    """Return names of files that are still to be removed from the disk, behind the name `after`."""
    rows = reader.all(
        "SELECT name FROM s3_file WHERE is_removed = 1 AND name > ? ORDER BY name LIMIT ?", (after, limit)
    )
    return [str(row[0]) for row in rows]


def forget_files(transaction: Transaction, names: Sequence[str]) -> None:
    """Forget files that are gone from the disk."""
    transaction.executemany("DELETE FROM s3_file WHERE name = ?", [(name,) for name in names])


def unknown_files(reader: Reader, names: Sequence[str]) -> list[str]:
    """Return those of the names that no row stands for."""
    rows = reader.all(
        "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT name FROM s3_file)", (orjson.dumps(names).decode(),)
    )
    return [str(row[0]) for row in rows]


# ── rows to values ──


def dump_about(about: About) -> str:
    """Return `about` as its column holds it; what is empty is left out."""
    return orjson.dumps({name: value for name, value in asdict(about).items() if value}).decode()


def load_about(text: str) -> About:
    """Return what `dump_about` has written."""
    found: dict[str, Any] = orjson.loads(text)  # Any: JSON
    if "parts" in found:
        found["parts"] = tuple(PartFacts(**part) for part in found["parts"])
    if "retention" in found:
        found["retention"] = Retention(**found["retention"])
    return About(**found)


def _dethrone(transaction: Transaction, bucket: Bucket, key: str) -> None:
    # In a bucket that has never kept versions the one there was is gone already.
    if bucket.versioning:
        transaction.execute(
            "UPDATE s3_version SET is_latest = 0, is_listed = 0 WHERE id ="
            " (SELECT id FROM s3_version WHERE bucket_id = ? AND key = ? ORDER BY id DESC LIMIT 1)",
            (bucket.id, key),
        )


def _insert(transaction: Transaction, entry: Entry, about: About, files: Sequence[StoredFile]) -> None:
    row: Mapping[str, SqlValue] = {
        **asdict(entry),
        "is_marker": int(entry.is_marker),
        "is_latest": int(entry.is_latest),
        "is_listed": int(entry.is_latest and not entry.is_marker),
        "about": dump_about(about),
        "files": orjson.dumps([(file.name, file.size) for file in files]).decode(),
    }
    names = ", ".join(row)
    transaction.execute(f"INSERT INTO s3_version ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))


def _remove_row(transaction: Transaction, removed: Version) -> None:
    transaction.execute("DELETE FROM s3_version WHERE id = ?", (removed.entry.id,))
    if removed.files:
        give_up_files(transaction, [file.name for file in removed.files])
    elif removed.entry.size:
        transaction.execute("DELETE FROM s3_body WHERE version = ?", (removed.entry.id,))


def _as_bucket(row: Row) -> Bucket:
    bucket_id, account, region, name, created, versioning, is_locked = row
    return Bucket(bucket_id, Scope(account, region), name, created, versioning, bool(is_locked))


def _as_entry(row: Row) -> Entry:
    number, bucket_id, key, version_id, is_marker, is_latest, *rest = row
    return Entry(number, bucket_id, key, version_id, bool(is_marker), bool(is_latest), *rest)


def _as_version(row: Row) -> Version:
    files = tuple(StoredFile(name, size) for name, size in orjson.loads(row[-1]))
    return Version(_as_entry(row[:-2]), load_about(row[-2]), files)
