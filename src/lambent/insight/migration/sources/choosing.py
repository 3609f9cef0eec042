"""Which of the functions of a source is meant: by whatever it is called there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

Found = TypeVar("Found")


class FunctionChoiceError(Exception):
    """No function of the source is the one that is meant, or several are; `advice` lists what is there."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class SourceUnreadableError(Exception):
    """The source is not what it is said to be; the message says what it is."""


def choose(wanted: str, functions: Mapping[str, Found], names: Mapping[str, Sequence[str]], where: str) -> Found:
    """Return the function that is called `wanted`; `names` are the further names of each by its address.

    Raises FunctionChoiceError where there is none, or more than one.
    """
    if wanted in functions:
        return functions[wanted]
    found = [address for address in functions if wanted in names.get(address, ())]
    if len(found) == 1:
        return functions[found[0]]
    if found:
        raise FunctionChoiceError(
            f"{where} has {len(found)} functions that are called {wanted}.", f"Name one of {', '.join(found)}."
        )
    told = [f"{address} ({names[address][0]})" if names.get(address) else address for address in functions]
    advice = f"It has {', '.join(told)}." if told else "It has no function at all."
    raise FunctionChoiceError(f"{where} has no function {wanted}.", advice)
