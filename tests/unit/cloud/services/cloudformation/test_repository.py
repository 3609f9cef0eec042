"""Rows of stacks: those of an older platform are read, and what is changed at the same time is not lost."""

from __future__ import annotations

import json
from pathlib import Path

from lambent.base.clock import SystemClock
from lambent.cloud.services.cloudformation import repository
from lambent.cloud.services.cloudformation.model.states import StackStatus
from lambent.cloud.store.sqlite_store import store_in
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
    first, second = (script.read_text(encoding="utf-8") for script in SCRIPTS)
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
    await new.migrate("cloudformation", [first, second])
    found = repository.stack_by_id(new.read, ID)
    assert found is not None
    assert (found.status, found.is_held, found.outputs_before) == (StackStatus.CREATE_COMPLETE, False, None)
    row = repository.resources(new.read, ID)["A"]
    assert (row.properties, row.attempted, row.operation_id) == ({"P": "1"}, None, "")
    assert repository.signals(new.read, ID, "A") == {}
    await new.close()


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
