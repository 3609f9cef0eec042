"""Which functions a chain of requests has run through, as trace headers tell it, and when that is a loop.

Lambda adds a `Lineage` to the trace header that it hands to a function, the AWS SDKs send the header with every request
that the function makes, and services hand it on with their events. Each entry counts the invocations of one function
in the chain: `Lineage=2:fe460cdd:0|1:a87bd80c:0`.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from urllib.parse import unquote

MOST_INVOCATIONS = 16
"""How often one function may run in a chain of requests before it is taken for a loop."""

# Headers must not grow without end; a loop over more functions than this goes unnoticed.
_MOST_FUNCTIONS = 32
_HASH = re.compile(r"[0-9a-f]{8}")
_GREATEST_COUNT = 32_767


def parts_of(header: str) -> dict[str, str]:
    """Return the parts of a trace header by their names in small letters.

    >>> parts_of("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
    {'root': '1-5759e988-bd862e3fe1be46a994272793', 'sampled': '1'}
    """
    named = (part.partition("=") for part in header.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in named}


def lineage_with(lineage: str, function_arn: str) -> tuple[str, int]:
    """Return the lineage of a request to a function, and how often the function had run in the chain before.

    >>> lineage_with("1:fe460cdd:0", "arn:aws:lambda:eu-west-1:123456789012:function:orders")
    ('1:fe460cdd:0|1:7f2f3418:0', 0)
    """
    own = _hash_of(function_arn)
    if not lineage:
        return f"1:{own}:0", 0
    counts = _counts(lineage)
    before = counts.pop(own, 0)
    if len(counts) >= _MOST_FUNCTIONS:
        del counts[min(counts, key=counts.__getitem__)]
    counts[own] = min(before + 1, _GREATEST_COUNT)
    return "|".join(f"{count}:{function}:0" for function, count in counts.items()), before


@lru_cache(1024)
def _hash_of(function_arn: str) -> str:
    return f"{zlib.crc32(function_arn.encode()):08x}"


def _counts(lineage: str) -> dict[str, int]:
    """Read count, function and number of requests, or, as it used to be written, function and count."""
    found: dict[str, int] = {}
    # botocore encodes the bar between two entries.
    for entry in unquote(lineage).split("|"):
        fields = entry.split(":")
        function, count = (fields[1], fields[0]) if len(fields) > 2 else (fields[0], fields[-1])
        if _HASH.fullmatch(function) and count.isascii() and count.isdigit() and len(count) <= len("32767"):
            found[function] = int(count)
    return found
