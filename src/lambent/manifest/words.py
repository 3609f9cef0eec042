"""Help with words that are not known: what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """Return `Did you mean x?`, or `otherwise` where nothing known is like the word."""
    names = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return f"Did you mean `{names[close[0]]}`?" if close else otherwise
