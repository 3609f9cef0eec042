"""Cyclic redundancy checks that Python's library lacks, at the speed of its big integers.

A CRC is the remainder of the message, read as a polynomial over GF(2), by the algorithm's own polynomial P. Bytes at a
time, Python computes some 5 MB a second. But any multiple Q of P may stand in for P on the way, and there are multiples
of only four or five terms: dividing by such a one is a handful of shifts and exclusive-ors of integers as long as the
message, at some 100 MB a second. Squaring over GF(2) only doubles the exponents, so Q, Q², Q⁴ … are as sparse and as
large as one likes. What is left, shorter than Q, goes through a table. docs/decisions/0020 says how Q was found.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Crc:
    """A reflected CRC with all bits set before and inverted after, as CRC-32 has it.

    `polynomial` is P without its highest term, the constant term in the highest bit (reflected). `multiple` are the
    exponents of a sparse multiple of P besides 0, from the highest on; the second is at most half the first.
    """

    name: str
    width: int
    polynomial: int
    multiple: tuple[int, ...] = ()

    @property
    def all_ones(self) -> int:
        """The register before the first byte."""
        return (1 << self.width) - 1

    def joined(self, first: int, second: int, second_size: int) -> int:
        """Return the CRC of two messages one after the other, from theirs and the length of the second in bytes."""
        return self.times(first, _shift_by(self, second_size)) ^ second

    def times(self, a: int, b: int) -> int:
        """Return the product of two polynomials modulo P, all reflected."""
        bit, product, low = 1 << (self.width - 1), 0, 1
        while bit:
            if a & bit:
                product ^= b
            bit >>= 1
            b = (b >> 1) ^ self.polynomial if b & low else b >> 1
        return product


@functools.lru_cache(maxsize=256)
def _shift_by(crc: Crc, size: int) -> int:
    """Return x^(8·size) modulo P."""
    power, square = 1 << (crc.width - 1), 1 << (crc.width - 9)
    while size:
        if size & 1:
            power = crc.times(power, square)
        square = crc.times(square, square)
        size >>= 1
    return power


@functools.cache
def _table(crc: Crc) -> tuple[int, ...]:
    values = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ crc.polynomial if value & 1 else value >> 1  # noqa: PLW2901 - the register's steps
        values.append(value)
    return tuple(values)


class CrcSum:
    """A CRC under way.

    The message so far, times x^width, is kept as a polynomial of `_length` bits that has the same remainder: bit 0 of
    `_rest` is its term of the highest degree.
    """

    __slots__ = ("_crc", "_length", "_rest")

    def __init__(self, crc: Crc) -> None:
        self._crc = crc
        self._rest = crc.all_ones
        self._length = crc.width

    def update(self, data: bytes | memoryview, /) -> None:
        """Take in what follows."""
        for start in range(0, len(data), _PIECE):
            piece = data[start : start + _PIECE]
            self._rest ^= int.from_bytes(piece, "little") << (self._length - self._crc.width)
            self._length += 8 * len(piece)
            self._reduce()

    def digest(self) -> bytes:
        """Return the CRC of all that was taken in."""
        crc = self._crc
        table, top, size = _table(crc), crc.width - 8, crc.width // 8
        rest = self._rest.to_bytes(self._length // 8, "little")
        register = int.from_bytes(rest[:size], "little")
        for byte in rest[size:]:
            register = (register >> 8) ^ table[register & 255] ^ (byte << top)
        return (register ^ crc.all_ones).to_bytes(size, "big")

    def _reduce(self) -> None:
        """Shorten what is kept to little more than the degree of the sparse multiple."""
        degree, *others = self._crc.multiple
        distances = [degree - other for other in others] + [degree]
        power = max(0, (self._length // degree).bit_length() - 1)
        while power >= 0:
            # At most as many terms at once as none of what they are replaced by falls among them.
            bits = min(distances[0] << power, self._length - (degree << power)) & ~7
            if bits <= 0:
                power -= 1
                continue
            highest = self._rest & ((1 << bits) - 1)
            self._rest >>= bits
            self._length -= bits
            for distance in distances:
                self._rest ^= highest << ((distance << power) - bits)


CRC32 = Crc("CRC-32/ISO-HDLC", 32, 0xEDB88320)
CRC32C = Crc("CRC-32/ISCSI", 32, 0x82F63B78, (5685, 1362, 426))
CRC64NVME = Crc("CRC-64/NVME", 64, 0x9A6C9329AC4BC9B5, (825023, 235232, 87206, 59713))
