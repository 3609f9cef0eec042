"""Event patterns: which events they fit, which of them AWS takes, and what it says of the others."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambent.aws.event_pattern import EVENT_SOURCE_MAPPING, EventPattern, PatternError, PatternIndex

EVENT = {
    "source": "shop",
    "detail-type": "Order",
    "resources": ["arn:a", "arn:b"],
    "detail": {
        "state": "paid",
        "empty": "",
        "nothing": None,
        "count": 5,
        "ratio": 0.5,
        "open": True,
        "none": [],
        "ip": "10.0.0.7",
        "ip6": "2001:db8:1234:1a00::5",
        "path": "dir/init/file.PNG",
        "lines": [{"kind": "a", "price": 1}, {"kind": "b", "price": 2}],
    },
}


def detail(name: str, *candidates: object) -> dict[str, object]:
    return {"detail": {name: list(candidates)}}


FITTING = [
    {"source": ["shop"]},
    {"source": ["other", "shop"], "detail-type": ["Order"]},
    {"resources": ["arn:b", "arn:c"]},
    {"detail.state": ["paid"]},
    detail("state", {"prefix": "pa"}),
    detail("state", {"prefix": {"equals-ignore-case": "PA"}}),
    detail("state", {"prefix": ""}),
    detail("path", {"suffix": ".PNG"}),
    detail("path", {"suffix": {"equals-ignore-case": ".png"}}),
    detail("state", {"equals-ignore-case": "PAID"}),
    detail("empty", ""),
    detail("empty", {"equals-ignore-case": ""}),
    detail("nothing", None),
    detail("nothing", {"exists": True}),
    detail("nothing", {"anything-but": "paid"}),
    detail("count", 5.0),
    detail("count", {"numeric": ["=", 5]}),
    detail("count", {"numeric": [">", 0, "<=", 5]}),
    detail("count", {"anything-but": {"prefix": "5"}}),
    detail("ratio", {"numeric": ["<", 1]}),
    {"detail": {"open": [True]}},
    detail("missing", {"exists": False}),
    detail("missing", {"anything-but": ["roses"]}, {"exists": False}),
    detail("none", {"exists": False}),
    {"detail": {"state": {"deeper": [{"exists": False}]}}},
    detail("ip", {"cidr": "10.0.0.0/24"}),
    detail("ip6", {"cidr": "2001:db8:1234:1a00::/64"}),
    detail("ip6", "2001:0db8:1234:1a00:0:0:0:5"),
    detail("path", {"wildcard": "dir/*/file*"}),
    detail("path", {"wildcard": "*"}),
    detail("state", {"anything-but": "open"}),
    detail("state", {"anything-but": ["open", "shut"]}),
    detail("count", {"anything-but": [1, 2]}),
    detail("state", {"anything-but": {"prefix": ["x", "y"]}}),
    detail("state", {"anything-but": {"suffix": "x"}}),
    detail("state", {"anything-but": {"equals-ignore-case": ["OPEN"]}}),
    detail("path", {"anything-but": {"wildcard": ["*/lib/*", "*.gif"]}}),
    detail("path", {"anything-but": {"wildcard": ""}}),
    {"$or": [{"source": ["nobody"]}, {"detail": {"count": [{"numeric": [">", 4]}]}}]},
    {"detail": {"lines": {"kind": ["b"], "price": [2]}}},
    {"detail": {"lines": {"kind": ["a", "b"]}, "state": ["paid"]}},
]
MISSING = [
    {"source": ["Shop"]},
    {"source": [{"prefix": "sho"}], "detail-type": ["Refund"]},
    {"resources": ["arn:c"]},
    {"Source": ["shop"]},
    detail("state", {"prefix": "id"}),
    detail("empty", None),
    detail("nothing", ""),
    detail("none", None),
    detail("none", {"exists": True}),
    detail("missing", {"anything-but": "x"}),
    detail("missing", {"anything-but": {"wildcard": "*x"}}),
    detail("state", {"exists": False}),
    detail("lines", {"exists": True}),
    detail("count", "5"),
    detail("count", {"prefix": "5"}),
    detail("count", {"numeric": [">", 5]}),
    detail("count", {"numeric": [">", 0, "<", 5]}),
    detail("open", 1),
    detail("open", "true"),
    detail("state", {"numeric": ["=", 5]}),
    detail("nothing", {"numeric": ["<", 5]}),
    detail("ip", {"cidr": "10.0.1.0/24"}),
    detail("state", {"cidr": "10.0.1.0/24"}),
    detail("ip6", {"cidr": "10.0.0.0/8"}),
    detail("path", {"wildcard": "dir/*/file"}),
    detail("path", {"wildcard": r"dir/\*"}),
    detail("state", {"anything-but": ["paid", "open"]}),
    detail("count", {"anything-but": 5}),
    detail("state", {"anything-but": {"prefix": ["pa"]}}),
    detail("state", {"anything-but": {"equals-ignore-case": "Paid"}}),
    detail("path", {"anything-but": {"wildcard": "*/init/*"}}),
    {"$or": [{"source": ["nobody"]}, {"detail-type": ["nothing"]}]},
    {"detail": {"lines": {"kind": ["a"], "price": [2]}}},
]  # fmt: skip


@pytest.mark.parametrize("pattern", FITTING, ids=json.dumps)
def test_event_fits(pattern: object) -> None:
    assert EventPattern.parse(json.dumps(pattern)).matches(EVENT)


@pytest.mark.parametrize("pattern", MISSING, ids=json.dumps)
def test_event_does_not_fit(pattern: object) -> None:
    assert not EventPattern.parse(json.dumps(pattern)).matches(EVENT)


VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
TOO_COMPLEX = (
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences"
    " after a wildcard character"
)

# Recorded from AWS: the reason, and the column where AWS says that its parser stands, however often.
RECORDED = [
    ('{"int": 42}', '"int" must be an object or an array', 11, 1),
    ('{"string": "my-value"}', '"string" must be an object or an array', 13, 1),
    ('{"resources": []}', "Empty arrays are not allowed", 17, 1),
    ('{"my_key": [{"EXISTS": true}]}', "Unrecognized match type EXISTS", 28, 1),
    ('{"detail": {"equal": [{"NUMERIC": ["=", 5]}]}}', "Unrecognized match type NUMERIC", 36, 1),
    ('{"detail": {"c-count": [{"numeric": [">", 0, ">", 0]}]}}', "Bad numeric range operator: >", 49, 1),
    ('{"detail": {"c-count": [{"numeric": [">", 0, "<"]}]}}', "Value of < must be numeric", 50, 1),
    (
        '{"detail-type": [{"equals-ignore-case": ["ec2 instance state-change notification"]}]}',
        "equals-ignore-case match pattern must be a string", 42, 1,
    ),
    (
        '{"detail": {"state": [{"anything-but": {"equals-ignore-case": 123}}]}}',
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.", 66, 1,
    ),
    (
        '{"detail": {"state": [{"anything-but": {"equals-ignore-case": [123, 456]}}]}}',
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.", 67, 2,
    ),
    (
        '{"detail": {"state": [{"anything-but": {"wildcard": [123, "*/dir/*"]}}]}}',
        "wildcard match pattern must be a string", 57, 2,
    ),
    (
        '{"detail": {"FilePath": [{"anything-but": {"wildcard": 123}}]}}',
        "wildcard match pattern must be a string", 59, 1,
    ),
    (
        '{"detail": {"FileName": [{"anything-but": {"suffix": [123, ".txt"]}}]}}',
        "prefix/suffix match pattern must be a string", 58, 2,
    ),
    ('{"time": [{"prefix": ["2022-07-13"]}]}', "prefix match pattern must be a string", 23, 1),
    ('{"FileName": [{"suffix": 123}]}', "suffix match pattern must be a string", 29, 1),
    (
        '{"detail": {"FileName": [{"anything-but": {"prefix": {"equals-ignore-case": "file"}}}]}}',
        "Value of anything-but must be an array or single string/number value.", 55, 1,
    ),
    ('{"detail": {"sourceIPAddress": [{"cidr": ["bad-type"]}]}}', "prefix match pattern must be a string", 43, 1),
    ('["not", "a", "dict", "but valid json"]', "Filter is not an object", 2, 1),
    (
        "this is valid json but not a dict",
        f"Unrecognized token 'this': was expecting {VALUES}",
        5, 1,
    ),
    (
        "{'bad': 'quotation'}",
        "Unexpected character (''' (code 39)): was expecting double-quote to start field name", 2, 1,
    ),
    (
        '{"not": closed mark"',
        f"Unrecognized token 'closed': was expecting {VALUES}",
        15, 1,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "reason", "column", "times"), RECORDED)
def test_refusal_is_awss_to_the_column(text: str, reason: str, column: int, times: int) -> None:
    with pytest.raises(PatternError) as refused:
        EventPattern.parse(text)

    assert str(refused.value) == reason + f'\n at [Source: (String)"{text}"; line: 1, column: {column}]' * times


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ({"a": [{"cidr": "10.0.0.0"}]}, "Malformed CIDR, one '/' required"),
        ({"a": [{"cidr": "10.0.0.0/x"}]}, "Malformed CIDR, mask bits must be an integer"),
        ({"a": [{"cidr": "10.0.0.0/32"}]}, "IPv4 mask bits must be < 32"),
        ({"a": [{"cidr": "xx.11.xx/8"}]}, "Nonstandard IP address: xx.11.xx"),
        ({"a": [{"cidr": "xxxx:db8:1234:1a00::/64"}]}, "Nonstandard IP address: xxxx:db8:1234:1a00::"),
        ({"EventBusArn": [{"wildcard": "*:*:*:*:*:event-bus/*"}]}, TOO_COMPLEX),
        ({"key": [{"wildcard": f"*.{kind}"} for kind in ("bif", "tiff", "tif", "svs")]}, TOO_COMPLEX),
    ],
)
def test_refusal_without_a_place(pattern: object, reason: str) -> None:
    with pytest.raises(PatternError) as refused:
        EventPattern.parse(json.dumps(pattern))

    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("pattern", "beginning"),
    [
        ({"a": [{"wildcard": "arn:**:b"}]}, "Consecutive wildcard characters at pos 5\n"),
        ({"a": [{"wildcard": "a\\b"}]}, "Invalid escape character at pos 2\n"),
        ({"a": {}}, "Empty objects are not allowed\n"),
        ({"a": [["b"]]}, "Match value must be String, number, true, false, or null\n"),
        ({"a": [{}]}, "Match expression name not found\n"),
        ({"a": [{"prefix": "a", "suffix": "b"}]}, "Only one key allowed in match expression\n"),
        ({"a": [{"anything-but": ["a", 1]}]}, "Inside anything but list, either all values are number or string,"),
        ({"a": [{"anything-but": [None]}]}, "Inside anything but list, start|null|boolean is not supported.\n"),
        ({"a": [{"anything-but": {"numeric": ["=", 1]}}]}, "Unsupported anything-but pattern: numeric\n"),
        ({"a": [{"exists": "yes"}]}, "exists match pattern must be either true or false.\n"),
        ({"a": [{"numeric": []}]}, "Invalid member in numeric match: ]\n"),
        ({"$or": [{"a": ["b"]}]}, "There must have at least 2 Objects in $or relationship.\n"),
        ({"$or": {"a": ["b"]}}, "It must be an Array followed with $or.\n"),
        ({"$or": [{"a": ["b"]}, "c"]}, "Only JSON object is allowed in array of $or relationship.\n"),
        ({"$or": [{"a": ["b"]}, {"prefix": ["c"]}]}, "prefix is Ruler reserved fieldName which cannot be used inside"),
    ],
)
def test_other_refusals(pattern: object, beginning: str) -> None:
    with pytest.raises(PatternError) as refused:
        EventPattern.parse(json.dumps(pattern))

    assert str(refused.value).startswith(beginning)


@pytest.mark.parametrize("operator", [{"wildcard": "a*"}, {"cidr": "10.0.0.0/8"}, {"anything-but": {"wildcard": "a"}}])
def test_filters_of_mappings_lack_operators(operator: object) -> None:
    with pytest.raises(PatternError):
        EventPattern.parse(json.dumps({"a": [operator]}), EVENT_SOURCE_MAPPING)


WORDS = st.sampled_from(["a", "ab", "b", "", "10.0.0.1"])
SCALARS = st.one_of(WORDS, st.integers(-2, 2), st.booleans(), st.none())
EVENTS = st.recursive(
    st.dictionaries(st.sampled_from("xyz"), st.one_of(SCALARS, st.lists(SCALARS, max_size=2))),
    lambda inner: st.dictionaries(st.sampled_from("xyz"), st.one_of(inner, st.lists(inner, max_size=2), SCALARS)),
    max_leaves=6,
)
CANDIDATES = st.one_of(
    SCALARS,
    WORDS.map(lambda word: {"prefix": word}),
    WORDS.map(lambda word: {"anything-but": word}),
    st.booleans().map(lambda wanted: {"exists": wanted}),
    st.integers(-2, 2).map(lambda bound: {"numeric": [">=", bound]}),
)
LEAVES = st.lists(CANDIDATES, min_size=1, max_size=3)
PATTERNS = st.recursive(
    st.dictionaries(st.sampled_from("xyz"), LEAVES, min_size=1, max_size=2),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("xyz"), st.one_of(inner, LEAVES), min_size=1, max_size=2),
        st.lists(inner, min_size=2, max_size=3).map(lambda either: {"$or": either}),
    ),
    max_leaves=4,
).map(lambda pattern: EventPattern.parse(json.dumps(pattern)))


@settings(max_examples=60, deadline=None)
@given(st.lists(PATTERNS, max_size=8), st.lists(EVENTS, min_size=1, max_size=4), st.sets(st.integers(0, 7)))
def test_index_finds_what_trying_every_pattern_finds(
    patterns: list[EventPattern], events: list[dict[str, object]], removed: set[int]
) -> None:
    index: PatternIndex[int] = PatternIndex()
    for number, pattern in enumerate(patterns):
        index.add(number, pattern)
    for number in removed:
        index.remove(number)

    for event in events:
        expected = [n for n, pattern in enumerate(patterns) if n not in removed and pattern.matches(event)]
        assert sorted(index.matching(event)) == expected


@settings(max_examples=60, deadline=None)
@given(SCALARS, WORDS)
def test_anything_but_takes_what_the_exact_value_does_not(value: object, word: str) -> None:
    exact = EventPattern.parse(json.dumps({"x": [word]})).matches({"x": value})

    assert EventPattern.parse(json.dumps({"x": [{"anything-but": word}]})).matches({"x": value}) is not exact


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet='{}[]",:a1\\ \n$or', max_size=30))
def test_no_text_is_too_odd(text: str) -> None:
    with contextlib.suppress(PatternError):
        assert EventPattern.parse(text).branches


def test_elements_of_nested_lists_belong_together() -> None:
    event = {"orders": [{"id": 1, "lines": [{"k": "a", "n": 1}, {"k": "b", "n": 2}]}, {"id": 2, "lines": []}]}

    def fits(order: int, kind: str, number: int) -> bool:
        return EventPattern.parse(
            json.dumps({"orders": {"id": [order], "lines": {"k": [kind], "n": [number]}}})
        ).matches(event)

    assert fits(1, "a", 1)
    assert not fits(1, "a", 2)
    assert not fits(2, "a", 1)
