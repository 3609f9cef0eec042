"""Who owns buckets and objects, as S3 names accounts."""

from __future__ import annotations

import hashlib
from functools import lru_cache


@lru_cache(maxsize=256)
def canonical_id(account: str) -> str:
    """Return the canonical user id of an account: the same each time, of 64 hexadecimal digits.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/finding-canonical-user-id.html
    """
    return hashlib.sha256(f"canonical:{account}".encode()).hexdigest()
