"""Buckets, versions of objects and uploads, as they are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lambent.cloud.store.scope import Scope

NULL_VERSION = "null"
STANDARD = "STANDARD"
Versioning = Literal["", "Enabled", "Suspended"]


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket: whose it is, where it is, and whether it keeps versions.

    `is_locked` is whether Object Lock may protect its objects.
    """

    id: int
    scope: Scope
    name: str
    created_ms: int
    versioning: Versioning = ""
    is_locked: bool = False

    @property
    def arn(self) -> str:
        """The bucket's ARN."""
        return f"arn:{self.scope.partition}:s3:::{self.name}"


@dataclass(frozen=True, slots=True)
class Retention:
    """What Object Lock says of one version: until when it is retained, in which mode, and whether it is held."""

    mode: str | None = None
    until: float | None = None
    is_held: bool | None = None

    def forbids_removal(self, now: float, *, bypasses_governance: bool) -> bool:
        """Whether the version may not be removed at `now`.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
        """
        if self.is_held:
            return True
        if self.until is None or self.until <= now:
            return False
        return self.mode == "COMPLIANCE" or not bypasses_governance


@dataclass(frozen=True, slots=True)
class PartFacts:
    """One part of an object that was uploaded in parts: its size and checksums, by member name."""

    size: int
    checksums: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class About:
    """What is told of an object beside its listing: all by the members' names of the service model."""

    headers: Mapping[str, Any] = field(default_factory=dict)  # Any: members of the model
    metadata: Mapping[str, str] = field(default_factory=dict)
    encryption: Mapping[str, Any] = field(default_factory=dict)  # Any: as above
    checksums: Mapping[str, str] = field(default_factory=dict)
    parts: Sequence[PartFacts] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    retention: Retention = Retention()
    acl: str | None = None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file with a part of a body, and how many bytes it has."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A version as listings show it; its `id` orders the versions of a key, the latest last."""

    id: int
    bucket_id: int
    key: str
    version_id: str
    is_marker: bool
    is_latest: bool
    modified_ms: int
    size: int
    etag: str
    storage_class: str
    checksum_algorithm: str
    checksum_type: str

    @property
    def modified(self) -> int:
        """When it was made, in the whole seconds that S3 shows."""
        return self.modified_ms // 1000


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an object, or a delete marker. One without files has its bytes beside it, or none."""

    entry: Entry
    about: About
    files: tuple[StoredFile, ...] = ()

    @property
    def quoted_etag(self) -> str:
        """The entity tag as headers and listings show it."""
        return f'"{self.entry.etag}"'


@dataclass(frozen=True, slots=True)
class Draft:
    """A version to be: all that the transaction that adds it does not decide itself.

    `small` are the bytes of a body that stands in the database, None for one in files.
    """

    key: str
    size: int
    etag: str
    storage_class: str
    checksum_algorithm: str
    checksum_type: str
    about: About
    files: tuple[StoredFile, ...] = ()
    small: bytes | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload that was begun."""

    id: int
    bucket_id: int
    key: str
    upload_id: str
    initiated_ms: int
    initiator: str
    storage_class: str
    checksum_algorithm: str
    checksum_type: str
    about: About


@dataclass(frozen=True, slots=True)
class Part:
    """One part of such an upload."""

    number: int
    size: int
    etag: str
    modified_ms: int
    checksums: Mapping[str, str]
    file: str
