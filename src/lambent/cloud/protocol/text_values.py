"""Shapes to and from the text of URI labels, query strings, headers, forms and XML."""

from __future__ import annotations

import binascii
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from lambent.aws.service_models import Shape
from lambent.cloud.errors import ServiceError
from lambent.cloud.protocol.scalars import SPECIAL_FLOATS, decimal_text, parse_timestamp, timestamp_text

# No integer of a model has more than 19 digits.
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")

DecodeText = Callable[[str], Any]  # Any: the shape's Python value
EncodeText = Callable[[Any], str]  # Any: as above


def _refuse(kind: str) -> ServiceError:
    return ServiceError("SerializationException", f"STRING_VALUE can not be converted to {kind}")


def _integer(text: str) -> int:
    # int() also takes spaces, underscores and the digits of other scripts.
    if _INTEGER.fullmatch(text) is None:
        raise _refuse("an Integer")
    return int(text)


def _float(text: str) -> float:
    if text in SPECIAL_FLOATS:
        return SPECIAL_FLOATS[text]
    if _DECIMAL.fullmatch(text) is None:  # as above
        raise _refuse("a Double")
    return float(text)


def _boolean(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in {"true", "1"}:
        return True
    if lowered in {"false", "0"}:
        return False
    raise _refuse("a Boolean")


def _blob(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text)
    except ValueError as error:
        raise _refuse("a Blob") from error


def _timestamp(text: str) -> float:
    try:
        return parse_timestamp(text.strip())
    except ValueError as error:
        raise _refuse("a Timestamp") from error


def _json_in_base64(text: str) -> Any:  # Any: JSON
    try:
        return orjson.loads(_blob(text))
    except ValueError as error:
        raise _refuse("a JSON value") from error


_DECODERS: Mapping[str, DecodeText] = {
    "string": str,
    "character": str,
    "integer": _integer,
    "long": _integer,
    "short": _integer,
    "byte": _integer,
    "bigInteger": _integer,
    "float": _float,
    "double": _float,
    "bigDecimal": _float,
    "boolean": _boolean,
    "blob": _blob,
    "timestamp": _timestamp,
}


def _boolean_text(value: object) -> str:
    return "true" if value else "false"


def _blob_text(value: bytes) -> str:
    return b64encode(value).decode("ascii")


def _json_text(value: object) -> str:
    return b64encode(orjson.dumps(value)).decode("ascii")


_ENCODERS: Mapping[str, EncodeText] = {
    "boolean": _boolean_text,
    "blob": _blob_text,
    "float": decimal_text,
    "double": decimal_text,
}


def text_decoder(shape: Shape) -> DecodeText:
    """Return the function that reads a scalar of the shape from text; it raises SerializationException."""
    return _json_in_base64 if shape.has("jsonvalue") else _DECODERS[shape.type]


def text_encoder(shape: Shape, timestamp_format: str) -> EncodeText:
    """Return the function that writes a scalar of the shape as text, timestamps by default in that format."""
    if shape.has("jsonvalue"):
        return _json_text
    if shape.type == "timestamp":
        return timestamp_text(shape.timestamp_format or timestamp_format)
    return _ENCODERS.get(shape.type, str)


# ── lists in headers, as RFC 9110 writes them ──


def header_decoder(shape: Shape) -> DecodeText:
    """Return the function that reads a header; a list's values are separated by commas and may be quoted."""
    if shape.type != "list":
        return text_decoder(shape)
    decode = text_decoder(shape.member)
    split = _split_dates if _is_http_date(shape.member) else _split_list
    return lambda text: [decode(each) for each in split(text)]


def header_encoder(shape: Shape) -> EncodeText:
    """Return the function that writes a header."""
    if shape.type != "list":
        return text_encoder(shape, "rfc822")
    encode = text_encoder(shape.member, "rfc822")
    quote = _quoted if shape.member.type == "string" else str
    return lambda values: ",".join(quote(encode(each)) for each in values if each is not None)


def _is_http_date(shape: Shape) -> bool:
    return shape.type == "timestamp" and (shape.timestamp_format or "rfc822").lower() == "rfc822"


def _split_dates(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    return [f"{day}, {rest}" for day, rest in zip(parts[::2], parts[1::2], strict=False)]


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"' if '"' in text or "," in text else text


def _split_list(text: str) -> list[str]:
    if '"' not in text:
        return [part.strip() for part in text.split(",")]
    found: list[str] = []
    current: list[str] = []
    is_quoted = is_escaped = False
    for character in text:
        if is_escaped or (character not in '\\",') or (character == "," and is_quoted):
            current.append(character)
            is_escaped = False
        elif character == "\\":
            is_escaped = True
        elif character == '"':
            is_quoted = not is_quoted
        else:
            found.append("".join(current).strip())
            current = []
    return [*found, "".join(current).strip()]
