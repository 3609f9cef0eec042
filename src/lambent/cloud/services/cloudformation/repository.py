"""Rows of stacks, resources, events, change sets, exports and imports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from lambent.cloud.services.cloudformation.model.stack import (
    ChangeSet,
    Definition,
    ResourceStatus,
    Stack,
    StackEvent,
    StackOutput,
    StackParameter,
    StackResource,
)
from lambent.cloud.services.cloudformation.model.states import StackStatus
from lambent.cloud.services.cloudformation.notifications import notice
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, SqlValue, Transaction

Body = dict[str, Any]  # Any: JSON of a value of the model
_AT_IT = frozenset({
    StackStatus.CREATE_IN_PROGRESS, StackStatus.UPDATE_IN_PROGRESS, StackStatus.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS,
})  # fmt: skip
_BEYOND = 2**62  # above every number that SQLite gives a row
_ARRIVED = frozenset({StackStatus.CREATE_COMPLETE, StackStatus.UPDATE_COMPLETE})


def stack(reader: Reader, scope: Scope, name_or_id: str) -> Stack | None:
    """Return the stack of that name that is not deleted, or the one of that id, deleted or not."""
    if name_or_id.startswith("arn:"):
        row = reader.one(
            "SELECT body FROM cloudformation_stack WHERE id = ? AND account = ? AND region = ?",
            (name_or_id, scope.account, scope.region),
        )
    else:
        row = reader.one(
            "SELECT body FROM cloudformation_stack WHERE account = ? AND region = ? AND name = ?"
            " AND status != 'DELETE_COMPLETE'",
            (scope.account, scope.region, name_or_id),
        )
    return None if row is None else _stack(_load(row[0]))


def stack_by_id(reader: Reader, stack_id: str) -> Stack | None:
    """Return the stack of that id, in whichever account and region."""
    row = reader.one("SELECT body FROM cloudformation_stack WHERE id = ?", (stack_id,))
    return None if row is None else _stack(_load(row[0]))


@dataclass(frozen=True, slots=True)
class StackQuery:
    """Which stacks: the newest, or those before a number; without statuses, all but those that are gone."""

    limit: int
    before: int | None = None
    statuses: tuple[str, ...] | None = None
    deleted: bool = False


def stacks(reader: Reader, scope: Scope, query: StackQuery) -> list[tuple[int, Stack]]:
    """Return the scope's stacks that `query` asks for, the newest first, each with its number."""
    chosen, parameters = "", list[SqlValue]()
    if query.statuses:
        chosen = " AND status IN (SELECT value FROM json_each(?))"
        parameters.append(_dump(query.statuses))
    elif not query.deleted:
        chosen = " AND status != 'DELETE_COMPLETE'"
    rows = reader.all(
        f"SELECT rowid, body FROM cloudformation_stack WHERE account = ? AND region = ? AND rowid < ?{chosen}"
        " ORDER BY rowid DESC LIMIT ?",
        (scope.account, scope.region, _BEYOND if query.before is None else query.before, *parameters, query.limit),
    )
    return [(int(str(row[0])), _stack(_load(row[1]))) for row in rows]


def children(reader: Reader, stack_id: str) -> list[Stack]:
    """Return the nested stacks of a stack that are not deleted."""
    rows = reader.all(
        "SELECT body FROM cloudformation_stack WHERE parent_id = ? AND status != 'DELETE_COMPLETE'", (stack_id,)
    )
    return [_stack(_load(row[0])) for row in rows]


def unfinished(reader: Reader) -> list[Stack]:
    """Return the stacks whose operation was under way, in any scope."""
    rows = reader.all(
        "SELECT body FROM cloudformation_stack WHERE status LIKE '%IN_PROGRESS' AND status != 'REVIEW_IN_PROGRESS'"
    )
    return [_stack(_load(row[0])) for row in rows]


def save_stack(transaction: Transaction, stack: Stack) -> None:
    """Write a stack, new or changed."""
    transaction.execute(
        "INSERT INTO cloudformation_stack (id, account, region, name, status, parent_id, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET status = excluded.status, body = excluded.body",
        (stack.id, stack.scope.account, stack.scope.region, stack.name, stack.status, stack.parent_id, _dump(stack)),
    )
    transaction.execute("DELETE FROM cloudformation_topics WHERE stack_id = ?", (stack.id,))
    if topics := stack.definition.notification_arns:
        transaction.execute(
            "INSERT INTO cloudformation_topics (stack_id, account, region, topics) VALUES (?, ?, ?, ?)",
            (stack.id, stack.scope.account, stack.scope.region, _dump(topics)),
        )


def amend_stack(transaction: Transaction, stack_id: str, **changes: object) -> Stack:
    """Change fields of a stack as it is at this moment, whatever a caller saw before, and return it."""
    now = stack_by_id(transaction, stack_id)
    if now is None:
        raise LookupError(stack_id)
    changed = replace(now, **changes)  # type: ignore[arg-type] # fields of Stack, by name
    save_stack(transaction, changed)
    return changed


def resources(reader: Reader, stack_id: str) -> dict[str, StackResource]:
    """Return the stack's resources by logical id."""
    rows = reader.all("SELECT body FROM cloudformation_resource WHERE stack_id = ?", (stack_id,))
    return _by_logical_id(rows)


def resource(reader: Reader, stack_id: str, logical_id: str) -> StackResource | None:
    """Return one resource of a stack, or None."""
    row = reader.one(
        "SELECT body FROM cloudformation_resource WHERE stack_id = ? AND logical_id = ?", (stack_id, logical_id)
    )
    return None if row is None else _resource(_load(row[0]))


def stack_of(reader: Reader, scope: Scope, physical_id: str) -> Stack | None:
    """Return the stack that a physical resource belongs to, or None."""
    row = reader.one(
        "SELECT s.body FROM cloudformation_resource r JOIN cloudformation_stack s ON s.id = r.stack_id"
        " WHERE r.physical_id = ? AND s.account = ? AND s.region = ?",
        (physical_id, scope.account, scope.region),
    )
    return None if row is None else _stack(_load(row[0]))


def resources_called(reader: Reader, scope: Scope, physical_id: str) -> list[StackResource]:
    """Return the resources of the scope's stacks that have a physical id, whatever their types."""
    rows = reader.all(
        "SELECT r.body FROM cloudformation_resource r JOIN cloudformation_stack s ON s.id = r.stack_id"
        " WHERE r.physical_id = ? AND s.account = ? AND s.region = ?",
        (physical_id, scope.account, scope.region),
    )
    return [_resource(_load(row[0])) for row in rows]


def save_resource(transaction: Transaction, stack_id: str, resource: StackResource) -> None:
    """Write a resource, new or changed."""
    transaction.execute(
        "INSERT INTO cloudformation_resource (stack_id, logical_id, physical_id, body) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (stack_id, logical_id) DO UPDATE SET physical_id = excluded.physical_id, body = excluded.body",
        (stack_id, resource.logical_id, resource.physical_id, _dump(resource)),
    )


def remove_resource(transaction: Transaction, stack_id: str, logical_id: str) -> None:
    """Forget a resource."""
    transaction.execute(
        "DELETE FROM cloudformation_resource WHERE stack_id = ? AND logical_id = ?", (stack_id, logical_id)
    )


def take_snapshot(transaction: Transaction, stack_id: str) -> None:
    """Keep the stack's resources as they are, for a rollback; forget what is known of an earlier operation."""
    forget_waits(transaction, stack_id)
    transaction.execute("DELETE FROM cloudformation_snapshot WHERE stack_id = ?", (stack_id,))
    transaction.execute("DELETE FROM cloudformation_leftover WHERE stack_id = ?", (stack_id,))
    transaction.execute(
        "INSERT INTO cloudformation_snapshot (stack_id, logical_id, body)"
        " SELECT stack_id, logical_id, body FROM cloudformation_resource WHERE stack_id = ?",
        (stack_id,),
    )


def forget_waits(transaction: Transaction, stack_id: str, *, all_of_them: bool = False) -> None:
    """Forget signals, and the addresses of questions that were asked; with `all_of_them` those of handles too."""
    which = "key IN (SELECT key FROM cloudformation_address WHERE stack_id = ? AND step LIKE ?)"
    parameters = (stack_id, "%" if all_of_them else "ask/%")
    transaction.execute(f"DELETE FROM cloudformation_answer WHERE {which}", parameters)
    transaction.execute("DELETE FROM cloudformation_address WHERE stack_id = ? AND step LIKE ?", parameters)
    transaction.execute("DELETE FROM cloudformation_signal WHERE stack_id = ?", (stack_id,))


def note_restored(transaction: Transaction, stack_id: str, logical_id: str) -> None:
    """Let a resource, as it is now, count as untouched by the operation: it is again what it was before."""
    transaction.execute(
        "UPDATE cloudformation_snapshot SET body = (SELECT r.body FROM cloudformation_resource r"
        " WHERE r.stack_id = cloudformation_snapshot.stack_id AND r.logical_id = cloudformation_snapshot.logical_id)"
        " WHERE stack_id = ? AND logical_id = ?",
        (stack_id, logical_id),
    )


def add_signal(transaction: Transaction, stack_id: str, logical_id: str, unique_id: str, status: str) -> None:
    """Keep what a resource was signalled; the same id again replaces what it said before."""
    transaction.execute(
        "INSERT INTO cloudformation_signal (stack_id, logical_id, unique_id, status) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET status = excluded.status",
        (stack_id, logical_id, unique_id, status),
    )


def signals(reader: Reader, stack_id: str, logical_id: str) -> dict[str, str]:
    """Return the status of each signal of a resource, by its id."""
    rows = reader.all(
        "SELECT unique_id, status FROM cloudformation_signal WHERE stack_id = ? AND logical_id = ?",
        (stack_id, logical_id),
    )
    return {str(unique_id): str(status) for unique_id, status in rows}


def add_operation(transaction: Transaction, of: Stack, kind: str, now: float) -> None:
    """Keep that an operation of a stack began."""
    transaction.execute(
        "INSERT INTO cloudformation_operation (id, account, region, stack_id, kind, began) VALUES (?, ?, ?, ?, ?, ?)",
        (of.operation_id, of.scope.account, of.scope.region, of.id, kind, now),
    )


def operations(
    reader: Reader, scope: Scope, *, stack_id: str | None = None, operation_id: str | None = None
) -> dict[str, tuple[str, str]]:
    """Return operations by id, the stack and the kind of each: those of a stack, or the one of an id."""
    rows = reader.all(
        "SELECT id, stack_id, kind FROM cloudformation_operation WHERE account = ? AND region = ?"
        " AND (? IS NULL OR stack_id = ?) AND (? IS NULL OR id = ?)",
        (scope.account, scope.region, stack_id, stack_id, operation_id, operation_id),
    )
    return {str(found): (str(owner), str(kind)) for found, owner, kind in rows}


def snapshot(reader: Reader, stack_id: str) -> dict[str, StackResource]:
    """Return the resources as they were when the operation began."""
    rows = reader.all("SELECT body FROM cloudformation_snapshot WHERE stack_id = ?", (stack_id,))
    return _by_logical_id(rows)


def add_leftover(transaction: Transaction, stack_id: str, resource: StackResource) -> None:
    """Note a physical resource that is to be removed in the clean-up."""
    transaction.execute(
        "INSERT INTO cloudformation_leftover (stack_id, body) VALUES (?, ?)", (stack_id, _dump(resource))
    )


def leftovers(reader: Reader, stack_id: str) -> list[tuple[int, StackResource]]:
    """Return what is to be removed in the clean-up, each with its number, in the order noted."""
    rows = reader.all(
        "SELECT number, body FROM cloudformation_leftover WHERE stack_id = ? ORDER BY number", (stack_id,)
    )
    return [(int(str(row[0])), _resource(_load(row[1]))) for row in rows]


def remove_leftover(transaction: Transaction, number: int) -> None:
    """Forget one of them."""
    transaction.execute("DELETE FROM cloudformation_leftover WHERE number = ?", (number,))


def keep_from_clean_up(transaction: Transaction, stack_id: str, listed: Iterable[StackResource]) -> None:
    """Take out of what is left over the physical resources that the stack lists again."""
    live = {(one.token, one.physical_id) for one in listed}
    for number, row in leftovers(transaction, stack_id):
        if (row.token, row.physical_id) in live:
            remove_leftover(transaction, number)


def add_event(transaction: Transaction, stack_id: str, event: StackEvent) -> None:
    """Write an event, and tell the stack's topics of it; they are read in the reverse order."""
    transaction.execute("INSERT INTO cloudformation_event (stack_id, body) VALUES (?, ?)", (stack_id, _dump(event)))
    row = transaction.one("SELECT account, region, topics FROM cloudformation_topics WHERE stack_id = ?", (stack_id,))
    if row is not None:
        scope, topics = Scope(str(row[0]), str(row[1])), orjson.loads(str(row[2]))
        transaction.enqueue(notice(event, stack_id, scope, topics))


def events(reader: Reader, stack_id: str, *, before: int | None, limit: int) -> list[tuple[int, StackEvent]]:
    """Return at most `limit` events of a stack, the newest first, each with its number, those before a number."""
    rows = reader.all(
        "SELECT number, body FROM cloudformation_event WHERE stack_id = ? AND (? IS NULL OR number < ?)"
        " ORDER BY number DESC LIMIT ?",
        (stack_id, before, before, limit),
    )
    return [(int(str(row[0])), StackEvent(**_load(row[1]))) for row in rows]


def change_set(reader: Reader, stack_id: str, name_or_id: str) -> ChangeSet | None:
    """Return a stack's change set by name or id."""
    row = reader.one(
        "SELECT body FROM cloudformation_change_set WHERE stack_id = ? AND (name = ? OR id = ?)",
        (stack_id, name_or_id, name_or_id),
    )
    return None if row is None else _change_set(_load(row[0]))


def change_set_by_id(reader: Reader, change_set_id: str) -> ChangeSet | None:
    """Return the change set of that id."""
    row = reader.one("SELECT body FROM cloudformation_change_set WHERE id = ?", (change_set_id,))
    return None if row is None else _change_set(_load(row[0]))


def change_sets(reader: Reader, stack_id: str) -> list[ChangeSet]:
    """Return a stack's change sets, the oldest first."""
    rows = reader.all("SELECT body FROM cloudformation_change_set WHERE stack_id = ? ORDER BY rowid", (stack_id,))
    return [_change_set(_load(row[0])) for row in rows]


def save_change_set(transaction: Transaction, found: ChangeSet) -> None:
    """Write a change set, new or changed."""
    transaction.execute(
        "INSERT INTO cloudformation_change_set (id, stack_id, name, body) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET body = excluded.body",
        (found.id, found.stack_id, found.name, _dump(found)),
    )


def settle_change_set(transaction: Transaction, of: Stack) -> None:
    """Let the change set that a stack carries out be executed or failed, once the stack is no longer at it."""
    found = None if of.change_set_id is None else change_set_by_id(transaction, of.change_set_id)
    if found is None or found.execution_status != "EXECUTE_IN_PROGRESS" or of.status in _AT_IT:
        return
    status = "EXECUTE_COMPLETE" if of.status in _ARRIVED else "EXECUTE_FAILED"
    save_change_set(transaction, replace(found, execution_status=status))


def outdate_change_sets(transaction: Transaction, stack_id: str) -> None:
    """Let a stack's change sets be void: it is created without them."""
    for one in change_sets(transaction, stack_id):
        save_change_set(transaction, replace(one, execution_status="OBSOLETE"))


def remove_change_sets(transaction: Transaction, stack_id: str, *, but: str | None = None) -> None:
    """Forget a stack's change sets, but for one."""
    transaction.execute("DELETE FROM cloudformation_change_set WHERE stack_id = ? AND id != ?", (stack_id, but or ""))


def remove_change_set(transaction: Transaction, change_set_id: str) -> None:
    """Forget one change set."""
    transaction.execute("DELETE FROM cloudformation_change_set WHERE id = ?", (change_set_id,))


def exports(reader: Reader, scope: Scope) -> dict[str, tuple[str, str]]:
    """Return the scope's exports by name: the exporting stack's id, and the value."""
    rows = reader.all(
        "SELECT name, stack_id, value FROM cloudformation_export WHERE account = ? AND region = ? ORDER BY name",
        (scope.account, scope.region),
    )
    return {str(name): (str(stack_id), str(value)) for name, stack_id, value in rows}


def importers(reader: Reader, scope: Scope, name: str) -> list[str]:
    """Return the ids of the stacks that import an export."""
    rows = reader.all(
        "SELECT stack_id FROM cloudformation_import WHERE account = ? AND region = ? AND name = ? ORDER BY stack_id",
        (scope.account, scope.region, name),
    )
    return [str(row[0]) for row in rows]


def set_exports(transaction: Transaction, stack: Stack, exported: Mapping[str, str]) -> None:
    """Let these be all the exports of a stack."""
    transaction.execute("DELETE FROM cloudformation_export WHERE stack_id = ?", (stack.id,))
    transaction.executemany(
        "INSERT INTO cloudformation_export (account, region, name, stack_id, value) VALUES (?, ?, ?, ?, ?)",
        [(stack.scope.account, stack.scope.region, name, stack.id, value) for name, value in exported.items()],
    )


def set_imports(transaction: Transaction, stack: Stack, names: Iterable[str]) -> None:
    """Let these be all that a stack imports."""
    transaction.execute("DELETE FROM cloudformation_import WHERE stack_id = ?", (stack.id,))
    transaction.executemany(
        "INSERT INTO cloudformation_import (account, region, name, stack_id) VALUES (?, ?, ?, ?)",
        [(stack.scope.account, stack.scope.region, name, stack.id) for name in sorted(set(names))],
    )


def _dump(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_DATACLASS).decode()


def _load(text: object) -> Body:
    body: Body = orjson.loads(str(text))
    return body


def _stack(body: Body) -> Stack:
    deployed = body["deployed"]
    return Stack(
        **{
            **body,
            "scope": Scope(**body["scope"]),
            "status": StackStatus(body["status"]),
            "definition": _definition(body["definition"]),
            "deployed": None if deployed is None else _definition(deployed),
            "outputs": tuple(StackOutput(**one) for one in body["outputs"]),
            "spared": tuple(body.get("spared", ())),
            "outputs_before": _outputs_before(body),
        }
    )


def _outputs_before(body: Body) -> tuple[StackOutput, ...] | None:
    found = body.get("outputs_before")
    return None if found is None else tuple(StackOutput(**one) for one in found)


def _definition(body: Body) -> Definition:
    return Definition(
        **{
            **body,
            "parameters": tuple(StackParameter(**one) for one in body["parameters"]),
            "capabilities": tuple(body["capabilities"]),
            "notification_arns": tuple(body["notification_arns"]),
        }
    )


def _resource(body: Body) -> StackResource:
    return StackResource(**{**body, "status": ResourceStatus(body["status"]), "needs": tuple(body["needs"])})


def _change_set(body: Body) -> ChangeSet:
    return ChangeSet(**{**body, "definition": _definition(body["definition"])})


def _by_logical_id(rows: Iterable[Sequence[object]]) -> dict[str, StackResource]:
    found = (_resource(_load(row[0])) for row in rows)
    return {one.logical_id: one for one in found}
