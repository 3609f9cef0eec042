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
# What stands in the place of a number: in AWS's order both come before the numbers, $LATEST first.
_UNNUMBERED = {LATEST: -2, LATEST_PUBLISHED: -1}
_LATEST = _UNNUMBERED[LATEST]
_PROVIDER = (
    "json_extract(settings, '$.recorded.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig"
    ".CapacityProviderArn')"
)
# Left to itself, SQLite goes by the primary key, through every version there is.
_ON_PROVIDER = (
    "FROM lambda_versions INDEXED BY lambda_versions_by_provider"
    f" WHERE account = ? AND region = ? AND {_PROVIDER} = ? AND {_PROVIDER} IS NOT NULL"
)


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


def holding_concurrency(reader: Reader) -> list[tuple[Scope, str]]:
    """Return the functions that take some of their account's concurrency, whether they are invoked or not."""
    rows = reader.all(
        "SELECT account, region, name FROM lambda_functions INDEXED BY lambda_functions_reserving"
        " WHERE reserved_concurrency > 0"
        " UNION SELECT account, region, function FROM lambda_provisioned"
    )
    return [(Scope(str(account), str(region)), str(name)) for account, region, name in rows]


def denying(reader: Reader) -> set[tuple[str, str, str]]:
    """Return account, region and name of each function with a policy that may keep somebody from it.

    One too many, that only speaks of "Deny", does no harm.
    """
    rows = reader.all(
        "SELECT account, region, function FROM lambda_policies INDEXED BY lambda_policies_denying"
        """ WHERE instr(statements, '"Deny"') > 0"""
    )
    return {(str(account), str(region), str(name)) for account, region, name in rows}


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


def versions(reader: Reader, scope: Scope, name: str) -> list[FunctionVersion]:
    """Return a function's versions, `$LATEST` first."""
    rows = reader.all(
        f"SELECT {_VERSION} FROM lambda_versions WHERE account = ? AND region = ? AND function = ? ORDER BY number",
        (scope.account, scope.region, name),
    )
    return [_version(scope, row) for row in rows]


def stamps(reader: Reader, scope: Scope, name: str) -> list[tuple[str, str]]:
    """Return a function's versions, `$LATEST` first, each with what is another text once anything of it has changed."""
    rows = reader.all(
        "SELECT number, revision_id || status FROM lambda_versions WHERE account = ? AND region = ? AND function = ?"
        " ORDER BY number",
        (scope.account, scope.region, name),
    )
    return [(_label(_integer(number)), str(stamp)) for number, stamp in rows]


def stamp_of(value: FunctionVersion) -> str:
    """Return what `stamps` tells of a version as it is kept."""
    # Not every change of a state gives a new revision.
    return f"{value.revision_id}{_text(value.status)}"


def versions_behind(reader: Reader, scope: Scope, name: str, after: int, limit: int) -> list[FunctionVersion]:
    """Return a function's first versions behind a `position`; what stands before it is not read."""
    rows = reader.all(
        f"SELECT {_VERSION} FROM lambda_versions WHERE account = ? AND region = ? AND function = ? AND number > ?"
        " ORDER BY number LIMIT ?",
        (scope.account, scope.region, name, _number_at(after), limit),
    )
    return [_version(scope, row) for row in rows]


def all_versions_behind(reader: Reader, scope: Scope, after: tuple[str, int], limit: int) -> list[FunctionVersion]:
    """Return the first versions of the scope's functions behind a function's name and a `position`, in AWS's order."""
    name, place = after
    rows = reader.all(
        f"SELECT {_VERSION} FROM lambda_versions WHERE account = ? AND region = ? AND (function, number) > (?, ?)"
        " ORDER BY function, number LIMIT ?",
        (scope.account, scope.region, name, _number_at(place), limit),
    )
    return [_version(scope, row) for row in rows]


def latest_behind(reader: Reader, scope: Scope, after: str, limit: int) -> list[FunctionVersion]:
    """Return `$LATEST` of the scope's first functions behind a name."""
    # Joined, for what a function has published would be read besides.
    rows = reader.all(
        f"SELECT {_VERSION} FROM lambda_functions AS f CROSS JOIN lambda_versions AS v USING (account, region)"
        " WHERE account = ? AND region = ? AND f.name > ? AND v.function = f.name AND v.number = ?"
        " ORDER BY f.name LIMIT ?",
        (scope.account, scope.region, after, _LATEST, limit),
    )
    return [_version(scope, row) for row in rows]


def last_version(reader: Reader, scope: Scope, name: str) -> FunctionVersion | None:
    """Return the version of a function with the highest number, or None where it has none."""
    row = reader.one(
        f"SELECT {_VERSION} FROM lambda_versions WHERE account = ? AND region = ? AND function = ? AND number > 0"
        " ORDER BY number DESC LIMIT 1",
        (scope.account, scope.region, name),
    )
    return None if row is None else _version(scope, row)


def versions_on_provider(
    reader: Reader, scope: Scope, provider_arn: str, after: tuple[str, int], limit: int
) -> list[FunctionVersion]:
    """Return the first published versions that run on a capacity provider behind a place, in AWS's order."""
    rows = reader.all(
        f"SELECT {_VERSION} {_ON_PROVIDER} AND number <> ? AND (function, number) > (?, ?)"
        " ORDER BY function, number LIMIT ?",
        (scope.account, scope.region, provider_arn, _LATEST, after[0], _number_at(after[1]), limit),
    )
    return [_version(scope, row) for row in rows]


def count_on_provider(reader: Reader, scope: Scope, provider_arn: str, *, other_than: tuple[str, str]) -> int:
    """Return how many published versions run on a capacity provider, one left out: a function's name and a version."""
    name, label = other_than
    row = reader.one(
        f"SELECT count(*) {_ON_PROVIDER} AND number <> ? AND (function, number) <> (?, ?)",
        (scope.account, scope.region, provider_arn, _LATEST, name, _number(label)),
    )
    return _integer(row[0] if row else 0)


def functions_on_provider(reader: Reader, scope: Scope, provider_arn: str) -> int:
    """Return how many functions have a version, `$LATEST` included, that is configured to run on a provider."""
    row = reader.one(f"SELECT count(DISTINCT function) {_ON_PROVIDER}", (scope.account, scope.region, provider_arn))
    return _integer(row[0] if row else 0)


def states(reader: Reader, scope: Scope) -> list[tuple[str, str, str]]:
    """Return function, version and state of every version in the scope, in AWS's order."""
    rows = reader.all(
        "SELECT function, number, json_extract(status, '$.state') FROM lambda_versions"
        " WHERE account = ? AND region = ? ORDER BY function, number",
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
        "INSERT INTO lambda_versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " settings = excluded.settings, code = excluded.code, status = excluded.status, settled = excluded.settled,"
        " revision_id = excluded.revision_id, last_modified = excluded.last_modified, source = excluded.source",
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


def aliases_behind(
    reader: Reader, scope: Scope, name: str, bounds: tuple[str, int], *, of_version: str | None = None
) -> list[Alias]:
    """Return a function's first aliases behind a name (so many), perhaps only those that lead to one version."""
    after, limit = bounds
    leading, asked = "", [] if of_version is None else [of_version, of_version]
    if asked:
        leading = " AND (version = ? OR EXISTS (SELECT 1 FROM json_each(weights) WHERE key = ?))"
    rows = reader.all(
        f"SELECT {_ALIAS} FROM lambda_aliases WHERE account = ? AND region = ? AND function = ? AND name > ?{leading}"
        " ORDER BY name LIMIT ?",
        (scope.account, scope.region, name, after, *asked, limit),
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


def settings_and_code(settings: dict[str, Any], code: dict[str, Any]) -> tuple[Settings, Code]:  # Any: as below
    """Return settings and code from what a document has of them."""
    return _settings(settings), Code(**code)


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


def _number_at(place: int) -> int:
    """Return the number at a `position` of the model; -1 stands before all of them."""
    return place - 2 if place < 2 else place - 1


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
