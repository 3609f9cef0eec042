"""Rows of stacks: those of an older platform are read, and what is changed at the same time is not lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from lambent.base.clock import SystemClock
from lambent.cloud.services.cloudformation import repository
from lambent.cloud.services.cloudformation.model.states import StackStatus
from lambent.cloud.services.cloudformation.repository import StackQuery
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import store_in
from lambent.cloud.store.unit_of_work import Reader, SqlValue
from tests.unit.cloud.services.cloudformation.bench import ID, SCRIPTS, Bench

OLD_STACK = {
    "id": ID,
    "name": "s",
    "scope": {"account": "000000000000", "region": "us-east-1"},
    "status": "CREATE_COMPLETE",
    "created": 1.0,
    "definition": {
        "body": "{}",
        "processed": "{}",
        "parameters": [],
        "capabilities": [],
        "tags": {},
        "role_arn": None,
        "notification_arns": [],
        "description": "",
    },
    "deployed": None,
    "outputs": [],
}
OLD_RESOURCE = {
    "logical_id": "A",
    "type": "T::T::T",
    "status": "CREATE_COMPLETE",
    "since": 1.0,
    "token": "T",
    "physical_id": "A-T",
    "properties": {"P": "1"},
    "needs": [],
}


async def test_a_stack_of_the_first_tables_is_there_after_the_upgrade(tmp_path: Path) -> None:
    first, *later = (script.read_text(encoding="utf-8") for script in SCRIPTS)
    old = store_in(tmp_path / "state.db", SystemClock())
    await old.migrate("cloudformation", [first])
    await old.write(
        lambda transaction: transaction.execute(
            "INSERT INTO cloudformation_stack VALUES (?, '000000000000', 'us-east-1', 's', 'CREATE_COMPLETE', NULL, ?)",
            (ID, json.dumps(OLD_STACK)),
        )
    )
    await old.write(
        lambda transaction: transaction.execute(
            "INSERT INTO cloudformation_resource VALUES (?, 'A', 'A-T', ?)", (ID, json.dumps(OLD_RESOURCE))
        )
    )
    await old.close()
    new = store_in(tmp_path / "state.db", SystemClock())
    await new.migrate("cloudformation", [first, *later])
    found = repository.stack_by_id(new.read, ID)
    assert found is not None
    assert (found.status, found.is_held, found.outputs_before) == (StackStatus.CREATE_COMPLETE, False, None)
    row = repository.resources(new.read, ID)["A"]
    assert (row.properties, row.attempted, row.operation_id) == ({"P": "1"}, None, "")
    assert repository.signals(new.read, ID, "A") == {}
    assert [each.id for _, each in repository.stacks(new.read, found.scope, StackQuery(10))] == [ID]
    await new.close()


class Plans:
    """A reader that also asks the database how it goes about each query."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.steps: list[str] = []

    def all(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[tuple[SqlValue, ...]]:
        """Return every row of the query."""
        self.steps += [str(row[3]) for row in self._reader.all(f"EXPLAIN QUERY PLAN {sql}", parameters)]
        return self._reader.all(sql, parameters)

    def one(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[SqlValue, ...] | None:
        """Return the first row of the query, or None."""
        return self._reader.one(sql, parameters)


@pytest.mark.parametrize(
    "query", [StackQuery(3), StackQuery(3, deleted=True), StackQuery(3, statuses=("CREATE_COMPLETE",), deleted=True)]
)
async def test_a_page_of_stacks_is_read_in_its_order_and_sorts_nothing(bench: Bench, query: StackQuery) -> None:
    plans = Plans(bench.store.read)
    assert repository.stacks(plans, Scope("000000000000", "us-east-1"), query) == []
    assert "USING INDEX cloudformation_stack_in_order" in plans.steps[0]
    assert "(account=? AND region=? AND rowid<?)" in plans.steps[0]
    assert not [step for step in plans.steps if "B-TREE" in step]


async def test_what_is_set_while_an_operation_goes_on_is_not_lost(bench: Bench) -> None:
    bench.handler.held = {"A"}
    await bench.begin(StackStatus.CREATE_IN_PROGRESS, A={"P": "1"})
    await bench.handler.at_work.wait()
    await bench.store.write(
        lambda transaction: repository.amend_stack(transaction, ID, termination_protection=True, policy="{}")
    )
    bench.handler.gate.set()
    found = await bench.rested()
    assert (found.status, found.termination_protection, found.policy) == (StackStatus.CREATE_COMPLETE, True, "{}")
