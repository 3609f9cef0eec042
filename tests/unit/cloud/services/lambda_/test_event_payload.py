"""Events that are refused, and the words that Lambda's parser has for them."""

from __future__ import annotations

import pytest

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_.model.event_payload import checked_payload

AT = " at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {}, column: {}]"
ESCAPED = "has to be escaped using backslash to be included in string value"
DEPTH = "(1000, from `StreamReadConstraints.getMaxNestingDepth()`)"
COLON = "was expecting a colon to separate field name and value"
NUMBERS = "enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"
COMMA = "was expecting comma to separate"
WANTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


@pytest.mark.parametrize(
    ("payload", "complaint", "place"),
    [
        (b"badbod", f"Unrecognized token 'badbod': was expecting {WANTED}", (1, 7)),
        (b'{"a": tru}', f"Unrecognized token 'tru': was expecting {WANTED}", (1, 11)),
        (b"{invalid}", "Unexpected character ('i' (code 105)): was expecting double-quote to start field name", (1, 2)),
        (b"'a'", f"Unexpected character (''' (code 39)): expected a valid value {WANTED}", (1, 1)),
        (b"\x99\xeb", f"Unexpected character ((CTRL-CHAR, code 153)): expected a valid value {WANTED}", (1, 1)),
        ("é".encode(), "Invalid UTF-8 start byte 0xa9", (1, 3)),
        (b"n\x87r", "Invalid UTF-8 start byte 0x87", (1, 3)),
        (b"not json", f"Unrecognized token 'not': was expecting {WANTED}", (1, 5)),
        ('{"é": x}'.encode(), f"Unrecognized token 'x': was expecting {WANTED}", (1, 10)),
        (b'["\\x"]', "Unrecognized character escape 'x' (code 120)", (1, 4)),
        (b'{"a" 1}', f"Unexpected character ('1' (code 49)): {COLON}", (1, 6)),
        (b'{"a": 1\n "b": 2}', f"Unexpected character ('\"' (code 34)): {COMMA} Object entries", (2, 2)),
        (b'[1, "]" 2]', f"Unexpected character ('2' (code 50)): {COMMA} Array entries", (1, 9)),
        (b'{"a": NaN}', f"Non-standard token 'NaN': {NUMBERS}", (1, 1)),
        (b'"a\nb"', f"Illegal unquoted character ((CTRL-CHAR, code 10)): {ESCAPED}", (1, 3)),
        (b'"a', "Unexpected end-of-input in VALUE_STRING", (1, 3)),
        (b'"a\xff"', "Invalid UTF-8 start byte 0xff", (1, 4)),
        (b'"a\xe3-"', "Invalid UTF-8 middle byte 0x2d", (1, 5)),
        (b'"a\xe3', "Unexpected end-of-input", (1, 4)),
        (b"[" * 2000, f"Document nesting depth (1001) exceeds the maximum allowed {DEPTH}", (1, 1)),
    ],
)  # fmt: skip
def test_what_is_no_json_is_told_as_the_parser_tells_it(payload: bytes, complaint: str, place: tuple[int, int]) -> None:
    with pytest.raises(ServiceError) as caught:
        checked_payload(payload, "RequestResponse")
    assert caught.value.code == "InvalidRequestContentException"
    assert caught.value.message == (
        f"Could not parse request body into json: Could not parse payload into json: {complaint}\n{AT.format(*place)}"
    )


def test_what_is_not_ended_is_told_with_its_beginning() -> None:
    with pytest.raises(ServiceError) as caught:
        checked_payload(b'{"a": [1,\n {"b": "}"}', "Event")
    marker = f"start marker at{AT.format(1, 7).removeprefix(' at')}"
    assert f"Unexpected end-of-input: expected close marker for Array ({marker})\n{AT.format(2, 12)}" in str(
        caught.value.message
    )


@pytest.mark.parametrize("payload", [b'"\\ud800"', b" 1 ", b"null", b"[" * 500 + b"]" * 500, b"1e400"])
def test_what_the_parser_takes_is_handed_over_as_it_is(payload: bytes) -> None:
    assert checked_payload(payload, "RequestResponse") == payload


def test_nothing_is_an_empty_event() -> None:
    assert checked_payload(b"", "Event") == b"{}"
