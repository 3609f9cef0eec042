"""Managed policies: the account's own, in the store, and AWS's, in data files beside this module."""

from __future__ import annotations

import base64
import datetime
import gzip
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from lambent.cloud.services.iam.model import Policy, PolicyVersion
from lambent.cloud.store.unit_of_work import Reader, Transaction

_Managed = tuple[Policy, PolicyVersion]
Row = Sequence[Any]  # Any: the tables are STRICT, so each column has the type that the schema says

_POLICY = "account, name, arn, id, path, description, default_version, latest_version, created, updated, tags"
_DATA = Path(__file__).with_name("managed_policies.json")
_OTHERS = Path(__file__).with_name("other_managed_policies.json.gz")
_OF_AWS = "arn:aws:iam::aws:policy/"
AWS = "aws"


def policy(reader: Reader, account: str, arn: str) -> Policy | None:
    """Return the policy with this ARN, the account's own or AWS's, or None."""
    if (managed := _aws_policy(arn)) is not None:
        return managed[0]
    row = reader.one(f"SELECT {_POLICY} FROM iam_policy WHERE account = ? AND arn = ?", (account, arn))
    return None if row is None else _as_policy(row)


def policy_named(reader: Reader, account: str, name: str) -> Policy | None:
    """Return the account's own policy of this name, whatever its path, or None."""
    row = reader.one(f"SELECT {_POLICY} FROM iam_policy WHERE account = ? AND name = ?", (account, name))
    return None if row is None else _as_policy(row)


def own_policies(reader: Reader, account: str) -> list[Policy]:
    """Return the account's own policies by name."""
    sql = f"SELECT {_POLICY} FROM iam_policy WHERE account = ? ORDER BY name"
    return [_as_policy(row) for row in reader.all(sql, (account,))]


def is_at_hand(arn: str | None) -> bool:
    """Whether a policy, or all of them without an ARN, can be told without reading a data file."""
    if arn is not None and not arn.startswith(_OF_AWS):
        return True
    if not _aws_policies.cache_info().currsize:
        return False
    return _other_aws_policies.cache_info().currsize > 0 or arn in _aws_policies()


def read_files(arn: str | None) -> None:
    """Read the data files that a policy, or all of them without an ARN, is told from."""
    if arn is None:
        aws_policies()
    else:
        _aws_policy(arn)


@cache
def aws_policies() -> Sequence[Policy]:
    """Return AWS's managed policies by name."""
    every = {**_aws_policies(), **_other_aws_policies()}
    return tuple(sorted((policy for policy, _ in every.values()), key=lambda policy: policy.name))


def aws_policy_named(name: str) -> Policy:
    """Return one of AWS's managed policies by name; raises KeyError for one that the data files lack."""
    for policies in (_aws_policies, _other_aws_policies):
        for policy, _ in policies().values():
            if policy.name == name:
                return policy
    raise KeyError(name)


def put_policy(transaction: Transaction, policy: Policy) -> None:
    """Write the account's policy, new or changed; its versions are written apart."""
    transaction.execute(
        f"INSERT OR REPLACE INTO iam_policy ({_POLICY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            policy.account,
            policy.name,
            policy.arn,
            policy.id,
            policy.path,
            policy.description,
            policy.default_version,
            policy.latest_version,
            policy.created,
            policy.updated,
            orjson.dumps(policy.tags).decode(),
        ),
    )


def delete_policy(transaction: Transaction, policy: Policy) -> None:
    """Remove the account's policy with its versions."""
    transaction.execute(
        "DELETE FROM iam_policy_version WHERE account = ? AND policy = ?", (policy.account, policy.name)
    )
    transaction.execute("DELETE FROM iam_policy WHERE account = ? AND name = ?", (policy.account, policy.name))


def versions(reader: Reader, policy: Policy) -> list[PolicyVersion]:
    """Return the policy's versions, newest first. Of AWS's policies only the default version is known."""
    if policy.account == AWS and (managed := _aws_policy(policy.arn)) is not None:
        return [managed[1]]
    sql = (
        "SELECT number, document, created FROM iam_policy_version WHERE account = ? AND policy = ? ORDER BY number DESC"
    )
    rows: Sequence[Row] = reader.all(sql, (policy.account, policy.name))
    return [
        PolicyVersion(number, document, number == policy.default_version, created) for number, document, created in rows
    ]


def put_version(transaction: Transaction, policy: Policy, version: PolicyVersion) -> None:
    """Write one version of the account's policy."""
    transaction.execute(
        "INSERT INTO iam_policy_version (account, policy, number, document, created) VALUES (?, ?, ?, ?, ?)",
        (policy.account, policy.name, version.number, version.document, version.created),
    )


def delete_version(transaction: Transaction, policy: Policy, number: int) -> None:
    """Remove one version of the account's policy."""
    transaction.execute(
        "DELETE FROM iam_policy_version WHERE account = ? AND policy = ? AND number = ?",
        (policy.account, policy.name, number),
    )


def _as_policy(row: Row) -> Policy:
    return Policy(*(*row[:-1], orjson.loads(row[-1])))


def _aws_policy(arn: str) -> _Managed | None:
    if not arn.startswith(_OF_AWS):
        return None
    return _aws_policies().get(arn) or _other_aws_policies().get(arn)


@cache
def _aws_policies() -> Mapping[str, _Managed]:
    # Read on first use: most platforms never ask, and it holds a megabyte.
    return _as_managed(_DATA.read_bytes())


@cache
def _other_aws_policies() -> Mapping[str, _Managed]:
    # Read only for a policy that functions seldom have, or a list of all: it takes 0.1 s and ten megabytes.
    return _as_managed(gzip.decompress(_OTHERS.read_bytes()))


def _as_managed(content: bytes) -> dict[str, _Managed]:
    found = {}
    for name, entry in orjson.loads(content)["policies"].items():
        arn = f"{_OF_AWS.removesuffix('/')}{entry['path']}{name}"
        created, updated = _moment(entry["created"]), _moment(entry["updated"])
        number = entry["default_version"]
        found[arn] = (
            Policy(
                account=AWS,
                name=name,
                arn=arn,
                id=_stable_id(name),
                path=entry["path"],
                description=None,
                default_version=number,
                latest_version=number,
                created=created,
                updated=updated,
                tags={},
            ),
            PolicyVersion(number, _text(entry["document"]), is_default=True, created=updated),
        )
    return found


def _stable_id(name: str) -> str:
    # AWS's own ids of its policies are not published with them; the same name has the same id in every platform.
    return "ANPA" + base64.b32encode(hashlib.sha256(name.encode()).digest()).decode()[:17]


def _text(document: object) -> str:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _moment(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp()
