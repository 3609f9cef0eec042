"""Uploads by an HTML form: its fields, and the policy that its maker has signed.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

import orjson

from lambent.cloud.errors import ServiceError
from lambent.cloud.protocol.scalars import parse_timestamp
from lambent.cloud.services.s3 import errors

_NAME = re.compile(r'name="([^"]*)"')
_FILE_NAME = re.compile(r'filename="([^"]*)"')
# What no condition of a policy need name.
_EXEMPT = frozenset({"x-amz-signature", "signature", "awsaccesskeyid", "file", "policy", "bucket"})


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form by their names in lower case, and its file."""

    fields: Mapping[str, str]
    content: bytes
    file_name: str


def parse_form(content_type: str, body: bytes) -> Form:
    """Return a form that was sent as multipart/form-data; raises MalformedPOSTRequest and InvalidArgument."""
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_param("boundary")
    if not isinstance(boundary, str):
        raise errors.malformed_post()
    fields: dict[str, str] = {}
    for head, content in _sections(body, b"--" + boundary.encode("latin-1")):
        name = _NAME.search(head)
        if name is None:
            raise errors.malformed_post()
        file_name = _FILE_NAME.search(head)
        if name[1].lower() == "file":
            return Form(fields, content, file_name[1].rpartition("\\")[2] if file_name else "")
        fields[name[1].lower()] = content.decode("utf-8", "replace")
    raise errors.invalid_argument("POST requires exactly one file upload per request.", "file", "0")


def check_policy(form: Form, bucket: str, now: float) -> None:
    """Raise AccessDenied or another error where the form's policy does not allow what it asks."""
    policy = _policy_of(form.fields["policy"])
    if policy["expiration"] < now:
        raise errors.access_denied("Invalid according to Policy: Policy expired.")
    values = {**form.fields, "bucket": bucket}
    covered = set(_EXEMPT)
    for condition in policy["conditions"]:
        covered |= _check_condition(condition, values, len(form.content))
    extra = [name for name in form.fields if name not in covered and not name.startswith("x-ignore-")]
    if extra:
        raise errors.access_denied(f"Invalid according to Policy: Extra input fields: {', '.join(extra)}")


def _policy_of(text: str) -> dict[str, Any]:  # Any: JSON
    try:
        policy = orjson.loads(base64.b64decode(text, validate=True))
        return {"expiration": parse_timestamp(policy["expiration"]), "conditions": list(policy["conditions"])}
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise errors.invalid_policy_document() from error


def _check_condition(condition: object, values: Mapping[str, str], size: int) -> set[str]:
    """Check one condition and return the fields that it covers."""
    if isinstance(condition, Mapping):
        for name, value in condition.items():
            if values.get(str(name).lower()) != str(value):
                raise _unmet(["eq", f"${name}", value])
        return {str(name).lower() for name in condition}
    if not isinstance(condition, list) or len(condition) != 3:
        raise errors.invalid_policy_document()
    operator, name, value = str(condition[0]).lower(), condition[1], condition[2]
    if operator == "content-length-range":
        if size < int(name):
            raise errors.below_range(size, int(name))
        if size > int(value):
            raise errors.too_large(int(value), size)
        return set()
    field = str(name).lower().removeprefix("$")
    found = values.get(field, "")
    if not (found == value if operator == "eq" else operator == "starts-with" and found.startswith(str(value))):
        raise _unmet(condition)
    return {field}


def _unmet(condition: list[Any]) -> ServiceError:  # Any: JSON
    return errors.access_denied(
        f"Invalid according to Policy: Policy Condition failed: {orjson.dumps(condition).decode()}".replace(
            '","', '", "'
        )
    )


def _sections(body: bytes, delimiter: bytes) -> Iterable[tuple[str, bytes]]:
    """Yield the head and the content of each section of a multipart body."""
    position = body.find(delimiter)
    while position >= 0 and not body.startswith(b"--", position + len(delimiter)):
        start = position + len(delimiter) + 2
        position = body.find(b"\r\n" + delimiter, start)
        end_of_head = body.find(b"\r\n\r\n", start)
        if position < 0 or end_of_head < 0:
            raise errors.malformed_post()
        yield body[start:end_of_head].decode("utf-8", "replace"), body[end_of_head + 4 : position]
        position += 2
