"""What lifecycle rules do to the versions of a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.cloud.services.s3.configurations.expiry import (
    Action,
    Expire,
    Move,
    Remove,
    Rule,
    Version,
    aborts,
    actions,
    expiration_header,
    midnight_after,
    rules_of,
)

DAY = 86_400.0
MEGABYTE = 1 << 20
Document = Mapping[str, Any]  # Any: a lifecycle rule of the API


def rules(*documents: Document) -> list[Rule]:
    return rules_of({"Rules": [{"ID": f"r{n}", "Status": "Enabled", **each} for n, each in enumerate(documents)]})


def what(found: Sequence[Action]) -> list[tuple[str, str | None]]:
    return [(type(each).__name__, each.version.version_id) for each in found]


@given(st.floats(min_value=0, max_value=4e9), st.integers(min_value=0, max_value=4000))
def test_an_expiry_is_the_first_midnight_behind_the_days(moment: float, days: int) -> None:
    found = midnight_after(moment, days)
    assert found % DAY == 0
    assert moment + days * DAY < found <= moment + (days + 1) * DAY


def test_an_object_expires_at_midnight_and_not_before() -> None:
    found = rules({"Filter": {}, "Expiration": {"Days": 3}})
    version = Version("k", created=10.5 * 3600, version_id="v")
    assert actions(found, [version], 4 * DAY - 1) == []
    assert actions(found, [version], 4 * DAY) == [Expire(version)]


def test_a_date_expires_what_is_there_from_then_on() -> None:
    found = rules({"Filter": {}, "Expiration": {"Date": 10 * DAY}})
    version = Version("k", created=0.0)
    assert actions(found, [version], 10 * DAY - 1) == []
    assert actions(found, [version], 10 * DAY) == [Expire(version)]


@pytest.mark.parametrize(
    ("chosen", "fits"),
    [
        ({}, True),
        ({"Prefix": "logs/"}, True),
        ({"Prefix": "other/"}, False),
        ({"Tag": {"Key": "keep", "Value": "no"}}, True),
        ({"Tag": {"Key": "keep", "Value": "yes"}}, False),
        ({"ObjectSizeGreaterThan": 99}, True),
        ({"ObjectSizeGreaterThan": 100}, False),
        ({"ObjectSizeLessThan": 101}, True),
        ({"ObjectSizeLessThan": 100}, False),
        ({"And": {"Prefix": "logs/", "Tags": [{"Key": "keep", "Value": "no"}]}}, True),
        ({"And": {"Prefix": "logs/", "ObjectSizeLessThan": 10}}, False),
    ],
)
def test_a_filter_chooses_by_prefix_tags_and_size(chosen: Document, *, fits: bool) -> None:
    version = Version("logs/k", created=0.0, size=100, tags={"keep": "no"})
    found = actions(rules({"Filter": chosen, "Expiration": {"Days": 1}}), [version], 2 * DAY)
    assert bool(found) is fits


def test_a_disabled_rule_does_nothing() -> None:
    found = rules({"Filter": {}, "Status": "Disabled", "Expiration": {"Days": 1}})
    assert actions(found, [Version("k", created=0.0)], 100 * DAY) == []


def test_noncurrent_versions_are_counted_from_when_they_were_replaced() -> None:
    found = rules({"Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 2}})
    versions = [
        Version("k", created=9.5 * DAY, version_id="now"),
        Version("k", created=7.5 * DAY, version_id="second"),
        Version("k", created=0.0, version_id="first"),
    ]
    assert what(actions(found, versions, 11 * DAY)) == [("Remove", "first")]
    assert what(actions(found, versions, 12 * DAY)) == [("Remove", "second"), ("Remove", "first")]


def test_newer_noncurrent_versions_are_kept() -> None:
    kept = {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}
    found = rules({"Filter": {}, "NoncurrentVersionExpiration": kept})
    versions = [Version("k", created=float(9 - n), version_id=str(n)) for n in range(5)]
    assert what(actions(found, versions, 100 * DAY)) == [("Remove", "3"), ("Remove", "4")]


def test_a_locked_version_is_not_removed() -> None:
    found = rules({"Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}})
    versions = [Version("k", created=1.0), Version("k", created=0.0, is_locked=True)]
    assert actions(found, versions, 100 * DAY) == []


def test_a_delete_marker_goes_once_nothing_is_behind_it() -> None:
    found = rules({"Filter": {}, "Expiration": {"ExpiredObjectDeleteMarker": True}})
    marker = Version("k", created=1.0, version_id="m", is_marker=True)
    assert actions(found, [marker, Version("k", created=0.0)], 100 * DAY) == []
    assert actions(found, [marker], 2.0) == [Remove(marker)]


def test_a_lone_delete_marker_expires_by_days_too() -> None:
    found = rules({"Filter": {}, "Expiration": {"Days": 1}})
    marker = Version("k", created=1.0, is_marker=True)
    assert actions(found, [marker], DAY) == []
    assert actions(found, [marker], 2 * DAY) == [Remove(marker)]


def test_the_coldest_class_that_is_due_wins_and_none_gets_warmer() -> None:
    moves = [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 60, "StorageClass": "GLACIER"}]
    found = rules({"Filter": {}, "Transitions": moves})
    large = Version("k", created=0.0, size=MEGABYTE)
    assert actions(found, [large], 31 * DAY) == [Move(large, "STANDARD_IA")]
    assert actions(found, [large], 61 * DAY) == [Move(large, "GLACIER")]
    cold = Version("k", created=0.0, size=MEGABYTE, storage_class="DEEP_ARCHIVE")
    assert actions(found, [cold], 61 * DAY) == []


def test_small_objects_do_not_move_unless_the_rule_asks_for_sizes() -> None:
    move = {"Transitions": [{"Days": 0, "StorageClass": "GLACIER"}]}
    small = Version("k", created=0.0, size=1000)
    assert actions(rules({"Filter": {}, **move}), [small], DAY) == []
    assert actions(rules({"Filter": {"ObjectSizeGreaterThan": 1}, **move}), [small], DAY) == [Move(small, "GLACIER")]


def test_an_expiration_wins_over_a_transition() -> None:
    both = {"Transitions": [{"Days": 30, "StorageClass": "GLACIER"}], "Expiration": {"Days": 31}}
    version = Version("k", created=0.0, size=MEGABYTE)
    assert actions(rules({"Filter": {}, **both}), [version], 40 * DAY) == [Expire(version)]


def test_the_header_names_the_rule_that_expires_first() -> None:
    found = rules({"Filter": {}, "Expiration": {"Days": 9}}, {"ID": "a rule", "Filter": {}, "Expiration": {"Days": 1}})
    header = expiration_header(found, Version("k", created=0.0))
    assert header == 'expiry-date="Sat, 03 Jan 1970 00:00:00 GMT", rule-id="a%20rule"'


def test_an_upload_is_aborted_after_its_days() -> None:
    found = rules({"Filter": {"Prefix": "in/"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}})
    assert not aborts(found, "in/k", 0.0, 2 * DAY - 1)
    assert aborts(found, "in/k", 0.0, 2 * DAY)
    assert not aborts(found, "out/k", 0.0, 9 * DAY)
