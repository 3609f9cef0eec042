"""What a key of the manifest is called where letters and digits alone are allowed."""

from __future__ import annotations

import re
from functools import lru_cache

_NO_LETTER_OR_DIGIT = re.compile(r"[^A-Za-z0-9]+")


@lru_cache(maxsize=4096)
def pascal(key: str) -> str:
    """Return `key` as a logical id may be written, without anything but letters and digits.

    >>> pascal("resize-image"), pascal("function_arn"), pascal("toCSV")
    ('ResizeImage', 'FunctionArn', 'ToCSV')
    """
    return "".join(word[:1].upper() + word[1:] for word in _NO_LETTER_OR_DIGIT.split(key))
