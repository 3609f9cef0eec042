"""What buckets and keys may be called.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""

from __future__ import annotations

import re

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
LONGEST_KEY = 1024


def is_bucket_name(name: str) -> bool:
    """Return whether a general purpose bucket may be called so.

    >>> [is_bucket_name(name) for name in ("my-bucket", "my..bucket", "10.0.0.1", "My", "ab")]
    [True, False, False, False, False]
    """
    return (
        _BUCKET.fullmatch(name) is not None
        and ".." not in name
        and _ADDRESS.fullmatch(name) is None
        and not name.startswith(_PREFIXES)
        and not name.endswith(_SUFFIXES)
    )


def is_key(key: str) -> bool:
    """Return whether an object may be called so."""
    return 0 < len(key.encode("utf-8", "surrogatepass")) <= LONGEST_KEY
