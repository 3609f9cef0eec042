"""Numbers: checked, normalised as DynamoDB shows them, and as bytes that sort as the numbers do.

38 significant digits, magnitudes from 1E-130 to 9.9…E+125:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation, Overflow, Underflow

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.dynamodb.errors import invalid

_PLAIN = re.compile(r"0|-?[1-9][0-9]{0,37}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_MOST_DIGITS = 38
_LARGEST_EXPONENT = 125
_SMALLEST_EXPONENT = -130
# Sums are exact before they are checked: both operands together span fewer digits than this.
_TRAPS = [InvalidOperation, Overflow, Underflow]
_EXACT = Context(prec=600, rounding=ROUND_HALF_UP, Emax=999_999, Emin=-999_999, traps=_TRAPS)
_ZERO, _POSITIVE, _NEGATIVE = b"\x80", b"\x81", b"\x7f"


def normalised(text: str) -> str:
    """Return a number as DynamoDB shows it: no exponent, no zeros that say nothing; raises ValidationException.

    >>> normalised("1.50E+3"), normalised("-0.0"), normalised(".5")
    ('1500', '0', '0.5')
    """
    if _PLAIN.fullmatch(text):
        return text
    if not _NUMBER.fullmatch(text):
        tail = f": {text}" if text else ""
        raise invalid(f"The parameter cannot be converted to a numeric value{tail}")
    return _shown(_parsed(text))


def _parsed(text: str) -> Decimal:
    try:
        return _EXACT.create_decimal(text)
    except Overflow:
        raise _overflow() from None
    except Underflow:
        raise _underflow() from None


def added(left: str, right: str) -> str:
    """Return the sum of two numbers; raises ValidationException where it has too many digits or is too large."""
    return _shown(_EXACT.add(Decimal(left), Decimal(right)))


def subtracted(left: str, right: str) -> str:
    """Return the difference of two numbers; raises as `added`."""
    return _shown(_EXACT.subtract(Decimal(left), Decimal(right)))


def size_of(text: str) -> int:
    """Return the bytes that a normalised number takes: one for two significant digits, one for the exponent.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    digits = text.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")


def encoded(text: str) -> bytes:
    """Return bytes that sort as normalised numbers do.

    >>> encoded("-2") < encoded("-1.5") < encoded("0") < encoded("0.1") < encoded("9") < encoded("10")
    True
    """
    sign, digits, exponent = Decimal(text).as_tuple()
    shown = "".join(map(str, digits)).rstrip("0")
    if not shown:
        return _ZERO
    magnitude = int(exponent) + len(digits) - 1 - _SMALLEST_EXPONENT
    if len(shown) % 2:
        shown += "0"
    body = bytes((magnitude, *(int(shown[place : place + 2]) for place in range(0, len(shown), 2))))
    if not sign:
        return _POSITIVE + body
    # The end sorts behind any further digit: a longer negative number is the smaller one.
    return _NEGATIVE + bytes(255 - each for each in body) + b"\xff"


def _shown(number: Decimal) -> str:
    sign, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    significant = text.rstrip("0")
    if not significant:
        return "0"
    if len(significant) > _MOST_DIGITS:
        raise invalid("Attempting to store more than 38 significant digits in a Number")
    scale = int(exponent) + len(text) - len(significant)
    adjusted = scale + len(significant) - 1
    if adjusted > _LARGEST_EXPONENT:
        raise _overflow()
    if adjusted < _SMALLEST_EXPONENT:
        raise _underflow()
    return format(Decimal((sign, tuple(map(int, significant)), scale)), "f")


def _overflow() -> ServiceError:
    return invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")


def _underflow() -> ServiceError:
    return invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
