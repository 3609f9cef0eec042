"""The checksums of S3: which there are, how they are computed, joined, and written.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from lambent.cloud.services.s3.model.crc import CRC32, CRC32C, CRC64NVME, Crc, CrcSum

ChecksumType = Literal["FULL_OBJECT", "COMPOSITE"]
DEFAULT = "CRC64NVME"
"""What S3 computes where the client states no checksum."""


class Running(Protocol):
    """A checksum under way."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take in what follows."""

    def digest(self) -> bytes:
        """Return the checksum of all that was taken in."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One algorithm; `crc` is set where parts' checksums can be joined into the whole object's."""

    name: str
    begin: Callable[[], Running]
    size: int
    crc: Crc | None = None

    @property
    def member(self) -> str:
        """The member of requests and results that carries it."""
        return f"Checksum{self.name}"

    @property
    def header(self) -> str:
        """The header that carries it."""
        return f"x-amz-checksum-{self.name.lower()}"


class _Zlib:
    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _md5() -> Running:
    return hashlib.md5(usedforsecurity=False)


def _sha1() -> Running:
    return hashlib.sha1(usedforsecurity=False)


ALGORITHMS: Mapping[str, Algorithm] = {
    each.name: each
    for each in (
        Algorithm("CRC32", _Zlib, 4, CRC32),
        Algorithm("CRC32C", lambda: CrcSum(CRC32C), 4, CRC32C),
        Algorithm("CRC64NVME", lambda: CrcSum(CRC64NVME), 8, CRC64NVME),
        Algorithm("SHA1", _sha1, 20),
        Algorithm("SHA256", hashlib.sha256, 32),
        Algorithm("SHA512", hashlib.sha512, 64),
        Algorithm("MD5", _md5, 16),
    )
}
REFUSED = ("XXHASH64", "XXHASH3", "XXHASH128")
"""Algorithms of S3 that cannot be computed here."""


def written(digest: bytes) -> str:
    """Return a checksum as members and headers have it."""
    return base64.b64encode(digest).decode("ascii")


def read(algorithm: Algorithm, text: str) -> bytes | None:
    """Return the checksum that a client states, or None where it cannot be one."""
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest if len(digest) == algorithm.size else None


def usual_type(algorithm: str) -> ChecksumType:
    """Return the type of a multipart upload's checksum where its maker states none."""
    return "FULL_OBJECT" if algorithm == "CRC64NVME" else "COMPOSITE"


def may_be(algorithm: str, checksum_type: str) -> bool:
    """Return whether a multipart upload may have a checksum of that type by that algorithm."""
    if checksum_type == "FULL_OBJECT":
        return ALGORITHMS[algorithm].crc is not None
    return algorithm != "CRC64NVME"


def composite(algorithm: Algorithm, parts: Sequence[str]) -> str:
    """Return the checksum of the parts' checksums, with their count behind it."""
    running = algorithm.begin()
    for part in parts:
        running.update(base64.b64decode(part))
    return f"{written(running.digest())}-{len(parts)}"


def joined(algorithm: Algorithm, parts: Sequence[tuple[str, int]]) -> str:
    """Return the whole object's checksum from those of its parts and their sizes; for a CRC alone."""
    if algorithm.crc is None:
        raise ValueError(f"{algorithm.name} of parts cannot be joined")
    value = 0
    for text, size in parts:
        value = algorithm.crc.joined(value, int.from_bytes(base64.b64decode(text), "big"), size)
    return written(value.to_bytes(algorithm.size, "big"))
