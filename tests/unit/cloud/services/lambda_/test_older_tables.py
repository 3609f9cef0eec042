"""Data directories of older versions: what they hold is counted and ordered as what comes later."""

from __future__ import annotations

import json

from lambent.base.clock import ManualClock
from lambent.cloud.services.lambda_ import repository
from lambent.cloud.services.lambda_.schema import scripts
from lambent.cloud.services.lambda_.usage import usage
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import memory_store
from lambent.cloud.store.unit_of_work import Transaction

SCOPE = Scope("123456789012", "eu-west-1")
KEY = (SCOPE.account, SCOPE.region)
LOGGING = {"group": "g", "format": "Text", "application_level": None, "system_level": None}
SETTINGS = json.dumps({"role": "r", "logging": LOGGING, "layers": []})
STATUS = json.dumps({"state": "Active", "update": None})


def keep(transaction: Transaction) -> None:
    """Write a function with three versions and a layer as the fifth script's version did."""
    transaction.execute("INSERT INTO lambda_functions VALUES (?, ?, 'f', 3, NULL, 'Terminate', '{}')", KEY)
    for number, size in ((0, 10), (-1, 20), (1, 30)):
        code = f'{{"sha256": "", "size": {size}}}'
        transaction.execute(
            "INSERT INTO lambda_versions VALUES (?, ?, 'f', ?, ?, ?, ?, 1, 'r', 0.0, '')",
            (*KEY, number, SETTINGS, code, STATUS),
        )
    transaction.execute(
        "INSERT INTO lambda_layer_versions VALUES (?, ?, 'l', 1, '', NULL, 'null', 'null', ?, 0.0)",
        (*KEY, '{"sha256": "", "size": 5}'),
    )


async def test_versions_keep_their_order_and_what_there_is_is_counted() -> None:
    store = memory_store(ManualClock())
    await store.migrate("lambda", scripts()[:5])
    await store.write(keep)
    await store.migrate("lambda", scripts())
    found = repository.versions(store.read, SCOPE, "f")
    assert [each.version for each in found] == ["$LATEST", "$LATEST.PUBLISHED", "1"]
    assert [each.code.size for each in repository.latest_behind(store.read, SCOPE, "", 9)] == [10]
    assert usage(store.read, SCOPE) == (1, 65)
    await store.write(lambda transaction: repository.delete_function(transaction, SCOPE, "f"))
    assert usage(store.read, SCOPE) == (0, 5)
    await store.close()
