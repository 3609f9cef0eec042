"""What follows when records of a stream fail."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lambent.cloud.services.lambda_.event_sources.attempts import Part, RetryRules, after_failure, rules_of, young_of
from lambent.cloud.services.lambda_.model.event_source import SourceKind
from tests.unit.cloud.services.lambda_.event_sources.records import numbers, record
from tests.unit.cloud.services.lambda_.mappings import asked

BATCH = [record(number) for number in range(4)]


def test_a_batch_is_tried_as_often_as_the_mapping_says() -> None:
    parts, tries = [Part(BATCH)], 0
    while parts:
        tries += 1
        parts = after_failure(parts[0], 0, RetryRules(retries=2)) or []
    assert tries == 3


def test_without_a_limit_a_batch_is_tried_for_ever() -> None:
    part = Part(BATCH, failures=9999)
    assert after_failure(part, 0, RetryRules()) == [Part(BATCH, 10_000, 1)]


def test_halves_use_up_no_retries_until_the_record_is_found() -> None:
    rules, tried = RetryRules(retries=0, bisects=True), list[list[int]]()
    waiting, dropped = [Part(BATCH)], list[int]()
    while waiting:
        part = waiting.pop(0)
        tried.append(numbers(part.records))
        if 2 not in numbers(part.records):
            continue
        left = after_failure(part, 0, rules)
        dropped += numbers(part.records) if left is None else []
        waiting = [*(left or []), *waiting]
    assert tried == [[0, 1, 2, 3], [0, 1], [2, 3], [2], [3]]
    assert dropped == [2]


def test_what_was_handled_is_not_tried_again_and_the_rest_begins_anew() -> None:
    part = Part(BATCH, failures=2, invocations=2)
    assert after_failure(part, 3, RetryRules(retries=2, bisects=True)) == [Part(BATCH[3:], 0, 3)]


def test_records_that_have_become_too_old_are_parted_from_the_others() -> None:
    old, young = young_of(Part(BATCH, 1, 1), RetryRules(age_s=60), 61.5)
    assert (numbers(old), numbers(young.records), young.failures) == ([0, 1], [2, 3], 1)
    old, young = young_of(Part(BATCH), RetryRules(age_s=60), 1000)
    assert (numbers(old), list(young.records)) == ([0, 1, 2, 3], [])
    assert young_of(Part(BATCH), RetryRules(), 10.0**9) == ((), Part(BATCH))


def test_the_rules_are_those_of_the_mapping() -> None:
    assert rules_of(asked(SourceKind.KINESIS), SourceKind.KINESIS) == RetryRules()
    assert rules_of(asked(SourceKind.DYNAMODB), SourceKind.DYNAMODB) == RetryRules(age_s=86_400.0)
    said = asked(
        SourceKind.DYNAMODB, MaximumRetryAttempts=3, MaximumRecordAgeInSeconds=60, BisectBatchOnFunctionError=True
    )
    assert rules_of(said, SourceKind.DYNAMODB) == RetryRules(3, 60.0, bisects=True)


@given(st.sets(st.integers(0, 7)), st.integers(0, 3))
def test_with_halves_exactly_the_poisonous_records_are_given_up(poison: set[int], retries: int) -> None:
    rules = RetryRules(retries=retries, bisects=True)
    waiting, handled, dropped = [Part([record(number) for number in range(8)])], list[int](), list[int]()
    while waiting:
        part, *waiting = waiting
        if poison.isdisjoint(numbers(part.records)):
            handled += numbers(part.records)
        elif (left := after_failure(part, 0, rules)) is None:
            dropped += numbers(part.records)
        else:
            waiting = [*left, *waiting]
    assert dropped == sorted(poison)
    assert sorted(handled + dropped) == list(range(8))
