"""Receipt handles: which message was received, from which queue, and how often it had been by then.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
"""

from __future__ import annotations

import binascii
import struct
import zlib
from typing import NamedTuple

# The check sum of the rest, as if that stood behind four zeros; then queue, number, receives, when.
_CHECK, _TOLD = struct.Struct(">I"), struct.Struct(">QQIQ")
_SUM_OF_ZEROS = zlib.crc32(bytes(_CHECK.size))


class Receipt(NamedTuple):
    """The n-th receive of a message, and when it was, in milliseconds."""

    queue_id: int
    number: int
    received: int
    at_ms: int

    @property
    def handle(self) -> str:
        """The receipt handle, which clients give back.

        >>> parse_handle(Receipt(1, 2, 3, 4).handle)
        Receipt(queue_id=1, number=2, received=3, at_ms=4)
        """
        told = _TOLD.pack(*self)
        return binascii.b2a_base64(_CHECK.pack(zlib.crc32(told, _SUM_OF_ZEROS)) + told, newline=False).decode("ascii")


def parse_handle(handle: str) -> Receipt | None:
    """Return what a receipt handle stands for; None for what is none of ours."""
    try:
        data = binascii.a2b_base64(handle, strict_mode=True)
        (check,), told = _CHECK.unpack(data[: _CHECK.size]), data[_CHECK.size :]
        receipt = tuple.__new__(Receipt, _TOLD.unpack(told))
    except (ValueError, struct.error):
        return None
    return receipt if zlib.crc32(told, _SUM_OF_ZEROS) == check else None
