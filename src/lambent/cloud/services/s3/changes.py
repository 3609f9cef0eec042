"""What other parts of S3 are told, and asked, by the operations on buckets and objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lambent.cloud.framework.context import Principal, RequestContext
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.s3.model.records import Bucket, Entry, Retention
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """A version of an object was made or removed, in the transaction under way.

    `event` is the event's name without `s3:` (`ObjectCreated:Put`); `scope` is the bucket's; `sequencer` orders the
    changes of one key. `trace` is the X-Amzn-Trace-Id of the request that made the change. `version_id` is None in a
    bucket that has never kept versions.
    """

    scope: Scope
    bucket: Bucket
    key: str
    size: int
    etag: str
    version_id: str | None
    sequencer: str
    event: str
    at: float
    caller: Principal
    peer: str
    request_id: str
    trace: str | None = None


Changes = Callable[[Transaction, ObjectChange], None]
"""Told of every change inside the transaction that makes it; what it enqueues there is as durable as the change."""


class Settings(Protocol):
    """What the bucket's configurations say, as far as operations on buckets and objects must know."""

    def bucket_made(
        self, transaction: Transaction, context: RequestContext, bucket: Bucket, parameters: Parameters
    ) -> None:
        """Keep what CreateBucket states beside name and region; raises ServiceError."""

    def bucket_removed(self, transaction: Transaction, bucket: Bucket) -> None:
        """Forget every configuration of the bucket."""

    def encryption(self, reader: Reader, bucket: Bucket) -> Mapping[str, Any]:  # Any: members of the model
        """Return the default encryption as PutObject's members (`ServerSideEncryption`, `SSEKMSKeyId` …)."""

    def retention(self, reader: Reader, bucket: Bucket, now: float) -> Retention:
        """Return what a new version is retained by that states nothing itself."""

    def cors_rules(self, reader: Reader, bucket: Bucket) -> Sequence[Mapping[str, Any]] | None:  # Any: CORSRule
        """Return the CORS rules of the bucket, None where it has no such configuration."""

    def expiration(self, reader: Reader, bucket: Bucket, entry: Entry, tags: Mapping[str, str]) -> str | None:
        """Return the x-amz-expiration of an object that a lifecycle rule will expire."""


class NoSettings:
    """A bucket without any configuration."""

    def bucket_made(
        self, transaction: Transaction, context: RequestContext, bucket: Bucket, parameters: Parameters
    ) -> None:
        """Keep nothing."""

    def bucket_removed(self, transaction: Transaction, bucket: Bucket) -> None:
        """There is nothing to forget."""

    def encryption(self, reader: Reader, bucket: Bucket) -> Mapping[str, Any]:  # Any: members of the model
        """Return S3's own default: https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html."""
        return {"ServerSideEncryption": "AES256"}

    def retention(self, reader: Reader, bucket: Bucket, now: float) -> Retention:
        """Nothing is retained."""
        return Retention()

    def cors_rules(self, reader: Reader, bucket: Bucket) -> Sequence[Mapping[str, Any]] | None:  # Any: CORSRule
        """Return None."""
        return None

    def expiration(self, reader: Reader, bucket: Bucket, entry: Entry, tags: Mapping[str, str]) -> str | None:
        """Nothing expires."""
        return None


def tell_nobody(transaction: Transaction, change: ObjectChange) -> None:
    """Take a change that nobody wants to hear of."""
