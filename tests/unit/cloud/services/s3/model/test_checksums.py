from __future__ import annotations

import hashlib
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambent.cloud.services.s3.model.checksums import ALGORITHMS, composite, joined, read, written
from lambent.cloud.services.s3.model.crc import CRC32, CRC32C, CRC64NVME, Crc, CrcSum

# https://reveng.sourceforge.io/crc-catalogue/all.htm
CHECKS = {"CRC32": "cbf43926", "CRC32C": "e3069283", "CRC64NVME": "ae8b14860a799888"}


def bit_by_bit(crc: Crc, data: bytes) -> int:
    register = crc.all_ones
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ crc.polynomial if register & 1 else register >> 1
    return register ^ crc.all_ones


@pytest.mark.parametrize("name", CHECKS)
def test_each_algorithm_meets_its_published_check(name: str) -> None:
    running = ALGORITHMS[name].begin()
    running.update(b"12345")
    running.update(b"6789")
    assert running.digest().hex() == CHECKS[name]


@pytest.mark.parametrize("crc", [CRC32C, CRC64NVME])
def test_the_sparse_multiple_is_a_multiple(crc: Crc) -> None:
    terms = [crc.times(_power(crc, exponent), 1 << (crc.width - 1)) for exponent in (*crc.multiple, 0)]
    total = 0
    for term in terms:
        total ^= term
    assert total == 0
    assert crc.multiple[1] <= crc.multiple[0] // 2


def _power(crc: Crc, exponent: int) -> int:
    """Return x^exponent modulo P."""
    result, square = 1 << (crc.width - 1), 1 << (crc.width - 2)
    while exponent:
        if exponent & 1:
            result = crc.times(result, square)
        square = crc.times(square, square)
        exponent >>= 1
    return result


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=4000), st.integers(0, 4000))
def test_pieces_and_joined_parts_give_the_checksum_of_the_whole(data: bytes, place: int) -> None:
    first, second = data[:place], data[place:]
    for crc in (CRC32C, CRC64NVME):
        running = CrcSum(crc)
        running.update(first)
        running.update(second)
        expected = bit_by_bit(crc, data)
        assert int.from_bytes(running.digest(), "big") == expected
        assert crc.joined(bit_by_bit(crc, first), bit_by_bit(crc, second), len(second)) == expected
    assert CRC32.joined(zlib.crc32(first), zlib.crc32(second), len(second)) == zlib.crc32(data)


def byte_by_byte(crc: Crc, data: bytes) -> int:
    steps = [bit_by_bit(crc, bytes([byte])) ^ bit_by_bit(crc, b"\0") for byte in range(256)]
    register = crc.all_ones
    for byte in data:
        register = (register >> 8) ^ steps[(register ^ byte) & 255]
    return register ^ crc.all_ones


def test_long_messages_are_divided_by_the_sparse_multiple() -> None:
    data = bytes(range(256)) * 1000
    for crc in (CRC32C, CRC64NVME):
        running = CrcSum(crc)
        for start in range(0, len(data), 77_777):
            running.update(data[start : start + 77_777])
        assert int.from_bytes(running.digest(), "big") == byte_by_byte(crc, data)


def test_parts_have_a_checksum_of_checksums_or_the_wholes() -> None:
    parts = [b"first", b"second"]
    digests = [hashlib.sha256(part).digest() for part in parts]
    expected = written(hashlib.sha256(b"".join(digests)).digest())
    assert composite(ALGORITHMS["SHA256"], [written(digest) for digest in digests]) == f"{expected}-2"
    sums = [(written(zlib.crc32(part).to_bytes(4, "big")), len(part)) for part in parts]
    assert joined(ALGORITHMS["CRC32"], sums) == written(zlib.crc32(b"firstsecond").to_bytes(4, "big"))
    with pytest.raises(ValueError, match="cannot be joined"):
        joined(ALGORITHMS["SHA1"], sums)


def test_what_cannot_be_a_checksum_is_none() -> None:
    assert read(ALGORITHMS["CRC32"], "AAAAAA==") == bytes(4)
    assert read(ALGORITHMS["CRC32"], "AAAA") is None
    assert read(ALGORITHMS["CRC32"], "not base64!") is None
