"""Faults on purpose as a table, and as lines of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambent.cli import spans
from lambent.cli.views import human

Shown = Mapping[str, Any]  # Any: JSON of /_lambent


def table(faults: Sequence[Shown]) -> None:
    """Print what strikes what, how long still, and how often it has."""
    human.table(
        ("ID", "FAULT", "TARGET", "SHARE", "DELAY", "ENDS IN", "STRUCK"),
        [
            (
                fault["id"],
                fault["kind"],
                fault["name"],
                f"{fault['percentage']} %",
                _delay(fault),
                spans.told(fault["left_s"]),
                str(fault["strikes"]),
            )
            for fault in faults
        ],
    )


def begun(fault: Shown) -> None:
    """Print that a fault has begun."""
    share = "" if fault["percentage"] == 100 else f" {fault['percentage']} % of the time"
    lasts = spans.told(fault["ends_at"] - fault["begun_at"])
    human.line(f"{fault['id']}  {fault['kind']} strikes {fault['name']}{share}, for {lasts}")


def cleared(faults: Sequence[Shown]) -> None:
    """Print which faults have been cleared."""
    for fault in faults:
        human.line(f"{fault['id']}  {fault['kind']} of {fault['name']} is cleared; struck: {fault['strikes']}")
    if not faults:
        human.line("no faults")


def _delay(fault: Shown) -> str:
    return f"{fault['delay_s']:g} s" if fault["delay_s"] else ""
