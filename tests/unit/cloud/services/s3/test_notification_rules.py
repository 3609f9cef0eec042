"""What a notification configuration may say, and whom an event is for."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.s3.configurations.notifications import Target, checked, targets_of

EVENTS = frozenset({"s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectRemoved:*", "s3:ObjectRemoved:Delete"})
QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"
Rule = dict[str, Any]  # Any: a rule of the API

_numbers = itertools.count(1)


def rule(event: str = "s3:ObjectCreated:*", prefix: str = "", suffix: str = "", **beside: str) -> Rule:
    filters = [{"Name": name, "Value": value} for name, value in (("prefix", prefix), ("suffix", suffix)) if value]
    found: Rule = {"QueueArn": QUEUE, "Events": [event], **beside}
    return {**found, "Filter": {"Key": {"FilterRules": filters}}} if filters else found


def keep(*rules: Rule) -> Mapping[str, Any]:  # Any: a configuration
    return checked({"QueueConfigurations": list(rules)}, EVENTS, lambda: f"id-{next(_numbers)}")


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (rule(prefix="a/"), rule(prefix="b/")),
        (rule(suffix=".jpg"), rule(suffix=".png")),
        (rule(prefix="a/", suffix=".jpg"), rule(prefix="a/", suffix=".png")),
        (rule("s3:ObjectCreated:*"), rule("s3:ObjectRemoved:*")),
    ],
)
def test_rules_that_share_no_key_or_no_event_stand_side_by_side(one: Rule, two: Rule) -> None:
    assert len(targets_of(keep(one, two))) == 2


@pytest.mark.parametrize(
    ("one", "two", "message"),
    [
        (rule(), rule("s3:ObjectCreated:Put"), "Configurations overlap."),
        (rule(prefix="a"), rule(prefix="a/b"), "Configuration is ambiguously defined."),
        (rule(suffix="jpg"), rule(suffix=".jpg"), "Configuration is ambiguously defined."),
        (rule(prefix="a"), rule(suffix=".jpg"), "Configuration is ambiguously defined."),
    ],
)
def test_rules_that_would_tell_of_one_event_twice_are_refused(one: Rule, two: Rule, message: str) -> None:
    with pytest.raises(ServiceError, match=message) as refused:
        keep(one, two)
    assert refused.value.code == "InvalidArgument"


@pytest.mark.parametrize(
    ("bad", "code", "message"),
    [
        (rule("s3:ObjectMoved:*"), "InvalidArgument", "The event 's3:ObjectMoved:\\*' is not supported"),
        ({**rule(), "QueueArn": "queue"}, "InvalidArgument", "The ARN could not be parsed"),
        ({**rule(), "QueueArn": "arn:aws:sns:us-east-1:1:t"}, "InvalidArgument", "The ARN could not be parsed"),
        ({**rule(), "Events": []}, "MalformedXML", "The XML you provided was not well-formed"),
        (
            {**rule(), "Filter": {"Key": {"FilterRules": [{"Name": "infix", "Value": "a"}]}}},
            "InvalidArgument",
            "filter rule name must be either prefix or suffix",
        ),
    ],
)
def test_a_rule_that_aws_does_not_take_is_refused_in_its_words(bad: Rule, code: str, message: str) -> None:
    with pytest.raises(ServiceError, match=message) as refused:
        keep(bad)
    assert refused.value.code == code


def test_every_rule_has_an_id_and_one_id_is_used_once() -> None:
    kept = keep(rule(prefix="a"), rule(prefix="b", Id="mine"))
    assert [each["Id"] for each in kept["QueueConfigurations"]][1] == "mine"
    assert kept["QueueConfigurations"][0]["Id"].startswith("id-")
    with pytest.raises(ServiceError, match="Same ID used for multiple configurations"):
        keep(rule(prefix="a", Id="one"), rule(prefix="b", Id="one"))


def test_names_of_filters_are_shown_as_aws_writes_them() -> None:
    kept = keep(rule(prefix="a", suffix="b"))
    names = [each["Name"] for each in kept["QueueConfigurations"][0]["Filter"]["Key"]["FilterRules"]]
    assert names == ["Prefix", "Suffix"]


_text = st.text(alphabet="ab", max_size=3)


@given(one=st.tuples(_text, _text), two=st.tuples(_text, _text), key=st.text(alphabet="ab", max_size=6))
def test_no_event_is_for_two_rules_that_do_not_overlap(one: tuple[str, str], two: tuple[str, str], key: str) -> None:
    targets = [Target("i", "sqs", QUEUE, ("s3:ObjectCreated:*",), prefix, suffix) for prefix, suffix in (one, two)]
    if not targets[0].overlaps(targets[1]):
        assert not all(target.wants("s3:ObjectCreated:Put", key) for target in targets)
