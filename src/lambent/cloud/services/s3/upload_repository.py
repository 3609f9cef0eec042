"""Rows of multipart uploads and their parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from lambent.cloud.services.s3.model.records import Part, Upload
from lambent.cloud.services.s3.model.walking import BEYOND
from lambent.cloud.services.s3.repository import (
    add_files,
    dump_about,
    give_up_files,
    load_about,
    lower_bound,
    next_number,
)
from lambent.cloud.store.unit_of_work import Reader, Transaction

Row = Sequence[Any]  # Any: the tables are STRICT, so each column has the type that the schema says
Answer = Mapping[str, Any]  # Any: members of the model

_UPLOAD = (
    "id, bucket_id, key, upload_id, initiated_ms, initiator, storage_class, checksum_algorithm, checksum_type, about"
)
_COMPLETIONS_KEPT_MS = 24 * 3600 * 1000
_PART = "number, size, etag, modified_ms, checksums, file"


@dataclass(frozen=True, slots=True)
class UploadRange:
    """Uploads of a bucket whose keys begin with `prefix`, behind a key, or behind one of its uploads."""

    bucket_id: int
    prefix: str
    after_key: str
    after_upload: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class Completion:
    """A request to complete an upload of certain parts, which are JSON: their numbers and entity tags."""

    bucket_id: int
    key: str
    upload_id: str
    parts: str


def upload(reader: Reader, bucket_id: int, key: str, upload_id: str) -> Upload | None:
    """Return an upload that is under way, or None."""
    row = reader.one(
        f"SELECT {_UPLOAD} FROM s3_upload WHERE upload_id = ? AND bucket_id = ? AND key = ?",
        (upload_id, bucket_id, key),
    )
    return None if row is None else _as_upload(row)


def uploads(reader: Reader, wanted: UploadRange) -> list[Upload]:
    """Return uploads by key and id."""
    # Upload ids of one key are in the order of their making: model.records.Upload says how they begin.
    lowest, key = lower_bound(wanted.after_key, wanted.prefix)
    behind, position = f"key {lowest} ?", [key]
    if wanted.after_upload is not None and key == wanted.after_key:
        behind, position = "(key, upload_id) > (?, ?)", [key, wanted.after_upload]
    rows = reader.all(
        f"SELECT {_UPLOAD} FROM s3_upload WHERE bucket_id = ? AND {behind} AND key < ? ORDER BY key, upload_id LIMIT ?",
        (wanted.bucket_id, *position, wanted.prefix + BEYOND, wanted.limit),
    )
    return [_as_upload(row) for row in rows]


def add_upload(transaction: Transaction, upload: Upload) -> None:
    """Write a new upload; its id is made here."""
    transaction.execute(
        f"INSERT INTO s3_upload ({_UPLOAD}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            next_number(transaction),
            upload.bucket_id,
            upload.key,
            upload.upload_id,
            upload.initiated_ms,
            upload.initiator,
            upload.storage_class,
            upload.checksum_algorithm,
            upload.checksum_type,
            dump_about(upload.about),
        ),
    )


def remove_upload(transaction: Transaction, upload: Upload, *, keeping: Sequence[str] = ()) -> None:
    """Remove an upload and its parts, and give up the parts' files but for those that are kept."""
    kept = set(keeping)
    files = [str(row[0]) for row in transaction.all("SELECT file FROM s3_part WHERE upload = ?", (upload.id,))]
    give_up_files(transaction, [name for name in files if name not in kept])
    transaction.execute("DELETE FROM s3_part WHERE upload = ?", (upload.id,))
    transaction.execute("DELETE FROM s3_upload WHERE id = ?", (upload.id,))


def remove_uploads(transaction: Transaction, bucket_id: int) -> None:
    """Remove every upload of a bucket."""
    for row in transaction.all(f"SELECT {_UPLOAD} FROM s3_upload WHERE bucket_id = ?", (bucket_id,)):
        remove_upload(transaction, _as_upload(row))


def parts(reader: Reader, upload: Upload, *, after: int = 0, limit: int = 10_000) -> list[Part]:
    """Return the parts of an upload by number, behind the number `after`."""
    rows = reader.all(
        f"SELECT {_PART} FROM s3_part WHERE upload = ? AND number > ? ORDER BY number LIMIT ?",
        (upload.id, after, limit),
    )
    return [_as_part(row) for row in rows]


def put_part(transaction: Transaction, upload: Upload, part: Part) -> None:
    """Write a part; one of the same number that was there gives its file up."""
    present = transaction.one("SELECT file FROM s3_part WHERE upload = ? AND number = ?", (upload.id, part.number))
    if present is not None:
        give_up_files(transaction, [str(present[0])])
    add_files(transaction, [part.file])
    transaction.execute(
        f"INSERT OR REPLACE INTO s3_part (upload, {_PART}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            upload.id,
            part.number,
            part.size,
            part.etag,
            part.modified_ms,
            orjson.dumps(part.checksums).decode(),
            part.file,
        ),
    )


def completion(reader: Reader, asked: Completion, now_ms: int) -> Answer | None:
    """Return what was answered when an upload was completed of the same parts, or None."""
    row: Row | None = reader.one(
        "SELECT answer FROM s3_completion"
        " WHERE upload_id = ? AND bucket_id = ? AND key = ? AND parts = ? AND until_ms > ?",
        (asked.upload_id, asked.bucket_id, asked.key, asked.parts, now_ms),
    )
    answer: Answer | None = None if row is None else orjson.loads(row[0])
    return answer


def add_completion(transaction: Transaction, asked: Completion, answer: Answer, now_ms: int) -> None:
    """Keep what is answered now that an upload is completed, and forget what was long ago."""
    transaction.execute("DELETE FROM s3_completion WHERE until_ms <= ?", (now_ms,))
    transaction.execute(
        "INSERT INTO s3_completion (upload_id, bucket_id, key, until_ms, parts, answer) VALUES (?, ?, ?, ?, ?, ?)",
        (
            asked.upload_id,
            asked.bucket_id,
            asked.key,
            now_ms + _COMPLETIONS_KEPT_MS,
            asked.parts,
            orjson.dumps(answer).decode(),
        ),
    )


def _as_upload(row: Row) -> Upload:
    number, bucket_id, key, upload_id, initiated_ms, initiator, storage_class, algorithm, checksum_type, about = row
    return Upload(
        id=number,
        bucket_id=bucket_id,
        key=key,
        upload_id=upload_id,
        initiated_ms=initiated_ms,
        initiator=initiator,
        storage_class=storage_class,
        checksum_algorithm=algorithm,
        checksum_type=checksum_type,
        about=load_about(about),
    )


def _as_part(row: Row) -> Part:
    number, size, etag, modified_ms, checksums, file = row
    return Part(number, size, etag, modified_ms, orjson.loads(checksums), file)
