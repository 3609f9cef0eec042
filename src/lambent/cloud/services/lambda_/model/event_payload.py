"""Events as they come with a request: what is too large or no JSON is refused in the words of Lambda's parser, Jackson.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import json
import re

import orjson

from lambent.aws.quotas import ASYNCHRONOUS_PAYLOAD_BYTES, SYNCHRONOUS_PAYLOAD_BYTES
from lambent.cloud.services.lambda_ import errors

_WANTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_SOURCE = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {}, column: {}]"
# A word begins with a letter, of which one that is not ASCII's is the first byte of a character.
_WORD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*|[^\W\d_]")
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
    # One character for each byte: the parser reads bytes, and counts columns in them.
    text = payload.decode("latin-1")
    complaints = [found for found in (_of_bytes(payload), _of_text(text)) if found is not None]
    if complaints:
        told, at = min(complaints, key=lambda found: found[1])
        place = _SOURCE.format(*_place(text, at))
        message = f"Could not parse request body into json: Could not parse payload into json: {told}\n at {place}"
        raise errors.invalid_content(message)


Complaint = tuple[str, int]
"""What Jackson says, and of which position: the character's where it is one that must not stand there, else behind."""


def _of_bytes(payload: bytes) -> Complaint | None:
    """Return what is wrong with bytes that are no UTF-8."""
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        if error.reason == "invalid start byte":
            return f"Invalid UTF-8 start byte 0x{payload[error.start]:x}", error.start + 1
        if error.end < len(payload):
            return f"Invalid UTF-8 middle byte 0x{payload[error.end]:x}", error.end + 1
        return "Unexpected end-of-input", len(payload)
    return None


def _of_text(text: str) -> Complaint | None:
    try:
        json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        return _complaint(error)
    except ValueError as error:
        return str(error), 0
    except RecursionError:
        told = "Document nesting depth (1001) exceeds the maximum allowed (1000, from "
        return f"{told}`StreamReadConstraints.getMaxNestingDepth()`)", 0
    return None


def _complaint(error: json.JSONDecodeError) -> Complaint:
    text, at = error.doc, error.pos
    if error.msg.startswith("Unterminated string"):
        return "Unexpected end-of-input in VALUE_STRING", len(text)
    if at >= len(text.rstrip()):
        return _unended(text), len(text)
    if error.msg.startswith("Invalid \\escape"):
        at += text[at] == "\\"
        return f"Unrecognized character escape {_described(text[at])}", at
    if error.msg.startswith("Invalid control character"):
        told = f"Illegal unquoted character ({_described(text[at])})"
        return f"{told}: has to be escaped using backslash to be included in string value", at
    if error.msg in {"Expecting value", "Extra data"} and (token := _WORD.match(text, at)):
        return _unknown_token(text, token)
    return f"Unexpected character ({_described(text[at])}): {_expected(error)}", at


def _unknown_token(text: str, token: re.Match[str]) -> Complaint:
    # The parser has read one character more than the token has, if there is one.
    behind = min(token.end() + 1, len(text))
    if not token[0].isascii() and token.end() < len(text):
        # It takes the first byte for a letter, and the next for the beginning of a character.
        return f"Invalid UTF-8 start byte 0x{ord(text[token.end()]):x}", behind
    return f"Unrecognized token '{token[0]}': was expecting {_WANTED}", behind


def _described(character: str) -> str:
    code = ord(character)
    is_control = code < 0x20 or 0x7F <= code < 0xA0  # the C0 and C1 sets
    return f"(CTRL-CHAR, code {code})" if is_control else f"'{character}' (code {code})"


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
