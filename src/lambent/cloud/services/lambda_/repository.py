"""Lambda's tables: rows to model values and back. Every query starts with account and region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from lambent.cloud.services.lambda_.documents import INVOKE_CONFIGS, OF_A_QUALIFIER, PROVISIONED
from lambent.cloud.services.lambda_.model.function import (
    LATEST,
    LATEST_PUBLISHED,
    Alias,
    Code,
    Function,
    FunctionVersion,
    LayerReference,
    Logging,
    Settings,
)
from lambent.cloud.services.lambda_.model.invoke_config import InvokeConfig
from lambent.cloud.services.lambda_.model.policy import Policy
from lambent.cloud.services.lambda_.model.provisioned import ProvisionedConfig
from lambent.cloud.services.lambda_.model.state import State, Status, UpdateStatus
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, SqlValue, Transaction

_FUNCTION = "name, next_version, reserved_concurrency, recursive_loop, tags"
_VERSION = "function, number, settings, code, status, revision_id, last_modified, source"
_ALIAS = "function, name, version, description, weights, revision_id"
# What stands in the place of a number. In AWS's order both come before the numbers, $LATEST first.
_UNNUMBERED = {LATEST: 0, LATEST_PUBLISHED: -1}
_PROVIDER = (
    "json_extract(settings, '$.recorded.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig"
    ".CapacityProviderArn')"
)
# `position` of the model, in SQL.
_POSITION = "CASE number WHEN 0 THEN 0 WHEN -1 THEN 1 ELSE number + 1 END"


def scopes(reader: Reader) -> list[Scope]:
    """Return every account and region that has a function."""
    rows = reader.all("SELECT DISTINCT account, region FROM lambda_functions")
    return [Scope(str(account), str(region)) for account, region in rows]


def functions(reader: Reader, scope: Scope) -> list[Function]:
    """Return the scope's functions by name."""
    rows = reader.all(
        f"SELECT {_FUNCTION} FROM lambda_functions WHERE account = ? AND region = ? ORDER BY name",
        (scope.account, scope.region),
    )
    return [_function(scope, row) for row in rows]


def function(reader: Reader, scope: Scope, name: str) -> Function | None:
    """Return one function, or None."""
    row = reader.one(
        f"SELECT {_FUNCTION} FROM lambda_functions WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    )
    return None if row is None else _function(scope, row)


def keeping_hold(reader: Reader) -> list[tuple[Scope, str]]:
    """Return the functions that something outside refers to before they are invoked.

    Those are the ones with reserved or provisioned concurrency, those with a function URL, and those with a policy that
    may keep somebody from them.
    """
    rows = reader.all(
        "SELECT account, region, name FROM lambda_functions WHERE reserved_concurrency IS NOT NULL"
        " UNION SELECT account, region, function FROM lambda_provisioned"
        " UNION SELECT account, region, function FROM lambda_urls"
        # One too many, that only speaks of "Deny", does no harm.
        """ UNION SELECT account, region, function FROM lambda_policies WHERE instr(statements, '"Deny"')"""
    )
    return [(Scope(str(account), str(region)), str(name)) for account, region, name in rows]


def put_function(transaction: Transaction, value: Function) -> None:
    """Add the function or replace what is kept of it (not its versions, aliases and policies)."""
    transaction.execute(
        "INSERT INTO lambda_functions VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " next_version = excluded.next_version, reserved_concurrency = excluded.reserved_concurrency,"
        " recursive_loop = excluded.recursive_loop, tags = excluded.tags",
        (
            value.scope.account,
            value.scope.region,
            value.name,
            value.next_version,
            value.reserved_concurrency,
            value.recursive_loop,
            _text(dict(value.tags)),
        ),
    )


def delete_function(transaction: Transaction, scope: Scope, name: str) -> None:
    """Remove a function with everything that is kept beside it."""
    transaction.execute(
        "DELETE FROM lambda_functions WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    )


def reserved_in(reader: Reader, scope: Scope, *, other_than: str = "") -> int:
    """Return the sum of the scope's reserved concurrency, one function left out."""
    row = reader.one(
        "SELECT coalesce(sum(reserved_concurrency), 0) FROM lambda_functions"
        " WHERE account = ? AND region = ? AND name <> ?",
        (scope.account, scope.region, other_than),
    )
    return int(row[0]) if row is not None and isinstance(row[0], int) else 0


def versions(reader: Reader, scope: Scope, name: str) -> list[FunctionVersion]:
    """Return a function's versions, `$LATEST` first."""
    rows = reader.all(
        f"SELECT {_VERSION} FROM lambda_versions WHERE account = ? AND region = ? AND function = ?"
        f" ORDER BY {_POSITION}",
        (scope.account, scope.region, name),
    )
    return [_version(scope, row) for row in rows]


def versions_behind(
    reader: Reader, scope: Scope, after: tuple[str, int], limit: int, *, only_latest: bool
) -> list[FunctionVersion]:
    """Return the first versions of the scope's functions (or `$LATEST` of each) behind a place, in AWS's order.

    The place is a function's name and a `position` among its versions; what stands before it is not read.
    """
    name, position = after
    key = (scope.account, scope.region, name)
    chosen = f"SELECT {_VERSION} FROM lambda_versions WHERE account = ? AND region = ?"
    if only_latest:
        rows = reader.all(f"{chosen} AND function > ? AND number = 0 ORDER BY function LIMIT ?", (*key, limit))
    else:
        rows = reader.all(
            f"{chosen} AND function >= ? AND (function > ? OR {_POSITION} > ?) ORDER BY function, {_POSITION} LIMIT ?",
            (*key, name, position, limit),
        )
    return [_version(scope, row) for row in rows]


def versions_on_provider(reader: Reader, scope: Scope, provider_arn: str) -> list[FunctionVersion]:
    """Return the versions that are configured to run on a capacity provider, `$LATEST` included, in AWS's order."""
    # Left to itself, SQLite goes by the primary key, through every version there is.
    rows = reader.all(
        f"SELECT {_VERSION} FROM lambda_versions INDEXED BY lambda_versions_by_provider"
        f" WHERE account = ? AND region = ? AND {_PROVIDER} = ? AND {_PROVIDER} IS NOT NULL"
        f" ORDER BY function, {_POSITION}",
        (scope.account, scope.region, provider_arn),
    )
    return [_version(scope, row) for row in rows]


def states(reader: Reader, scope: Scope) -> list[tuple[str, str, str]]:
    """Return function, version and state of every version in the scope, in AWS's order."""
    rows = reader.all(
        "SELECT function, number, json_extract(status, '$.state') FROM lambda_versions"
        f" WHERE account = ? AND region = ? ORDER BY function, {_POSITION}",
        (scope.account, scope.region),
    )
    return [(str(name), _label(_integer(number)), str(state)) for name, number, state in rows]


def targets(reader: Reader, scope: Scope) -> list[tuple[str, str, str]]:
    """Return function, name and version of every alias in the scope."""
    rows = reader.all(
        "SELECT function, name, version FROM lambda_aliases WHERE account = ? AND region = ?",
        (scope.account, scope.region),
    )
    return [(str(function), str(name), str(version)) for function, name, version in rows]


def usage(reader: Reader, scope: Scope) -> tuple[int, int]:
    """Return how many functions the scope has, and the bytes of all their versions' packages."""
    count = reader.one(
        "SELECT count(*) FROM lambda_functions WHERE account = ? AND region = ?", (scope.account, scope.region)
    )
    size = reader.one(
        "SELECT coalesce(sum(json_extract(code, '$.size')), 0) FROM lambda_versions WHERE account = ? AND region = ?",
        (scope.account, scope.region),
    )
    return _integer(count[0] if count else 0), _integer(size[0] if size else 0)


def version(reader: Reader, scope: Scope, name: str, number: str = LATEST) -> FunctionVersion | None:
    """Return one version of a function, or None; a number is written without leading zeros."""
    if number not in _UNNUMBERED and number.startswith("0"):
        return None
    row = reader.one(
        f"SELECT {_VERSION} FROM lambda_versions WHERE account = ? AND region = ? AND function = ? AND number = ?",
        (scope.account, scope.region, name, _number(number)),
    )
    return None if row is None else _version(scope, row)


def unsettled(reader: Reader) -> list[FunctionVersion]:
    """Return the versions whose preparation was under way when the platform stopped."""
    rows = reader.all(f"SELECT account, region, {_VERSION} FROM lambda_versions WHERE settled = 0")
    return [_version(Scope(str(row[0]), str(row[1])), row[2:]) for row in rows]


def put_version(transaction: Transaction, value: FunctionVersion) -> None:
    """Add the version or replace it."""
    transaction.execute(
        "INSERT OR REPLACE INTO lambda_versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            value.scope.account,
            value.scope.region,
            value.function,
            _number(value.version),
            _text(value.settings),
            _text(value.code),
            _text(value.status),
            value.status.is_settled,
            value.revision_id,
            value.last_modified,
            value.source,
        ),
    )


def delete_version(transaction: Transaction, value: FunctionVersion) -> None:
    """Remove a published version with everything attached to it."""
    key = (value.scope.account, value.scope.region, value.function)
    transaction.execute(
        "DELETE FROM lambda_versions WHERE account = ? AND region = ? AND function = ? AND number = ?",
        (*key, _number(value.version)),
    )
    _delete_attached(transaction, value.scope, value.function, value.version)


def aliases(reader: Reader, scope: Scope, name: str) -> list[Alias]:
    """Return a function's aliases by name."""
    rows = reader.all(
        f"SELECT {_ALIAS} FROM lambda_aliases WHERE account = ? AND region = ? AND function = ? ORDER BY name",
        (scope.account, scope.region, name),
    )
    return [_alias(scope, row) for row in rows]


def alias(reader: Reader, scope: Scope, name: str, alias_name: str) -> Alias | None:
    """Return one alias, or None."""
    row = reader.one(
        f"SELECT {_ALIAS} FROM lambda_aliases WHERE account = ? AND region = ? AND function = ? AND name = ?",
        (scope.account, scope.region, name, alias_name),
    )
    return None if row is None else _alias(scope, row)


def put_alias(transaction: Transaction, value: Alias) -> None:
    """Add the alias or replace it."""
    transaction.execute(
        "INSERT OR REPLACE INTO lambda_aliases VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            value.scope.account,
            value.scope.region,
            value.function,
            value.name,
            value.version,
            value.description,
            _text(dict(value.weights)),
            value.revision_id,
        ),
    )


def delete_alias(transaction: Transaction, scope: Scope, name: str, alias_name: str) -> None:
    """Remove an alias with everything attached to it."""
    key = (scope.account, scope.region, name, alias_name)
    transaction.execute(
        "DELETE FROM lambda_aliases WHERE account = ? AND region = ? AND function = ? AND name = ?", key
    )
    _delete_attached(transaction, scope, name, alias_name)


def policies(reader: Reader, scope: Scope, name: str) -> dict[str, Policy]:
    """Return a function's policies by qualifier, "" being the function itself."""
    rows = reader.all(
        "SELECT qualifier, statements, revision_id FROM lambda_policies"
        " WHERE account = ? AND region = ? AND function = ?",
        (scope.account, scope.region, name),
    )
    return {str(row[0]): _policy(row[1:]) for row in rows}


def policy(reader: Reader, scope: Scope, name: str, qualifier: str) -> Policy | None:
    """Return the policy of a function ("") or of one of its versions or aliases, or None."""
    row = reader.one(
        "SELECT statements, revision_id FROM lambda_policies"
        " WHERE account = ? AND region = ? AND function = ? AND qualifier = ?",
        (scope.account, scope.region, name, qualifier),
    )
    return None if row is None else _policy(row)


def put_policy(transaction: Transaction, scope: Scope, name: str, qualifier: str, value: Policy) -> None:
    """Replace a policy; one without statements is no policy at all."""
    key = (scope.account, scope.region, name, qualifier)
    if not value.statements:
        transaction.execute(
            "DELETE FROM lambda_policies WHERE account = ? AND region = ? AND function = ? AND qualifier = ?", key
        )
        return
    transaction.execute(
        "INSERT OR REPLACE INTO lambda_policies VALUES (?, ?, ?, ?, ?, ?)",
        (*key, _text(_policy_text(value)), value.revision_id),
    )


def invoke_configs(reader: Reader, scope: Scope, name: str) -> dict[str, InvokeConfig]:
    """Return how a function's asynchronous invocations are treated, by qualifier."""
    found = INVOKE_CONFIGS.under(reader, scope, name)
    return {qualifier: InvokeConfig(**document) for (_, qualifier), document in found.items()}


def provisioned(reader: Reader, scope: Scope, name: str) -> dict[str, ProvisionedConfig]:
    """Return a function's provisioned concurrency by qualifier."""
    found = PROVISIONED.under(reader, scope, name)
    return {qualifier: ProvisionedConfig(**document) for (_, qualifier), document in found.items()}


def provisioned_in(reader: Reader, scope: Scope, *, other_than: str = "") -> int:
    """Return the sum of the scope's provisioned concurrency that no reservation covers, one function left out."""
    row = reader.one(
        "SELECT coalesce(sum(document ->> 'requested'), 0) FROM lambda_provisioned"
        " JOIN lambda_functions AS f USING (account, region)"
        " WHERE account = ? AND region = ? AND f.name = function AND f.reserved_concurrency IS NULL AND f.name <> ?",
        (scope.account, scope.region, other_than),
    )
    return int(row[0]) if row is not None and isinstance(row[0], int) else 0


def _delete_attached(transaction: Transaction, scope: Scope, name: str, qualifier: str) -> None:
    transaction.execute(
        "DELETE FROM lambda_policies WHERE account = ? AND region = ? AND function = ? AND qualifier = ?",
        (scope.account, scope.region, name, qualifier),
    )
    for table in OF_A_QUALIFIER:
        table.delete(transaction, scope, name, qualifier)


def _function(scope: Scope, row: Sequence[SqlValue]) -> Function:
    name, next_version, reserved, loop, tags = row
    return Function(
        scope,
        str(name),
        next_version=_integer(next_version),
        reserved_concurrency=None if reserved is None else _integer(reserved),
        recursive_loop=str(loop),
        tags=_json(tags),
    )


def _version(scope: Scope, row: Sequence[SqlValue]) -> FunctionVersion:
    name, number, settings, code, status, revision, modified, source = row
    return FunctionVersion(
        scope=scope,
        function=str(name),
        version=_label(_integer(number)),
        settings=_settings(_json(settings)),
        code=Code(**_json(code)),
        status=_status(_json(status)),
        revision_id=str(revision),
        last_modified=float(modified) if isinstance(modified, (int, float)) else 0.0,
        source=str(source),
    )


def _settings(kept: dict[str, Any]) -> Settings:  # Any: JSON of our own writing
    kept["logging"] = Logging(**kept["logging"])
    kept["layers"] = tuple(LayerReference(**each) for each in kept["layers"])
    return Settings(**kept)


def _status(kept: dict[str, Any]) -> Status:  # Any: as above
    update = kept.pop("update")
    return Status(State(kept.pop("state")), update=UpdateStatus(update) if update else None, **kept)


def _alias(scope: Scope, row: Sequence[SqlValue]) -> Alias:
    function_name, name, target, description, weights, revision = map(_as_text, row)
    return Alias(scope, function_name, name, target, description, _json(weights), revision)


def _policy(row: Sequence[SqlValue]) -> Policy:
    kept, revision = _json(row[0]), str(row[1])
    if isinstance(kept, list):
        return Policy(tuple(kept), revision)
    statements = tuple(kept.pop("Statement"))
    return Policy(statements, revision, frame=kept)


def _policy_text(policy: Policy) -> object:
    """Return what is kept of a policy: its statements, or the whole document where PutResourcePolicy brought one."""
    return [dict(each) for each in policy.statements] if policy.is_as_added else policy.document()


def _number(label: str) -> int:
    if label in _UNNUMBERED:
        return _UNNUMBERED[label]
    # No function gets near this many versions; SQLite refuses integers beyond 64 bits.
    return min(int(label), 2**62)


def _label(number: int) -> str:
    return next((label for label, kept in _UNNUMBERED.items() if kept == number), str(number))


def _integer(value: SqlValue) -> int:
    return value if isinstance(value, int) else 0


def _as_text(value: SqlValue) -> str:
    return str(value)


def _text(value: object) -> str:
    return orjson.dumps(value).decode()


def _json(value: SqlValue) -> Any:  # Any: JSON of our own writing
    return orjson.loads(value) if isinstance(value, (str, bytes)) else None
