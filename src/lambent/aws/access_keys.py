"""AWS's unique ids, of which access keys are one kind: a prefix for the kind, then the account and chance in base 32.

The account is in the first ten characters after the prefix, which is how GetAccessKeyInfo answers without a lookup
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids).
"""

from __future__ import annotations

import enum
import re

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_KEY = re.compile(r"(AKIA|ASIA)[A-Z2-7]{16}")
# Ten characters are 50 bits: a set bit (it has been set since accounts were first encoded, and it makes the first
# character Q or later), 40 bits of account, 9 of chance.
_ACCOUNT_BITS = 40
_CHANCE_BITS = 9


class IdKind(enum.Enum):
    """What a unique id names, by its prefix."""

    ACCESS_KEY = "AKIA"
    SESSION_KEY = "ASIA"
    ROLE = "AROA"
    USER = "AIDA"
    GROUP = "AGPA"
    POLICY = "ANPA"
    INSTANCE_PROFILE = "AIPA"

    @property
    def length(self) -> int:
        """How long the whole id is."""
        return 20 if self in {IdKind.ACCESS_KEY, IdKind.SESSION_KEY} else 21


def unique_id(kind: IdKind, account: str, chance: str) -> str:
    """Return an id of `kind` for `account`; `chance` is at least 13 characters of base 32 and decides the rest."""
    low = (_ALPHABET.index(chance[0]) << 5 | _ALPHABET.index(chance[1])) & ((1 << _CHANCE_BITS) - 1)
    bits = 1 << (_ACCOUNT_BITS + _CHANCE_BITS) | int(account) << _CHANCE_BITS | low
    encoded = "".join(_ALPHABET[bits >> (5 * place) & 31] for place in range(9, -1, -1))
    return (kind.value + encoded + chance[2:])[: kind.length]


def account_of(access_key: str) -> str | None:
    """Return the account an access key id belongs to, or None when it is no id of AWS's form."""
    if not _KEY.fullmatch(access_key):
        return None
    bits = 0
    for character in access_key[4:14]:
        bits = bits << 5 | _ALPHABET.index(character)
    account = bits >> _CHANCE_BITS & ((1 << _ACCOUNT_BITS) - 1)
    return f"{account:012d}" if account < 10**12 else None
