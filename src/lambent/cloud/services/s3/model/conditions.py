"""Whether a request's conditions hold for the object that is there.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambent.cloud.services.s3 import errors
from lambent.cloud.services.s3.model.records import Entry

Members = Mapping[str, Any]  # Any: members of a request, as its model has them


def check_read(entry: Entry, asked: Members) -> None:
    """Raise PreconditionFailed or 304 where the object is not to be read.

    If-Match goes before If-Unmodified-Since, and If-None-Match before If-Modified-Since: the later one of each pair is
    looked at only where the first is not there (RFC 9110, 13.2.2).
    """
    if (match := asked.get("IfMatch")) is not None:
        if not _names(match, entry):
            raise errors.precondition_failed("If-Match")
    elif (moment := asked.get("IfUnmodifiedSince")) is not None and entry.modified > moment:
        raise errors.precondition_failed("If-Unmodified-Since")
    if (match := asked.get("IfNoneMatch")) is not None:
        if _names(match, entry):
            raise errors.not_modified()
    elif (moment := asked.get("IfModifiedSince")) is not None and entry.modified <= moment:
        raise errors.not_modified()


def check_copied(entry: Entry, asked: Members) -> None:
    """Raise PreconditionFailed where the object is not to be copied: all conditions that are stated must hold."""
    since, unless = asked.get("CopySourceIfModifiedSince"), asked.get("CopySourceIfUnmodifiedSince")
    match, none_match = asked.get("CopySourceIfMatch"), asked.get("CopySourceIfNoneMatch")
    if match is not None:
        if not _names(match, entry):
            raise errors.precondition_failed("x-amz-copy-source-If-Match")
    elif unless is not None and entry.modified > unless:
        raise errors.precondition_failed("x-amz-copy-source-If-Unmodified-Since")
    if none_match is not None:
        if _names(none_match, entry):
            raise errors.precondition_failed("x-amz-copy-source-If-None-Match")
    elif since is not None and entry.modified <= since:
        raise errors.precondition_failed("x-amz-copy-source-If-Modified-Since")


def check_written(present: Entry | None, asked: Members) -> None:
    """Raise what S3 answers where an object is not to be written over the one that is there."""
    exists = present is not None and not present.is_marker
    if asked.get("IfNoneMatch") is not None:
        if asked["IfNoneMatch"] != "*":
            raise errors.not_implemented("A header you provided implies functionality that is not implemented")
        if exists:
            raise errors.precondition_failed("If-None-Match")
    if (match := asked.get("IfMatch")) is not None:
        if present is None or not exists:
            raise errors.no_such_key(str(asked.get("Key")))
        if not _names(match, present):
            raise errors.precondition_failed("If-Match")


def check_deleted(present: Entry | None, asked: Members) -> None:
    """Raise what S3 answers where an object is not to be deleted."""
    if asked.get("IfMatch") is None:
        return
    if present is None or present.is_marker:
        raise errors.no_such_key(str(asked.get("Key")))
    if not _names(asked["IfMatch"], present):
        raise errors.precondition_failed("If-Match")


def _names(stated: str, entry: Entry) -> bool:
    return stated.strip() == "*" or any(each.strip().strip('"') == entry.etag for each in stated.split(","))
