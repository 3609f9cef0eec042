"""Headers that are kept with an object and given back with it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

SYSTEM = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "WebsiteRedirectLocation",
)
_DEFAULT_TYPE = "binary/octet-stream"
_CHUNKED = "aws-chunked"
_MOST_METADATA = 2048

Members = Mapping[str, Any]  # Any: members of a request, as its model has them


def system_headers(parameters: Members) -> dict[str, Any]:  # Any: as above
    """Return the system metadata that a request states, by member name."""
    found = {name: parameters[name] for name in SYSTEM if parameters.get(name) not in {None, ""}}
    encoding = found.get("ContentEncoding")
    if encoding is not None:
        # How the body travelled is no property of the object.
        kept = [each.strip() for each in encoding.split(",") if each.strip() != _CHUNKED]
        if kept:
            found["ContentEncoding"] = ",".join(kept)
        else:
            del found["ContentEncoding"]
    found.setdefault("ContentType", _DEFAULT_TYPE)
    return found


def user_metadata(parameters: Members) -> dict[str, str]:
    """Return the user's metadata as it is given back.

    What is not ASCII is kept as S3 gives it back, in the words of RFC 2047:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
    """
    return {name.lower(): _mail_word(value.strip()) for name, value in (parameters.get("Metadata") or {}).items()}


def metadata_size(metadata: Mapping[str, str]) -> int:
    """Return how much of the 2 KB that user metadata may have is taken."""
    return sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())


def exceeds(metadata: Mapping[str, str]) -> bool:
    """Return whether there is more user metadata than an object may have."""
    return metadata_size(metadata) > _MOST_METADATA


def _mail_word(value: str) -> str:
    if value.isascii():
        return value
    return f"=?UTF-8?B?{base64.b64encode(value.encode()).decode()}?="
