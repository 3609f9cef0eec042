"""Until when a presigned request is good."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs

from lambent.cloud.protocol.scalars import iso8601
from lambent.cloud.services.s3 import errors

_LONGEST_S = 604_800


def check_expiry(query: str, now: float) -> None:
    """Raise AccessDenied where a presigned request has expired, as its signature has it, in real time.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """
    if "X-Amz-Expires=" in query:
        found = {name: values[0] for name, values in parse_qs(query).items()}
        lifetime = found["X-Amz-Expires"]
        if not lifetime.isdecimal():
            raise errors.bad_authorization("X-Amz-Expires should be a number")
        if int(lifetime) > _LONGEST_S:
            raise errors.bad_authorization(
                "X-Amz-Expires must be less than a week (in seconds); that is, the given"
                " X-Amz-Expires must be less than 604800 seconds"
            )
        _check(_signed_at(found.get("X-Amz-Date", "")) + int(lifetime), now, lifetime)
    elif "AWSAccessKeyId=" in query and "Expires=" in query:
        expires = parse_qs(query)["Expires"][0]
        if not expires.isdecimal():
            raise errors.access_denied("Invalid date (should be seconds since epoch): " + expires)
        _check(float(expires), now, None)


def _check(expires: float, now: float, lifetime: str | None) -> None:
    if now > expires:
        raise errors.expired(iso8601(expires), iso8601(now), lifetime)


def _signed_at(date: str) -> float:
    try:
        return datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise errors.bad_authorization(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        ) from error
