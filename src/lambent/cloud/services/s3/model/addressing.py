"""Which bucket a request's host names, and what its path is then in path style.

Reached without any name server are `127.0.0.1` and `localhost` (path style) and, by whoever resolves names under
`localhost` to this machine as curl, browsers and systemd do, `<bucket>.s3.localhost`, `<bucket>.s3.<region>.localhost`
and `<bucket>.localhost`.
"""

from __future__ import annotations

import re
from functools import lru_cache

_NAMED = re.compile(r"(?:(?P<bucket>[a-z0-9][a-z0-9.-]*?)\.)?s3(?:[.-][a-z]{2}(?:-[a-z]+)+-\d)?\.localhost")
_BARE = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]*)\.localhost")


@lru_cache(maxsize=256)
def bucket_in_host(host: str, *, is_s3: bool) -> str | None:
    """Return the bucket that a Host names; a bare name under localhost is one where the request `is_s3` otherwise.

    >>> bucket_in_host("my.bucket.s3.eu-west-1.localhost:4566", is_s3=False), bucket_in_host("s3.localhost", is_s3=True)
    ('my.bucket', None)
    """
    name = host.lower().partition(":")[0].removesuffix(".")
    found = _NAMED.fullmatch(name)
    if found is not None:
        return found["bucket"]
    found = _BARE.fullmatch(name) if is_s3 else None
    return None if found is None else found["bucket"]


def is_plain_host(host: str) -> bool:
    """Whether a Host names this machine and nothing on it, or S3's own name on it."""
    name = host.lower().rpartition(":")[0] or host.lower()
    return name in {"127.0.0.1", "localhost", "[::1]"} or _is_endpoint(name)


def path_of(bucket: str | None, path: str) -> str:
    """Return the path in path style; a key of slashes alone is encoded, so that no reader takes them for the end.

    >>> path_of("b", "/k"), path_of(None, "/b//")
    ('/b/k', '/b/%2F')
    """
    if bucket is not None:
        path = f"/{bucket}{path}"
    name, slash, key = path[1:].partition("/")
    if key and not key.strip("/"):
        return f"/{name}{slash}{key.replace('/', '%2F')}"
    return path


def _is_endpoint(name: str) -> bool:
    found = _NAMED.fullmatch(name)
    return found is not None and found["bucket"] is None
