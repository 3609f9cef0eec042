"""A capacity provider as people read it: its instances, and the execution environments on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambent.cli.views import human

Shown = Mapping[str, Any]  # Any: JSON of /_lambent


def provider(shown: Shown) -> None:
    """Print a capacity provider and a line for each of its instances."""
    instances: Sequence[Shown] = shown["instances"]
    environments: Sequence[Shown] = shown["environments"]
    human.line()
    human.line(f"capacity provider {human.styled(str(shown['name']), 'green')}, at most {shown['maxVCpuCount']} vCPUs")
    if not instances:
        human.line("no instances")
        return
    human.table(
        ("INSTANCE", "TYPE", "ZONE", "STATE", "EXECUTION ENVIRONMENTS", "SLOTS"),
        [row(each, [one for one in environments if one["instanceId"] == each["instanceId"]]) for each in instances],
    )


def row(instance: Shown, environments: Sequence[Shown]) -> tuple[str, ...]:
    """Return an instance's line: how many environments of which versions, and how many of their slots are busy."""
    counted: dict[str, int] = {}
    for each in environments:
        name = f"{each['functionName']}:{each['version']}"
        counted[name] = counted.get(name, 0) + 1
    slots = sum(int(each["slots"]) for each in environments)
    busy = sum(int(each["busySlots"]) for each in environments)
    return (
        str(instance["instanceId"]),
        str(instance["instanceType"]),
        str(instance["zone"]),
        str(instance["state"]),
        ", ".join(f"{count} of {name}" for name, count in sorted(counted.items())),
        f"{busy} of {slots} busy" if slots else "",
    )
