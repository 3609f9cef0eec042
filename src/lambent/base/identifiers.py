"""Chance as an argument: every identifier and every random choice comes from one injected source."""

from __future__ import annotations

import os
import random
from typing import Protocol

_UPPER_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_UUID_KEPT = ~(0xF000 << 64 | 0xC000 << 48)
_UUID_VERSION_4 = 0x4000 << 64 | 0x8000 << 48


class IdSource(Protocol):
    """A source of identifiers and of chance."""

    def uuid(self) -> str:
        """Return a version 4 UUID in its 36-character form, as AWS's request and revision ids are."""

    def hex(self, length: int) -> str:
        """Return `length` lower-case hexadecimal digits."""

    def base32(self, length: int) -> str:
        """Return `length` characters of A-Z and 2-7, as in AWS's access keys and unique ids."""

    def fraction(self) -> float:
        """Return a number in [0, 1), for weighted choices and jitter."""


class _RandomIds:
    __slots__ = ("_random",)

    def __init__(self, source: random.Random) -> None:
        self._random = source

    def uuid(self) -> str:
        # As `uuid.UUID(int=…, version=4)` makes them (RFC 9562, 5.4), at a third of its cost: every request has one.
        bits = self._random.getrandbits(128) & _UUID_KEPT | _UUID_VERSION_4
        digits = f"{bits:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def hex(self, length: int) -> str:
        return f"{self._random.getrandbits(4 * length):0{length}x}"

    def base32(self, length: int) -> str:
        bits = self._random.getrandbits(5 * length)
        return "".join(_UPPER_AND_DIGITS[(bits >> (5 * place)) & 31] for place in range(length))

    def fraction(self) -> float:
        return self._random.random()


class SystemIds(_RandomIds):
    """Identifiers nobody can foresee, drawn from a generator seeded by the operating system.

    Not for secrets: those come from `secret()`.
    """

    def __init__(self) -> None:
        super().__init__(random.Random(os.urandom(32)))  # one system call at start, none per identifier


class SeededIds(_RandomIds):
    """The same identifiers in every run, for tests and replays."""

    def __init__(self, seed: int) -> None:
        super().__init__(random.Random(seed))


def secret(length: int) -> bytes:
    """Return `length` bytes from the operating system's generator, for keys and tokens that must not be guessed."""
    return os.urandom(length)
