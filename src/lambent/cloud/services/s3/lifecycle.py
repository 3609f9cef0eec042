"""The loop that does what lifecycle rules ask: key by key, in small transactions.

Every moment of a rule is a midnight UTC: one look at a bucket in a day is enough, and one more when its rules change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby

from lambent.base.clock import Clock
from lambent.base.tasks import let_others_run
from lambent.cloud.framework.context import RequestContext, service_principal
from lambent.cloud.services.s3 import configuration_repository as configurations
from lambent.cloud.services.s3 import repository
from lambent.cloud.services.s3.configurations import expiry
from lambent.cloud.services.s3.configurations.kinds import LIFECYCLE
from lambent.cloud.services.s3.events import S3_HOST
from lambent.cloud.services.s3.model.records import NULL_VERSION, About, Bucket, Entry, Upload, Version
from lambent.cloud.services.s3.operations.common import Parts, change_of, new_version_id, now_ms
from lambent.cloud.services.s3.repository import KeyRange
from lambent.cloud.services.s3.upload_repository import UploadRange, remove_upload, upload, uploads
from lambent.cloud.store.unit_of_work import Transaction

PERIOD_S = 3600.0
_DAY_S = 86_400
_PAGE = 500
_AT_ONCE = 50


class Lifecycle:
    """Carries out the lifecycle rules of every bucket."""

    def __init__(self, parts: Parts, clock: Clock) -> None:
        self._parts = parts
        self._clock = clock
        self._looked_at: dict[int, tuple[float, str]] = {}  # by bucket: on which day, with which rules

    async def step(self) -> None:
        """Look at every bucket that has rules and was not looked at since midnight, or whose rules are new."""
        now = self._clock.now()
        there = list(configurations.all_of_kind(self._parts.store.read, LIFECYCLE.name))
        self._looked_at = {
            bucket_id: self._looked_at[bucket_id] for bucket_id, _ in there if bucket_id in self._looked_at
        }
        for bucket_id, text in there:
            today = (now // _DAY_S, text)
            bucket = repository.bucket_by_id(self._parts.store.read, bucket_id)
            document = configurations.loaded(text)
            if bucket is None or document is None or self._looked_at.get(bucket_id) == today:
                continue
            await self._look_at(bucket, expiry.rules_of(document), now)
            self._looked_at[bucket_id] = today

    async def _look_at(self, bucket: Bucket, rules: Sequence[expiry.Rule], now: float) -> None:
        context = RequestContext(  # what stands for a request where nobody made one
            scope=bucket.scope,
            caller=service_principal(S3_HOST, bucket.scope, bucket.arn),
            request_id=self._parts.ids.base32(16),
            now=now,
            peer=S3_HOST,
        )
        look = _Look(self._parts, context, bucket, rules)
        for prefix in _prefixes(rules):
            await look.at_keys(prefix)
        if any(rule.abort_days is not None for rule in rules):
            await look.at_uploads()


class _Look:
    """One look at a bucket: what is due there is carried out."""

    def __init__(self, parts: Parts, context: RequestContext, bucket: Bucket, rules: Sequence[expiry.Rule]) -> None:
        self._parts = parts
        self._reader = parts.store.read
        self._context = context
        self._bucket = bucket
        self._rules = rules
        self._reads_versions = bucket.is_locked or any(rule.tags for rule in rules)

    async def at_keys(self, prefix: str) -> None:
        """Carry out what is due for the keys with a prefix."""
        begin, now = "", self._context.now
        while True:
            keys = KeyRange(self._bucket.id, prefix, begin, includes_begin=False, limit=_PAGE)
            entries = repository.versions(self._reader, keys)
            if not entries:
                return
            begin = entries[-1].key
            due: list[expiry.Action] = []
            for key, group in groupby(entries, lambda entry: entry.key):
                versions = list(group)
                if key == begin and len(entries) == _PAGE:
                    versions += self._rest(key, versions[-1].id)
                due += expiry.actions(self._rules, [self._seen(entry) for entry in versions], now)
            for start in range(0, len(due), _AT_ONCE):
                await self._parts.store.write(partial(self._carry_out, due[start : start + _AT_ONCE]))
            await let_others_run()

    async def at_uploads(self) -> None:
        """Abort the multipart uploads that have been incomplete for too long."""
        after_key: str = ""
        after_upload: str | None = None
        while True:
            wanted = UploadRange(self._bucket.id, "", after_key, after_upload, _PAGE)
            found = uploads(self._reader, wanted)
            if not found:
                return
            after_key, after_upload = found[-1].key, found[-1].upload_id
            due = [
                each
                for each in found
                if expiry.aborts(self._rules, each.key, each.initiated_ms / 1000, self._context.now)
            ]
            for start in range(0, len(due), _AT_ONCE):
                await self._parts.store.write(partial(_abort, due[start : start + _AT_ONCE]))
            await let_others_run()

    def _rest(self, key: str, number: int) -> Iterator[Entry]:
        """Yield the versions of a key beyond a page, which may be many."""
        while True:
            keys = KeyRange(self._bucket.id, key, key, includes_begin=True, limit=_PAGE)
            found = [entry for entry in repository.versions(self._reader, keys, older_than=number) if entry.key == key]
            yield from found
            if len(found) < _PAGE:
                return
            number = found[-1].id

    def _seen(self, entry: Entry) -> expiry.Version:
        """Return a version as the rules see it; its tags and its retention are read only where they matter."""
        version: Version | None = None
        if self._reads_versions:
            version = repository.version(self._reader, self._bucket.id, entry.key, entry.version_id)
        about = version.about if version else About()
        return expiry.Version(
            key=entry.key,
            created=entry.modified_ms / 1000,
            size=entry.size,
            version_id=entry.version_id,
            storage_class=entry.storage_class,
            tags=about.tags,
            is_marker=entry.is_marker,
            is_locked=about.retention.forbids_removal(self._context.now, bypasses_governance=False),
        )

    def _carry_out(self, due: Sequence[expiry.Action], transaction: Transaction) -> None:
        bucket = repository.bucket_by_id(transaction, self._bucket.id)
        if bucket is None:
            return  # it was deleted meanwhile, and everything in it before
        for action in due:
            wanted = action.version
            version = repository.version(transaction, bucket.id, wanted.key, wanted.version_id or NULL_VERSION)
            # It may have gone, or another come in its place, since it was looked at.
            if version is None or version.entry.modified_ms / 1000 != wanted.created:
                continue
            match action:
                case expiry.Expire():
                    if version.entry.is_latest:
                        self._expire(transaction, bucket, version)
                case expiry.Remove():
                    self._remove(transaction, version)
                case expiry.Move():
                    repository.change_storage_class(transaction, version.entry.id, action.storage_class)
                    number = repository.next_number(transaction)
                    self._tell(transaction, number, "LifecycleTransition", version.entry)

    def _expire(self, transaction: Transaction, bucket: Bucket, version: Version) -> None:
        if not bucket.versioning:
            self._remove(transaction, version)
            return
        version_id = new_version_id(self._parts, bucket)
        marker = repository.add_marker(transaction, bucket, version.entry.key, version_id, now_ms(self._context))
        self._tell(transaction, marker.id, "LifecycleExpiration:DeleteMarkerCreated", marker)

    def _remove(self, transaction: Transaction, version: Version) -> None:
        number = repository.remove_version(transaction, version)
        if not version.entry.is_marker:
            self._tell(transaction, number, "LifecycleExpiration:Delete", version.entry)

    def _tell(self, transaction: Transaction, number: int, event: str, entry: Entry) -> None:
        change = change_of(self._context, self._bucket, entry.key, number=number, event=event, entry=entry)
        self._parts.changes(transaction, change)


def _abort(due: Sequence[Upload], transaction: Transaction) -> None:
    for each in due:
        # It may have been completed since it was looked at.
        present = upload(transaction, each.bucket_id, each.key, each.upload_id)
        if present is not None:
            remove_upload(transaction, present)


def _prefixes(rules: Sequence[expiry.Rule]) -> list[str]:
    """Return the prefixes of the rules, without those that another of them covers."""
    found: list[str] = []
    for prefix in sorted({rule.prefix for rule in rules}):
        if not found or not prefix.startswith(found[-1]):
            found.append(prefix)
    return found
