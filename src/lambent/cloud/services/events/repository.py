"""Rows of EventBridge's resources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from lambent.cloud.services.events.model import Archive, Bus, Replay, Rule
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction

T = TypeVar("T", Bus, Archive, Replay)
_KINDS: dict[type, str] = {Bus: "bus", Archive: "archive", Replay: "replay"}
# Behind every text that begins with another: prefixes are ranges of keys.
_BEHIND_ALL = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Span:
    """Names that begin with `prefix`, behind `after`: the first `limit` of them, all where it is negative."""

    prefix: str = ""
    after: str = ""
    limit: int = -1


ALL = Span()


def resource(reader: Reader, scope: Scope, kind: type[T], name: str) -> T | None:
    """Return a bus, an archive or a replay by its name, or None."""
    found = document(reader, scope, _KINDS[kind], name)
    return None if found is None else kind(**found)


def resources(reader: Reader, scope: Scope, kind: type[T], span: Span) -> list[T]:
    """Return the buses, archives or replays of a span of names, by name."""
    found = documents(reader, scope, _KINDS[kind], span)
    return [kind(**each) for each in found]


def put(transaction: Transaction, scope: Scope, one: Bus | Archive | Replay) -> None:
    """Add a bus, an archive or a replay, or replace the one of its name."""
    put_document(transaction, scope, _KINDS[type(one)], one.name, one)


def delete(transaction: Transaction, scope: Scope, kind: type[Bus | Archive | Replay], name: str) -> None:
    """Remove a bus, an archive or a replay."""
    delete_document(transaction, scope, _KINDS[kind], name)


def document(reader: Reader, scope: Scope, kind: str, name: str) -> dict[str, Any] | None:  # Any: JSON of our own
    """Return what is kept under a kind and a name, or None."""
    row = reader.one(
        "SELECT document FROM events_resource WHERE account = ? AND region = ? AND kind = ? AND name = ?",
        (scope.account, scope.region, kind, name),
    )
    return None if row is None else dict(orjson.loads(str(row[0])))


def documents(reader: Reader, scope: Scope, kind: str, span: Span) -> list[dict[str, Any]]:  # Any: as above
    """Return what is kept under a kind and a span of names, by name."""
    rows = reader.all(
        "SELECT document FROM events_resource WHERE account = ? AND region = ? AND kind = ?"
        " AND name >= ? AND name < ? AND name > ? ORDER BY name LIMIT ?",
        (scope.account, scope.region, kind, span.prefix, span.prefix + _BEHIND_ALL, span.after, span.limit),
    )
    return [orjson.loads(str(row[0])) for row in rows]


def put_document(transaction: Transaction, scope: Scope, kind: str, name: str, content: object) -> None:
    """Keep something under a kind and a name."""
    values = (scope.account, scope.region, kind, name, orjson.dumps(content).decode())
    transaction.execute("INSERT OR REPLACE INTO events_resource VALUES (?, ?, ?, ?, ?)", values)


def delete_document(transaction: Transaction, scope: Scope, kind: str, name: str) -> None:
    """Remove what is kept under a kind and a name."""
    transaction.execute(
        "DELETE FROM events_resource WHERE account = ? AND region = ? AND kind = ? AND name = ?",
        (scope.account, scope.region, kind, name),
    )


def rule(reader: Reader, scope: Scope, bus: str, name: str) -> Rule | None:
    """Return a rule, or None."""
    row = reader.one(
        "SELECT document FROM events_rule WHERE account = ? AND region = ? AND bus = ? AND name = ?",
        (scope.account, scope.region, bus, name),
    )
    return None if row is None else Rule(**orjson.loads(str(row[0])))


def rules(reader: Reader, scope: Scope, bus: str, span: Span) -> list[Rule]:
    """Return the rules of a bus of a span of names, by name."""
    rows = reader.all(
        "SELECT document FROM events_rule WHERE account = ? AND region = ? AND bus = ?"
        " AND name >= ? AND name < ? AND name > ? ORDER BY name LIMIT ?",
        (scope.account, scope.region, bus, span.prefix, span.prefix + _BEHIND_ALL, span.after, span.limit),
    )
    return [Rule(**orjson.loads(str(row[0]))) for row in rows]


def put_rule(transaction: Transaction, scope: Scope, one: Rule) -> None:
    """Add a rule with its targets, or replace the one of its name."""
    key = (scope.account, scope.region, one.bus, one.name)
    transaction.execute("INSERT OR REPLACE INTO events_rule VALUES (?, ?, ?, ?, ?)", (*key, orjson.dumps(one).decode()))


def put_targets(transaction: Transaction, scope: Scope, before: Rule, after: Rule) -> None:
    """Replace a rule by itself with other targets."""
    place = (scope.account, scope.region)
    transaction.executemany(
        "DELETE FROM events_target WHERE account = ? AND region = ? AND arn = ? AND bus = ? AND rule = ? AND id = ?",
        [(*place, each["Arn"], before.bus, before.name, each["Id"]) for each in before.targets],
    )
    transaction.executemany(
        "INSERT INTO events_target VALUES (?, ?, ?, ?, ?, ?)",
        [(*place, each["Arn"], after.bus, after.name, each["Id"]) for each in after.targets],
    )
    put_rule(transaction, scope, after)


def delete_rule(transaction: Transaction, scope: Scope, bus: str, name: str) -> None:
    """Remove a rule that has no targets."""
    transaction.execute(
        "DELETE FROM events_rule WHERE account = ? AND region = ? AND bus = ? AND name = ?",
        (scope.account, scope.region, bus, name),
    )


def rules_with_target(reader: Reader, scope: Scope, bus: str, arn: str) -> list[str]:
    """Return the names of the bus's rules that have a target, sorted."""
    rows = reader.all(
        "SELECT DISTINCT rule FROM events_target"
        " WHERE account = ? AND region = ? AND arn = ? AND bus = ? ORDER BY rule",
        (scope.account, scope.region, arn, bus),
    )
    return [str(row[0]) for row in rows]


def schedule(transaction: Transaction, scope: Scope, name: str, due_at: float | None) -> None:
    """Note when a rule falls due next; None where it does not."""
    if due_at is None:
        transaction.execute(
            "DELETE FROM events_schedule WHERE account = ? AND region = ? AND rule = ?",
            (scope.account, scope.region, name),
        )
        return
    values = (scope.account, scope.region, name, due_at)
    transaction.execute("INSERT OR REPLACE INTO events_schedule VALUES (?, ?, ?, ?)", values)


def next_due(reader: Reader) -> float | None:
    """Return when the next of all rules falls due."""
    row = reader.one("SELECT due_at FROM events_schedule ORDER BY due_at LIMIT 1")
    return None if row is None else float(str(row[0]))


def due_rules(reader: Reader, now: float, limit: int) -> Sequence[tuple[Scope, str, float]]:
    """Return up to `limit` rules that have fallen due, the earliest first: whose they are, and when they fell due."""
    rows = reader.all(
        "SELECT account, region, rule, due_at FROM events_schedule WHERE due_at <= ? ORDER BY due_at LIMIT ?",
        (now, limit),
    )
    return [(Scope(str(account), str(region)), str(name), float(str(due))) for account, region, name, due in rows]
