"""Values of a botocore shape, as hypothesis strategies."""

from __future__ import annotations

import datetime
from typing import Any

from botocore.model import Shape
from hypothesis import strategies as st

Values = st.SearchStrategy[Any]  # Any: values of any shape

# botocore takes what stands before a slash off these: https://docs.aws.amazon.com/Route53/latest/APIReference/
_CUT_AT_SLASHES = {"ResourceId", "DelegationSetId", "ChangeId"}
_DEPTH = 3
_OPTIONAL_MEMBERS = 4
_TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=1, max_size=12)
# Anything that needs care in a URL, in JSON or in XML.
_TEXT = st.one_of(
    st.text(st.sampled_from("aZ09 /%+&=<>\"'?#:;,.~{}[]\\@!$*()|é漢😀"), min_size=1, max_size=12),
    st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co")), min_size=1, max_size=12),
)
_HEADER = st.text(st.sampled_from("aZ09/%+&=<>'?#:;.~{}[]@!$*()|"), min_size=1, max_size=12)
_MOMENT = st.datetimes(
    min_value=datetime.datetime(1971, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime.datetime(2099, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(datetime.UTC),
)
_JSON = st.dictionaries(_TOKEN, st.one_of(_TOKEN, st.integers(-1000, 1000), st.booleans()), min_size=1, max_size=3)


def values(shape: Any, depth: int = _DEPTH, *, is_input: bool) -> Values:  # Any: a Shape of any kind
    """Return values of a shape that a client sends (`is_input`) or a service answers."""
    if shape.type_name == "structure":
        return _JSON if shape.is_document_type else structures(shape, depth, is_input=is_input)
    if shape.type_name == "list":
        return st.lists(
            values(shape.member, depth - 1, is_input=is_input),
            min_size=max(1, shape.metadata.get("min", 0)),
            max_size=max(2, shape.metadata.get("min", 0)),
        )
    if shape.type_name == "map":
        keys = st.sampled_from(shape.key.enum) if shape.key.enum else _sized(_TOKEN, shape.key)
        return st.dictionaries(keys, values(shape.value, depth - 1, is_input=is_input), min_size=1, max_size=2)
    return _scalars(shape)


def structures(shape: Any, depth: int = _DEPTH, *, is_input: bool) -> Values:  # Any: a StructureShape
    required = set(shape.required_members)
    if is_input:
        required |= {name for name, member in shape.members.items() if member.metadata.get("idempotencyToken")}
    present = {
        name: member
        for name, member in shape.members.items()
        if not member.serialization.get("eventstream")
        and member.serialization.get("location") != "statusCode"
        and member.serialization.get("name") != "Content-Length"
    }
    shallow = {
        name: member
        for name, member in present.items()
        if name in required or shape.is_tagged_union or depth > 0 or not _nests(member)
    }
    members = {name: values(member, depth - 1, is_input=is_input) for name, member in (shallow or present).items()}
    if shape.is_tagged_union:
        return st.sampled_from(sorted(members)).flatmap(lambda name: st.fixed_dictionaries({name: members[name]}))
    optional = sorted(set(members) - required)

    def some(chosen: list[str]) -> Values:
        return st.fixed_dictionaries({name: members[name] for name in sorted(members) if name in {*required, *chosen}})

    few = st.lists(st.sampled_from(optional), unique=True, max_size=_OPTIONAL_MEMBERS) if optional else st.just([])
    # A structure that says nothing leaves no trace in some formats.
    least = few if required or not optional else few.map(lambda chosen: chosen or [optional[0]])
    return least.flatmap(some)


def _nests(shape: Any) -> bool:  # Any: a Shape of any kind
    if shape.type_name in {"list", "map"}:
        return _nests(shape.member if shape.type_name == "list" else shape.value)
    return bool(shape.type_name == "structure")


def _sized(strategy: st.SearchStrategy[str], shape: Shape) -> st.SearchStrategy[str]:
    least = shape.metadata.get("min", 0)
    return strategy.map(lambda text: text if len(text) >= least else text * (least // len(text) + 1))


def _scalars(shape: Shape) -> Values:
    location = shape.serialization.get("location")
    if shape.type_name == "timestamp":
        is_fine = location is None and shape.serialization.get("timestampFormat", "").lower() != "rfc822"
        return _MOMENT.map(
            lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000 if is_fine else 0)
        )
    if shape.type_name == "string":
        return _strings(shape, location)
    if shape.type_name in {"integer", "long"}:
        least = int(shape.metadata.get("min", -(2**31)))
        return st.integers(least, max(least, min(int(shape.metadata.get("max", 2**31)), 2**31)))
    if shape.type_name in {"float", "double"}:
        least = shape.metadata.get("min", -1000)
        return st.floats(least, max(least, shape.metadata.get("max", 1000)), width=32).map(lambda value: value + 0.0)
    if shape.type_name == "boolean":
        return st.booleans()
    return st.binary(min_size=1, max_size=20)


def _strings(shape: Any, location: str | None) -> Values:  # Any: a StringShape
    if shape.serialization.get("jsonvalue"):
        return _JSON
    if shape.enum:
        # botocore computes the checksum a request names, as far as it can.
        usable = [each for each in shape.enum if each in {"CRC32", "SHA1", "SHA256"}]
        return st.sampled_from(usable if shape.name == "ChecksumAlgorithm" else shape.enum)
    if shape.name in _CUT_AT_SLASHES or "contextParam" in shape.metadata or shape.serialization.get("hostLabel"):
        return _sized(_TOKEN, shape)  # part of an endpoint's name
    if location in {"header", "headers"}:
        return _sized(_HEADER, shape)
    if location == "uri":
        return _sized(_TEXT.filter(lambda text: bool(text.strip("./ "))), shape)
    return _sized(_TEXT, shape)
