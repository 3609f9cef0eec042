"""Price files: the one that comes along, and those that users give."""

from __future__ import annotations

import json
from importlib.resources import files

from lambent.insight.figures import InsightError
from lambent.insight.prices import PriceBook


def shipped_prices() -> PriceBook:
    """Return the prices that come along."""
    text = files("lambent.insight").joinpath("data", "prices.json").read_text(encoding="utf-8")
    return PriceBook(json.loads(text), "The price file that comes along")


def read_prices(text: str, name: str) -> PriceBook:
    """Return the prices of a file's text; raises InsightError for text that is no price file."""
    try:
        document = json.loads(text.removeprefix("\ufeff"))
    except ValueError as error:
        raise InsightError(f"{name} is no JSON: {error}", "docs/operations/cost.md shows a price file.") from error
    if not isinstance(document, dict):
        raise InsightError(f"{name} is no price file.", "docs/operations/cost.md shows one.")
    return PriceBook(document, name)
