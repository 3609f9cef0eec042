"""What lifecycle rules do to objects: a pure decision over the versions of one key, and over one upload.

Days are counted from an object's creation, or from when a version stopped being current, and the moment is rounded up
to the next midnight UTC; a rule's date is a midnight itself. Where several rules fit, the earliest expiration wins, an
expiration wins over a transition, and the coldest storage class over the others.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

from lambent.cloud.services.s3.configurations.lifecycle import MINIMUM_SIZE

Document = Mapping[str, Any]  # Any: a lifecycle configuration as it is kept

_DAY_S = 86_400
_SMALLEST_MOVED = 128 * 1024
_COLDER = ("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
_ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an object, or a delete marker, as the rules see it; `created` is when it was put.

    One `is_locked` is kept by Object Lock: it is not removed.
    """

    key: str
    created: float
    size: int = 0
    version_id: str | None = None
    storage_class: str = "STANDARD"
    tags: Mapping[str, str] = field(default_factory=dict)
    is_marker: bool = False
    is_locked: bool = False


@dataclass(frozen=True, slots=True)
class Expire:
    """The current version expires, as if it were deleted without naming its version."""

    version: Version


@dataclass(frozen=True, slots=True)
class Remove:
    """A version, or a delete marker, is removed for good."""

    version: Version


@dataclass(frozen=True, slots=True)
class Move:
    """A version goes to another storage class."""

    version: Version
    storage_class: str


Action = Expire | Remove | Move


@dataclass(frozen=True, slots=True)
class Transition:
    """After how many days, or on which date, a version goes to `storage_class`, `newer` versions being kept."""

    storage_class: str
    days: int | None = None
    date: float | None = None
    newer: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """An enabled rule: which objects it is for, and what happens to them when."""

    id: str
    prefix: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    larger_than: int | None = None
    smaller_than: int | None = None
    days: int | None = None
    date: float | None = None
    removes_markers: bool = False
    transitions: Sequence[Transition] = ()
    noncurrent_days: int | None = None
    newer_noncurrent: int = 0
    noncurrent_transitions: Sequence[Transition] = ()
    abort_days: int | None = None
    small_may_move: bool = False

    def covers(self, version: Version) -> bool:
        """Whether the rule is for this version."""
        return (
            version.key.startswith(self.prefix)
            and all(version.tags.get(key) == value for key, value in self.tags.items())
            and (self.larger_than is None or version.size > self.larger_than)
            and (self.smaller_than is None or version.size < self.smaller_than)
        )

    def expires_at(self, version: Version) -> float | None:
        """Return when the rule expires this version while it is current, or None."""
        if self.date is not None:
            return self.date
        return None if self.days is None else midnight_after(version.created, self.days)


def rules_of(document: Document) -> list[Rule]:
    """Return the enabled rules of a configuration."""
    varies = document.get(MINIMUM_SIZE) == "varies_by_storage_class"
    return [_rule(rule, varies=varies) for rule in document["Rules"] if rule["Status"] == "Enabled"]


def midnight_after(moment: float, days: int) -> float:
    """Return the first midnight UTC behind `days` days after the moment.

    >>> midnight_after(10 * 3600.0, 3) / 86_400
    4.0
    """
    return (moment // _DAY_S + days + 1) * _DAY_S


def expiry(rules: Iterable[Rule], version: Version) -> tuple[float, str] | None:
    """Return when a current version expires, and by which rule; None where none expires it."""
    found = [
        (moment, rule.id) for rule in rules if rule.covers(version) and (moment := rule.expires_at(version)) is not None
    ]
    return min(found, default=None)


def expiration_header(rules: Iterable[Rule], version: Version) -> str | None:
    """Return what put, get and head say of a current version's expiry in `x-amz-expiration`; None where it has none."""
    found = expiry(rules, version)
    if found is None:
        return None
    return f'expiry-date="{formatdate(found[0], usegmt=True)}", rule-id="{quote(found[1], safe="")}"'


def actions(rules: Sequence[Rule], versions: Sequence[Version], now: float) -> list[Action]:
    """Return what is due for the versions of one key, which are given from the current one to the oldest."""
    current, *others = versions
    found = _due_for_marker(rules, current, others, now) if current.is_marker else _due_for_current(rules, current, now)
    for place, version in enumerate(others):
        since = versions[place].created  # it stopped being current when the one before it came
        due = _due_for_noncurrent(rules, version, since, place, now)
        if due is not None:
            found.append(due)
    return found


def aborts(rules: Iterable[Rule], key: str, initiated: float, now: float) -> bool:
    """Whether a multipart upload has been incomplete for too long."""
    return any(
        key.startswith(rule.prefix) and midnight_after(initiated, rule.abort_days) <= now
        for rule in rules
        if rule.abort_days is not None
    )


def _due_for_current(rules: Sequence[Rule], version: Version, now: float) -> list[Action]:
    found = expiry(rules, version)
    if found is not None and found[0] <= now:
        return [Expire(version)]
    moves = [
        each.storage_class
        for rule in rules
        if rule.covers(version)
        for each in rule.transitions
        if _moment(each, version.created) <= now and _may_move(rule, version, each)
    ]
    return _coldest(version, moves)


def _due_for_marker(rules: Sequence[Rule], marker: Version, others: Sequence[Version], now: float) -> list[Action]:
    # A marker with no version behind it hides nothing any more; an expiration in days removes one as well.
    if others:
        return []
    for rule in rules:
        if not marker.key.startswith(rule.prefix) or rule.tags:
            continue
        if rule.removes_markers or (rule.days is not None and midnight_after(marker.created, rule.days) <= now):
            return [Remove(marker)]
    return []


def _due_for_noncurrent(rules: Sequence[Rule], version: Version, since: float, newer: int, now: float) -> Action | None:
    fitting = [rule for rule in rules if rule.covers(version)]
    for rule in fitting:
        if (
            rule.noncurrent_days is not None
            and newer >= rule.newer_noncurrent
            and midnight_after(since, rule.noncurrent_days) <= now
            and not version.is_locked
        ):
            return Remove(version)
    moves = [
        each.storage_class
        for rule in fitting
        for each in rule.noncurrent_transitions
        if newer >= each.newer and _moment(each, since) <= now and _may_move(rule, version, each)
    ]
    return next(iter(_coldest(version, moves)), None)


def _coldest(version: Version, classes: Iterable[str]) -> list[Action]:
    there = _COLDER.index(version.storage_class) if version.storage_class in _COLDER else 0
    place = max((_COLDER.index(each) for each in classes), default=0)
    return [Move(version, _COLDER[place])] if place > there and not version.is_marker else []


def _moment(transition: Transition, since: float) -> float:
    return transition.date if transition.date is not None else midnight_after(since, transition.days or 0)


def _may_move(rule: Rule, version: Version, transition: Transition) -> bool:
    # Small objects stay where they are unless the rule asks for sizes itself:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
    if version.size >= _SMALLEST_MOVED or rule.larger_than is not None or rule.smaller_than is not None:
        return True
    return rule.small_may_move and transition.storage_class in _ARCHIVES


def _rule(document: Document, *, varies: bool) -> Rule:
    chosen: Document = document.get("Filter") or {}
    both: Document = chosen.get("And") or chosen
    tags: Sequence[Mapping[str, str]] = both.get("Tags") or ([both["Tag"]] if "Tag" in both else [])
    expiration: Document = document.get("Expiration") or {}
    noncurrent: Document = document.get("NoncurrentVersionExpiration") or {}
    return Rule(
        id=document["ID"],
        prefix=document.get("Prefix") or both.get("Prefix") or "",
        tags={tag["Key"]: tag["Value"] for tag in tags},
        larger_than=both.get("ObjectSizeGreaterThan"),
        smaller_than=both.get("ObjectSizeLessThan"),
        days=expiration.get("Days"),
        date=expiration.get("Date"),
        removes_markers=bool(expiration.get("ExpiredObjectDeleteMarker")),
        transitions=[
            Transition(each["StorageClass"], each.get("Days"), each.get("Date"))
            for each in document.get("Transitions", ())
        ],
        noncurrent_days=noncurrent.get("NoncurrentDays"),
        newer_noncurrent=noncurrent.get("NewerNoncurrentVersions", 0),
        noncurrent_transitions=[
            Transition(each["StorageClass"], each["NoncurrentDays"], newer=each.get("NewerNoncurrentVersions", 0))
            for each in document.get("NoncurrentVersionTransitions", ())
        ],
        abort_days=(document.get("AbortIncompleteMultipartUpload") or {}).get("DaysAfterInitiation"),
        small_may_move=varies,
    )
