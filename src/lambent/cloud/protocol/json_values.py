"""Shapes to and from JSON: what awsJson and rest-json share.

`decoder(shape)` and `encoder(shape)` build one closure per shape, once; a request runs closures and dictionary look-ups
only. An encoder of None means that the value goes out as it is.
"""

from __future__ import annotations

import binascii
import functools
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from lambent.aws.service_models import Shape
from lambent.cloud.errors import ServiceError
from lambent.cloud.protocol.scalars import SPECIAL_FLOATS, parse_timestamp, timestamp_text, unix_timestamp

Decode = Callable[[Any], Any]  # Any: JSON in, the shape's Python value out
Encode = Callable[[Any], Any]  # Any: the shape's Python value in, JSON out

# How AWS's servers name the JSON token they met.
_TOKENS = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE"}


def serialization_error(message: str) -> ServiceError:
    """Return the error AWS answers when a body cannot be read."""
    return ServiceError("SerializationException", message)


def load_json(body: bytes) -> Mapping[str, Any]:  # Any: JSON
    """Return the JSON object of a body, an empty one for an empty body; raises SerializationException."""
    if not body:
        return {}
    try:
        loaded = orjson.loads(body)
    except ValueError as error:
        raise serialization_error(f"Could not parse request body into json: {error}") from error
    if not isinstance(loaded, dict):
        raise serialization_error(
            "Start of list found where not expected" if isinstance(loaded, list) else "Expected start of structure"
        )
    return loaded


def dump_json(value: object) -> bytes:
    """Return a value that an encoder made, as JSON."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)


def _refuse(value: object, wanted: str) -> ServiceError:
    if isinstance(value, dict):
        return serialization_error("Start of structure or map found where not expected.")
    if isinstance(value, list):
        return serialization_error("Start of list found where not expected")
    token = (
        "TRUE_VALUE" if value is True else "FALSE_VALUE" if value is False else _TOKENS.get(type(value), "NULL_VALUE")
    )
    return serialization_error(f"{token} can not be converted to {wanted}")


# ── decoding ──


def decoder(shape: Shape) -> Decode:
    """Return the function that turns parsed JSON into the shape's value; it raises SerializationException."""
    return _build_decoder(shape, {})


def _build_decoder(shape: Shape, known: dict[str, Decode]) -> Decode:
    if shape.has("jsonvalue"):
        return _decode_json_text
    if shape.type == "structure":
        return _as_is if shape.has("document") else structure_decoder(shape, known)
    if shape.type == "list":
        return _list_decoder(_build_decoder(shape.member, known))
    if shape.type == "map":
        return _map_decoder(_build_decoder(shape.value, known))
    return _SCALAR_DECODERS[shape.type]


def structure_decoder(
    shape: Shape, known: dict[str, Decode] | None = None, only: Callable[[Shape], bool] | None = None
) -> Decode:
    """Return the decoder of a structure; `only` limits it to some members, as for those an HTTP body carries."""
    known = {} if known is None else known
    if only is None and shape.name in known:
        return known[shape.name]
    table: dict[str, tuple[str, Decode]] = {}

    def decode(value: Any) -> dict[str, Any]:  # Any: as Decode
        if type(value) is not dict:
            raise _refuse(value, "structure")
        found = {}
        for key, item in value.items():
            if item is not None and (entry := table.get(key)) is not None:
                found[entry[0]] = entry[1](item)
        return found

    if only is None:
        known[shape.name] = decode  # before the members, which may lead back here
    for name, member in shape.members.items():
        if only is None or only(member):
            table[member.wire_name or name] = (name, _build_decoder(member, known))
    return decode


def _list_decoder(decode_member: Decode) -> Decode:
    def decode(value: Any) -> list[Any]:  # Any: as Decode
        if type(value) is not list:
            raise _refuse(value, "a List") if isinstance(value, dict) else serialization_error("Expected list or null")
        return [None if item is None else decode_member(item) for item in value]

    return decode


def _map_decoder(decode_value: Decode) -> Decode:
    def decode(value: Any) -> dict[str, Any]:  # Any: as Decode
        if type(value) is not dict:
            raise _refuse(value, "a Map") if isinstance(value, list) else serialization_error("Expected map or null")
        return {key: None if item is None else decode_value(item) for key, item in value.items()}

    return decode


def _as_is(value: Any) -> Any:  # Any: as Decode
    return value


def _decode_string(value: Any) -> str:  # Any: as Decode
    if type(value) is str:
        return value
    raise _refuse(value, "a String")


def _decode_integer(value: Any) -> int:  # Any: as Decode
    if type(value) is int:
        return value
    if type(value) is float and value == (whole := int(value)):
        return whole
    raise _refuse(value, "an Integer")


def _decode_float(value: Any) -> float:  # Any: as Decode
    if type(value) is float or type(value) is int:
        return float(value)
    if type(value) is str and value in SPECIAL_FLOATS:
        return SPECIAL_FLOATS[value]
    raise _refuse(value, "a Double")


def _decode_boolean(value: Any) -> bool:  # Any: as Decode
    if value is True or value is False:
        return value
    raise _refuse(value, "a Boolean")


def _decode_blob(value: Any) -> bytes:  # Any: as Decode
    if type(value) is not str:
        raise _refuse(value, "a Blob")
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except ValueError as error:
        raise serialization_error(f"Invalid Base64 character or padding: {error}") from error


def _decode_timestamp(value: Any) -> float:  # Any: as Decode
    if type(value) is float or type(value) is int:
        return float(value)
    if type(value) is not str:
        raise _refuse(value, "a Timestamp")
    try:
        return parse_timestamp(value)
    except ValueError as error:
        raise serialization_error(f"Unable to parse date value {value}") from error


def _decode_json_text(value: Any) -> Any:  # Any: as Decode
    try:
        return orjson.loads(_decode_string(value))
    except ValueError as error:
        raise serialization_error(f"Could not parse json value: {error}") from error


_SCALAR_DECODERS: Mapping[str, Decode] = {
    "string": _decode_string,
    "character": _decode_string,
    "integer": _decode_integer,
    "long": _decode_integer,
    "short": _decode_integer,
    "byte": _decode_integer,
    "bigInteger": _decode_integer,
    "float": _decode_float,
    "double": _decode_float,
    "bigDecimal": _decode_float,
    "boolean": _decode_boolean,
    "blob": _decode_blob,
    "timestamp": _decode_timestamp,
}


# ── encoding ──


def encoder(shape: Shape) -> Encode | None:
    """Return the function that turns the shape's value into what `dump_json` takes; None where it already is."""
    return _build_encoder(shape, {})


def _build_encoder(shape: Shape, known: dict[str, Encode]) -> Encode | None:
    if shape.has("jsonvalue"):
        return _encode_json_text
    if shape.type == "structure":
        return None if shape.has("document") else structure_encoder(shape, known)
    if shape.type == "list":
        return _list_encoder(_build_encoder(shape.member, known))
    if shape.type == "map":
        return _map_encoder(_build_encoder(shape.value, known))
    if shape.type == "timestamp":
        return _timestamp_encoder(shape.timestamp_format)
    return _SCALAR_ENCODERS.get(shape.type)


def structure_encoder(
    shape: Shape, known: dict[str, Encode] | None = None, only: Callable[[Shape], bool] | None = None
) -> Encode:
    """Return the encoder of a structure; members `only` leaves out are skipped.

    The encoder raises KeyError for a member the model does not have: a service must not answer what no client reads.
    """
    known = {} if known is None else known
    if only is None and shape.name in known:
        return known[shape.name]
    table: dict[str, tuple[str, Encode | None] | None] = {}

    def encode(value: Mapping[str, Any]) -> dict[str, Any]:  # Any: as Encode
        found = {}
        for name, item in value.items():
            if item is not None and (entry := table[name]) is not None:
                found[entry[0]] = item if entry[1] is None else entry[1](item)
        return found

    if only is None:
        known[shape.name] = encode  # before the members, which may lead back here
    for name, member in shape.members.items():
        is_wanted = only is None or only(member)
        table[name] = (member.wire_name or name, _build_encoder(member, known)) if is_wanted else None
    return encode


def _list_encoder(encode_member: Encode | None) -> Encode:
    if encode_member is None:
        return list

    def encode(value: Any) -> list[Any]:  # Any: as Encode
        return [None if item is None else encode_member(item) for item in value]

    return encode


def _map_encoder(encode_value: Encode | None) -> Encode:
    if encode_value is None:
        return dict

    def encode(value: Mapping[str, Any]) -> dict[str, Any]:  # Any: as Encode
        return {key: None if item is None else encode_value(item) for key, item in value.items()}

    return encode


def _encode_float(value: float) -> float | str:
    if value - value == 0.0:  # finite; JSON has no other
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124 - only NaN differs


def _encode_blob(value: bytes) -> str:
    return b64encode(value).decode("ascii")


def _encode_json_text(value: object) -> str:
    return orjson.dumps(value).decode()


@functools.cache
def _timestamp_encoder(format_name: str | None) -> Encode:
    # unixTimestamp is JSON's default: a number, not its text.
    return unix_timestamp if (format_name or "unixTimestamp") == "unixTimestamp" else timestamp_text(format_name or "")


_SCALAR_ENCODERS: Mapping[str, Encode] = {
    "float": _encode_float,
    "double": _encode_float,
    "blob": _encode_blob,
}
