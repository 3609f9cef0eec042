"""The layer tables: rows to layer versions and back."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from lambent.cloud.services.lambda_.documents import LAYER_POLICIES
from lambent.cloud.services.lambda_.model.function import Code
from lambent.cloud.services.lambda_.model.layer import Compatibility, LayerVersion
from lambent.cloud.services.lambda_.model.policy import Policy
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, SqlValue, Transaction

_COLUMNS = "layer, version, description, license, runtimes, architectures, code, created_at"


def next_version(transaction: Transaction, scope: Scope, layer: str) -> int:
    """Take the next version number of a layer; numbers are never used twice."""
    transaction.execute(
        "INSERT INTO lambda_layers VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET last_version = last_version + 1",
        (scope.account, scope.region, layer),
    )
    row = transaction.one(
        "SELECT last_version FROM lambda_layers WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, layer),
    )
    return int(str(row[0])) if row is not None else 1


def put_layer_version(transaction: Transaction, value: LayerVersion) -> None:
    """Add a layer version."""
    transaction.execute(
        "INSERT INTO lambda_layer_versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            value.scope.account,
            value.scope.region,
            value.layer,
            value.version,
            value.description,
            value.license,
            orjson.dumps(value.runtimes).decode(),
            orjson.dumps(value.architectures).decode(),
            orjson.dumps(value.code).decode(),
            value.created_at,
        ),
    )


def delete_layer_version(transaction: Transaction, scope: Scope, layer: str, version: int) -> None:
    """Remove a layer version, if it is there; functions that refer to it keep working."""
    transaction.execute(
        "DELETE FROM lambda_layer_versions WHERE account = ? AND region = ? AND layer = ? AND version = ?",
        (scope.account, scope.region, layer, version),
    )


def layer_version(reader: Reader, scope: Scope, layer: str, version: int) -> LayerVersion | None:
    """Return one layer version, or None."""
    row = reader.one(
        f"SELECT {_COLUMNS} FROM lambda_layer_versions"  # noqa: S608 - our own column names
        " WHERE account = ? AND region = ? AND layer = ? AND version = ?",
        (scope.account, scope.region, layer, version),
    )
    return None if row is None else _layer_version(scope, row)


def versions_before(
    reader: Reader, layer: tuple[Scope, str], before: int, limit: int, *, fit: Compatibility
) -> list[LayerVersion]:
    """Return the newest of a layer's versions below a number that fit, newest first."""
    scope, name = layer
    condition, parameters = _fitting(fit)
    rows = reader.all(
        f"SELECT {_COLUMNS} FROM lambda_layer_versions"  # noqa: S608 - our own column names
        f" WHERE account = ? AND region = ? AND layer = ? AND version < ?{condition} ORDER BY version DESC LIMIT ?",
        (scope.account, scope.region, name, before, *parameters, limit),
    )
    return [_layer_version(scope, row) for row in rows]


def latest_behind(reader: Reader, scope: Scope, after: str, limit: int, *, fit: Compatibility) -> list[LayerVersion]:
    """Return the newest version that fits of each of the first layers behind a name that have one."""
    condition, parameters = _fitting(fit)
    rows = reader.all(
        f"SELECT {_COLUMNS} FROM lambda_layers AS l"  # noqa: S608 - our own column names
        " CROSS JOIN lambda_layer_versions AS v USING (account, region)"
        " WHERE account = ? AND region = ? AND l.name > ? AND v.layer = l.name AND v.version = ("
        " SELECT version FROM lambda_layer_versions"
        f" WHERE account = l.account AND region = l.region AND layer = l.name{condition} ORDER BY version DESC LIMIT 1"
        ") ORDER BY l.name LIMIT ?",
        (scope.account, scope.region, after, *parameters, limit),
    )
    return [_layer_version(scope, row) for row in rows]


def layer_policy(reader: Reader, scope: Scope, layer: str, version: int) -> Policy | None:
    """Return the policy of a layer version, or None."""
    document = LAYER_POLICIES.one(reader, scope, layer, version)
    return None if document is None else Policy(tuple(document["statements"]), document["revision_id"])


def put_layer_policy(transaction: Transaction, scope: Scope, layer: str, version: int, policy: Policy) -> None:
    """Replace a layer version's policy; one without statements is no policy at all."""
    if not policy.statements:
        LAYER_POLICIES.delete(transaction, scope, layer, version)
        return
    LAYER_POLICIES.put(transaction, scope, (layer, version), policy)


def _fitting(fit: Compatibility) -> tuple[str, tuple[str, ...]]:
    """Return a condition that fits, and its parameters; a version that names nothing fits nothing that is asked for."""
    asked = {"runtimes": fit.runtime, "architectures": fit.architecture}
    named = {column: value for column, value in asked.items() if value is not None}
    condition = "".join(
        f" AND EXISTS (SELECT 1 FROM json_each({column}) WHERE value = ?)"  # noqa: S608 - our own column names
        for column in named
    )
    return condition, tuple(named.values())


def _layer_version(scope: Scope, row: Sequence[SqlValue]) -> LayerVersion:
    layer, version, description, licence, runtimes, architectures, code, created_at = row
    return LayerVersion(
        scope=scope,
        layer=str(layer),
        version=int(str(version)),
        description=str(description),
        license=None if licence is None else str(licence),
        runtimes=_names(runtimes),
        architectures=_names(architectures),
        code=Code(**orjson.loads(str(code))),
        created_at=float(str(created_at)),
    )


def _names(kept: SqlValue) -> tuple[str, ...] | None:
    names = orjson.loads(str(kept))
    return None if names is None else tuple(names)
