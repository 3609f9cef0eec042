"""Where two values of properties differ, as deep as they can be told apart.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_PropertyDifference.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lambent.cloud.services.cloudformation.model.replacement import Properties, same


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where what is differs from what was expected; `kind` is ADD, REMOVE or NOT_EQUAL."""

    path: str
    expected: Any  # Any: JSON-shaped; None where nothing was expected
    actual: Any  # Any: as above
    kind: str

    def shape(self) -> dict[str, str]:
        """Return a PropertyDifference."""
        return {
            "PropertyPath": self.path,
            "ExpectedValue": _text(self.expected),
            "ActualValue": _text(self.actual),
            "DifferenceType": self.kind,
        }


def differences(expected: Properties, actual: Properties) -> list[Difference]:
    """Return the differences of the properties that are expected; others are nobody's business.

    >>> [(one.path, one.kind) for one in differences({"A": {"B": 1, "C": 2}}, {"A": {"B": 3}, "D": 4})]
    [('/A/B', 'NOT_EQUAL'), ('/A/C', 'REMOVE')]
    """
    return [found for name in sorted(expected) for found in _compared(f"/{name}", expected[name], actual.get(name))]


def _compared(path: str, expected: Any, actual: Any) -> Iterator[Difference]:  # Any: JSON-shaped
    if same(expected, actual):
        return
    if actual is None or expected is None:
        yield Difference(path, expected, actual, "REMOVE" if actual is None else "ADD")
    elif isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for name in sorted({*expected, *actual}):
            yield from _compared(f"{path}/{name}", expected.get(name), actual.get(name))
    elif isinstance(expected, list) and isinstance(actual, list):
        for place in range(max(len(expected), len(actual))):
            yield from _compared(f"{path}/{place}", _at(expected, place), _at(actual, place))
    else:
        yield Difference(path, expected, actual, "NOT_EQUAL")


def _at(values: list[Any], place: int) -> Any:  # Any: JSON-shaped
    return values[place] if place < len(values) else None


def _text(value: Any) -> str:  # Any: as above
    return value if isinstance(value, str) else json.dumps(value)
