"""Receipt handles: which message was received, from which queue, and how often it had been by then.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
"""

from __future__ import annotations

import binascii
import struct
import zlib
from base64 import b64decode, b64encode
from typing import NamedTuple

_FORM = struct.Struct(">IQQIQ")  # the check sum of the rest, queue, number, receives, when


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
        return b64encode(_FORM.pack(zlib.crc32(_FORM.pack(0, *self)), *self)).decode("ascii")


def parse_handle(handle: str) -> Receipt | None:
    """Return what a receipt handle stands for; None for what is none of ours."""
    try:
        data = b64decode(handle, validate=True)
        check, *told = _FORM.unpack(data)
    except (binascii.Error, ValueError, struct.error):
        return None
    return Receipt(*told) if zlib.crc32(_FORM.pack(0, *told)) == check else None
