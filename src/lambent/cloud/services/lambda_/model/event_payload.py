"""Events as they come with a request: what is too large or no JSON is refused in the words of Lambda's parser, Jackson.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import json
import re

import orjson

from lambent.aws.quotas import ASYNCHRONOUS_PAYLOAD_BYTES, SYNCHRONOUS_PAYLOAD_BYTES
from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_ import errors

_WANTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_SOURCE = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {}, column: {}]"
_WORD = re.compile(r"\w+")
# A string, whole or cut off; or a bracket.
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|[\[\]{}]', re.DOTALL)
_CLOSE = {"{": "Object", "[": "Array"}


def checked_payload(payload: bytes, invocation_type: str) -> bytes:
    """Return the event to hand over, `{}` for none; raises ServiceError for one that is too large or not JSON."""
    if invocation_type == "Event":
        if len(payload) > ASYNCHRONOUS_PAYLOAD_BYTES:
            raise errors.too_large(
                f"{len(payload)} byte payload is too large for the Event invocation type "
                f"(limit {ASYNCHRONOUS_PAYLOAD_BYTES} bytes)"
            )
    elif len(payload) > SYNCHRONOUS_PAYLOAD_BYTES:
        raise errors.too_large(
            f"Request must be smaller than {SYNCHRONOUS_PAYLOAD_BYTES} bytes for the InvokeFunction operation"
        )
    if not payload:
        return b"{}"
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError:
        _check_leniently(payload)
    return payload


def _check_leniently(payload: bytes) -> None:
    # orjson refuses a few texts that AWS's parser takes, such as an escaped lone surrogate.
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise _unparsable(*_undecodable(error)) from error
    try:
        json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _unparsable(*_complaint(error)) from error
    except ValueError as error:
        raise _unparsable(str(error), text, 0) from error
    except RecursionError as error:
        told = "Document nesting depth (1001) exceeds the maximum allowed (1000, from "
        raise _unparsable(f"{told}`StreamReadConstraints.getMaxNestingDepth()`)", text, 0) from error


def _undecodable(error: UnicodeDecodeError) -> tuple[str, str, int]:
    """Return what is wrong with bytes that are no UTF-8, the text before it, and where that ends."""
    before = error.object[: error.start].decode()
    if error.reason == "invalid start byte":
        return f"Invalid UTF-8 start byte 0x{error.object[error.start]:x}", before, len(before)
    if error.end < len(error.object):
        return f"Invalid UTF-8 middle byte 0x{error.object[error.end]:x}", before, len(before)
    return "Unexpected end-of-input", before, len(before)


def _complaint(error: json.JSONDecodeError) -> tuple[str, str, int]:
    """Return what Jackson says of a text that is no JSON, the text, and behind what Jackson says it."""
    text, at = error.doc, error.pos
    if error.msg.startswith("Unterminated string"):
        return "Unexpected end-of-input in VALUE_STRING", text, len(text)
    if at >= len(text.rstrip()):
        return _unended(text), text, len(text)
    character = f"('{text[at]}' (code {ord(text[at])}))"
    if error.msg.startswith("Invalid control character"):
        told = f"Illegal unquoted character ((CTRL-CHAR, code {ord(text[at])}))"
        return f"{told}: has to be escaped using backslash to be included in string value", text, at + 1
    if error.msg.startswith("Invalid \\escape"):
        return f"Unrecognized character escape {character[1:-1]}", text, at + 1
    word = _WORD.match(text, at)
    if error.msg in {"Expecting value", "Extra data"} and word is not None and not word[0][0].isdigit():
        return f"Unrecognized token '{word[0]}': was expecting {_WANTED}", text, word.end()
    return f"Unexpected character {character}: {_expected(error)}", text, at + 1


def _expected(error: json.JSONDecodeError) -> str:
    if error.msg == "Expecting ',' delimiter":
        kind = _CLOSE[_open_brackets(error.doc[: error.pos])[-1][0]]
        return f"was expecting comma to separate {kind} entries"
    if error.msg == "Expecting ':' delimiter":
        return "was expecting a colon to separate field name and value"
    if error.msg.startswith("Expecting property name"):
        return "was expecting double-quote to start field name"
    return f"expected a valid value {_WANTED}"


def _unended(text: str) -> str:
    """Return what is said of a text that ends too soon."""
    brackets = _open_brackets(text)
    if not brackets:
        return "Unexpected end-of-input"
    bracket, at = brackets[-1]
    start = _SOURCE.format(*_place(text, at))
    return f"Unexpected end-of-input: expected close marker for {_CLOSE[bracket]} (start marker at {start})"


def _open_brackets(text: str) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for part in _STRUCTURE.finditer(text):
        if part[0] in _CLOSE:
            found.append((part[0], part.start()))
        elif part[0] in {"]", "}"} and found:
            found.pop()
    return found


def _place(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _no_constant(name: str) -> object:
    raise ValueError(f"Non-standard token '{name}': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow")


def _unparsable(complaint: str, text: str, behind: int) -> ServiceError:
    return errors.invalid_content(
        "Could not parse request body into json: Could not parse payload into json: "
        f"{complaint}\n at {_SOURCE.format(*_place(text, behind))}"
    )
