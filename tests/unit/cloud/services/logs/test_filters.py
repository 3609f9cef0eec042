from __future__ import annotations

import json

import pytest

from lambent.cloud.services.logs.filters import InvalidPatternError, compile_pattern

LINE = "[ERROR 401] UNAUTHORIZED REQUEST for user_1"
ACCESS = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
DOCUMENT = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "ThisFlag": True,
        "user": {"id": 1, "email": "John.Stiles@example.com", "latency": 12.5},
        "dotted.name": "x",
    }
)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("", True),
        ("   ", True),
        ("ERROR", True),
        ("error", False),
        ("ERROR REQUEST", True),
        ("ERROR MISSING", False),
        ("?MISSING ?REQUEST", True),
        ("?MISSING ?ABSENT", False),
        ("ERROR -REQUEST", False),
        ("ERROR -MISSING", True),
        ("-REQUEST", False),
        ('"UNAUTHORIZED REQUEST"', True),
        ('"REQUEST UNAUTHORIZED"', False),
        ('-"[ERROR 401]"', False),
        ("user_1", True),
        ("%AUTH[A-Z]+%", True),
        ("%^ERROR%", False),
    ],
)
def test_terms(pattern: str, matches: bool) -> None:  # noqa: FBT001 - a table's column
    assert compile_pattern(pattern)(LINE) is matches


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ('{ $.eventType = "UpdateTrail" }', True),
        ("{ $.eventType = UpdateTrail }", True),
        ('{ $.eventType != "UpdateTrail" }', False),
        ('{ $.missing != "x" }', False),
        ("{ $.sourceIPAddress = 111.111.* }", True),
        ("{ $.sourceIPAddress != 123.123.* }", True),
        ('{ $.arrayKey[0] = "value" }', True),
        ('{ $.arrayKey[1] = "value" }', False),
        ('{ $.arrayKey[*] = "another*" }', True),
        ("{ $.objectList[*].id > 1 }", True),
        ("{ $.objectList[1].id < 2 }", False),
        ("{ $.SomeObject IS NULL }", True),
        ("{ $.ThisFlag IS TRUE }", True),
        ("{ $.ThisFlag IS FALSE }", False),
        ("{ $.SomeOtherObject NOT EXISTS }", True),
        ("{ $.user NOT EXISTS }", False),
        ("{ $.user.latency >= 1.25e1 }", True),
        ("{ $.user.latency < -3 }", False),
        ('{ $.user.id = 1 && $.user.email = "John*" }', True),
        ('{ $.user.id = 2 || $.user.email = "John*" }', True),
        ('{ $.user.id = 2 && ($.user.id = 1 || $.user.email = "John*") }', False),
        ("{ $.user.* = 1 }", True),
        ("{ $.['dotted.name'] = x }", True),
        ("{ $.eventType = %^Update% }", True),
        ("{ $.eventType = * }", True),
        ("{ $.user = * }", False),
    ],
)
def test_json(pattern: str, matches: bool) -> None:  # noqa: FBT001 - a table's column
    assert compile_pattern(pattern)(DOCUMENT) is matches


def test_a_message_that_is_no_json_matches_no_json_pattern() -> None:
    for message in ("plain", "{broken", '"text"'):
        assert not compile_pattern("{ $.a NOT EXISTS }")(message)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("[ip, id, user, time, request, status, bytes]", True),
        ("[ip, id, user, time, request, status]", False),
        ("[ip, id, user, time, request, status = 4*, bytes]", True),
        ("[ip, id, user, time, request, status = 4* && status != 404, bytes]", False),
        ("[ip, id, user, time, request, status = 500 || status = 404, bytes > 1000]", True),
        ("[..., status = 404, bytes]", True),
        ("[ip, ..., bytes < 1000]", False),
        ("[ip, id, user = frank, ...]", True),
        ("[ip, id, user, time, request = *index.html*, ...]", True),
        ("[ip = %127\\.0\\.0\\.[0-9]%, ...]", True),
        ("[,,,,,,]", True),
        ("[...]", True),
    ],
)
def test_fields(pattern: str, matches: bool) -> None:  # noqa: FBT001 - a table's column
    assert compile_pattern(pattern)(ACCESS) is matches


@pytest.mark.parametrize(
    "pattern",
    [
        "REPORT RequestId:",
        '"unclosed',
        "{ $.a = 1",
        "{ }",
        "{ a = 1 }",
        "{ $.a }",
        "{ $.a > text }",
        "{ ($.a = 1 }",
        "{ $.a IS MAYBE }",
        "{ $.a = 1 $.b = 2 }",
        "[a, b",
        "[..., a, ...]",
        "[a = 1 &&]",
        "%(group)%",
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPatternError):
        compile_pattern(pattern)
