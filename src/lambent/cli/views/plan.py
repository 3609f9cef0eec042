"""A plan → text: what is added, changed, replaced and removed, and what is lost with it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lambent.cli.views import human
from lambent.deploy.plan import KNOWN_AFTER_APPLY, Action

if TYPE_CHECKING:
    from lambent.deploy.plan import Change, Plan, PropertyChange

_MARKS = {
    Action.ADD: ("+", "green"),
    Action.CHANGE: ("~", "yellow"),
    Action.REPLACE: ("±", "red"),
    Action.REMOVE: ("-", "red"),
}
_LONGEST = 60


def show(plan: Plan, where: str) -> None:
    """Print a plan on standard output."""
    for notice in plan.notices:
        human.note(f"{human.styled('note:', 'cyan', sys.stderr)} {notice}")
    if plan.is_empty:
        human.line(f"Stack {plan.stack_name} on {where} is deployed as the project says: nothing to do.")
        return
    human.line(f"Stack {human.styled(plan.stack_name, 'bold')} on {where}{' (new)' if plan.is_new else ''}")
    human.line()
    if not plan.changes:
        human.line("  No resource changes; outputs, exports, tags or policies do.")
    width = max((len(change.logical_id) for change in plan.changes), default=0)
    for change in plan.changes:
        _change(change, width)
    human.line()
    code(plan)
    human.line(f"Plan: {summary(plan)}.")


def summary(plan: Plan) -> str:
    """Return how many resources each action is done to."""
    words = {Action.ADD: "to add", Action.CHANGE: "to change", Action.REPLACE: "to replace", Action.REMOVE: "to remove"}
    return ", ".join(f"{plan.count(action)} {said}" for action, said in words.items())


def code(plan: Plan) -> None:
    """Tell how large the packages are, the largest first."""
    told = [
        f"{one.logical_id} {_size(one.zipped)} ({_size(one.unzipped)} unpacked)"
        for one in sorted(plan.code, key=lambda one: (-one.unzipped, one.logical_id))
    ]
    if told:
        human.note(f"Code: {', '.join(told)}")


def _size(count: int) -> str:
    """Return a number of bytes as people say it: in kB and MB of 1,024, as Lambda's limits are."""
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} kB" if count < 1024 * 1024 else f"{count / 1024 / 1024:.1f} MB"


def _change(change: Change, width: int) -> None:
    mark, style = _MARKS[change.action]
    kept = " (kept: its policy says so)" if change.is_retained and change.action is Action.REMOVE else ""
    human.line(f"  {human.styled(mark, style)} {change.logical_id:<{width}}  {change.type}{kept}")
    if change.action in {Action.CHANGE, Action.REPLACE}:
        for each in change.properties:
            for name, values in _differences(each):
                human.line(f"      {name}: {values}")
    if change.is_conditional:
        human.line(f"      {human.styled('may be replaced', 'yellow')}: CloudFormation knows once it is there")
    if change.lost:
        human.line(f"      {human.styled('lost:', 'red')} {change.lost}")


def _differences(change: PropertyChange) -> Iterator[tuple[str, str]]:
    """Yield the path and the values of each part of a property that is not the same before and after."""
    if change.before is None or change.after is None or KNOWN_AFTER_APPLY in change.after:
        yield change.name, _values(change.before, change.after)
        return
    try:
        parts = [*_parts(change.name, json.loads(change.before), json.loads(change.after))]
    except ValueError:  # a text, or a number as text
        parts = [(change.name, change.before, change.after)]
    for name, before, after in parts:
        yield name, _values(before, after)


def _parts(path: str, before: object, after: object) -> Iterator[tuple[str, str | None, str | None]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in (*before, *(key for key in after if key not in before)):
            yield from _parts(f"{path}.{key}", before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _parts(f"{path}[{index}]", one, other)
    elif before != after:
        yield path, _text(before), _text(after)


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _values(before: str | None, after: str | None) -> str:
    """Return both values, short: from a little before they differ, where that is far into them."""
    if before is not None and after is not None and KNOWN_AFTER_APPLY not in after:
        alike = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
        if alike > _LONGEST // 2 and max(len(before), len(after)) > _LONGEST:
            before, after = (f"…{value[alike - _LONGEST // 4 :]}" for value in (before, after))
    return f"{_short(before)} → {_short(after)}"


def _short(value: str | None) -> str:
    if value is None:
        return "nothing"
    if KNOWN_AFTER_APPLY in value:
        return "known once it is there"
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
