"""IAM's rows: roles, users, instance profiles, access keys, and what they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson

from lambent.cloud.services.iam.model import AccessKey, Holder, HolderKind, InstanceProfile, Role, User
from lambent.cloud.store.unit_of_work import Reader, Transaction

Row = Sequence[Any]  # Any: the tables are STRICT, so each column has the type that the schema says

_ROLE = "account, name, id, path, trust_policy, description, max_session_s, boundary, created, tags"
_USER = "account, name, id, path, boundary, created, tags"
_PROFILE = "account, name, id, path, role, created, tags"
_KEY = "account, id, user, secret, active, created"
_BOUNDED = {HolderKind.ROLE: "iam_role", HolderKind.USER: "iam_user"}
_OF_HOLDER = "account = ? AND holder_kind = ? AND holder = ?"


def role(reader: Reader, account: str, name: str) -> Role | None:
    """Return the role, or None."""
    row = reader.one(f"SELECT {_ROLE} FROM iam_role WHERE account = ? AND name = ?", (account, name))
    return None if row is None else _as_role(row)


def roles_behind(reader: Reader, account: str, after: str, *, path_prefix: str, limit: int) -> list[Role]:
    """Return up to `limit` of the account's roles by name, behind the name `after`, whose paths begin with a prefix."""
    rows = reader.all(
        f"SELECT {_ROLE} FROM iam_role WHERE account = ? AND name > ? AND substr(path, 1, ?) = ? ORDER BY name LIMIT ?",
        (account, after, len(path_prefix), path_prefix, limit),
    )
    return [_as_role(row) for row in rows]


def put_role(transaction: Transaction, role: Role) -> None:
    """Write the role, new or changed."""
    transaction.execute(
        f"INSERT OR REPLACE INTO iam_role ({_ROLE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            role.account,
            role.name,
            role.id,
            role.path,
            role.trust_policy,
            role.description,
            role.max_session_s,
            role.boundary,
            role.created,
            _tags_text(role.tags),
        ),
    )


def delete_role(transaction: Transaction, account: str, name: str) -> None:
    """Remove the role."""
    transaction.execute("DELETE FROM iam_role WHERE account = ? AND name = ?", (account, name))


def user(reader: Reader, account: str, name: str) -> User | None:
    """Return the user, or None."""
    row = reader.one(f"SELECT {_USER} FROM iam_user WHERE account = ? AND name = ?", (account, name))
    return None if row is None else _as_user(row)


def users(reader: Reader, account: str) -> list[User]:
    """Return the account's users by name."""
    return [
        _as_user(row) for row in reader.all(f"SELECT {_USER} FROM iam_user WHERE account = ? ORDER BY name", (account,))
    ]


def put_user(transaction: Transaction, user: User) -> None:
    """Write the user, new or changed."""
    transaction.execute(
        f"INSERT OR REPLACE INTO iam_user ({_USER}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (user.account, user.name, user.id, user.path, user.boundary, user.created, _tags_text(user.tags)),
    )


def delete_user(transaction: Transaction, account: str, name: str) -> None:
    """Remove the user."""
    transaction.execute("DELETE FROM iam_user WHERE account = ? AND name = ?", (account, name))


def profile(reader: Reader, account: str, name: str) -> InstanceProfile | None:
    """Return the instance profile, or None."""
    row = reader.one(f"SELECT {_PROFILE} FROM iam_instance_profile WHERE account = ? AND name = ?", (account, name))
    return None if row is None else _as_profile(row)


def profiles(reader: Reader, account: str, *, of_role: str | None = None) -> list[InstanceProfile]:
    """Return the account's instance profiles by name: all, or those which have the role `of_role`."""
    where, more = ("", ()) if of_role is None else (" AND role = ?", (of_role,))
    sql = f"SELECT {_PROFILE} FROM iam_instance_profile WHERE account = ?{where} ORDER BY name"
    return [_as_profile(row) for row in reader.all(sql, (account, *more))]


def put_profile(transaction: Transaction, profile: InstanceProfile) -> None:
    """Write the instance profile, new or changed."""
    transaction.execute(
        f"INSERT OR REPLACE INTO iam_instance_profile ({_PROFILE}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            profile.account,
            profile.name,
            profile.id,
            profile.path,
            profile.role,
            profile.created,
            _tags_text(profile.tags),
        ),
    )


def delete_profile(transaction: Transaction, account: str, name: str) -> None:
    """Remove the instance profile."""
    transaction.execute("DELETE FROM iam_instance_profile WHERE account = ? AND name = ?", (account, name))


def access_keys(reader: Reader, account: str, user: str) -> list[AccessKey]:
    """Return the user's access keys, oldest first."""
    sql = f"SELECT {_KEY} FROM iam_access_key WHERE account = ? AND user = ? ORDER BY created, id"
    return [_as_key(row) for row in reader.all(sql, (account, user))]


def all_access_keys(reader: Reader) -> list[tuple[AccessKey, User]]:
    """Return every access key there is, with its user."""
    found = []
    for row in reader.all(f"SELECT {_KEY} FROM iam_access_key"):
        key = _as_key(row)
        owner = user(reader, key.account, key.user)
        if owner is not None:
            found.append((key, owner))
    return found


def put_access_key(transaction: Transaction, key: AccessKey) -> None:
    """Write the access key, new or changed."""
    transaction.execute(
        f"INSERT OR REPLACE INTO iam_access_key ({_KEY}) VALUES (?, ?, ?, ?, ?, ?)",
        (key.account, key.id, key.user, key.secret, int(key.is_active), key.created),
    )


def delete_access_key(transaction: Transaction, account: str, key_id: str) -> None:
    """Remove the access key."""
    transaction.execute("DELETE FROM iam_access_key WHERE account = ? AND id = ?", (account, key_id))


def inline_policies(reader: Reader, holder: Holder) -> dict[str, str]:
    """Return the holder's inline policies by name."""
    sql = f"SELECT name, document FROM iam_inline_policy WHERE {_OF_HOLDER} ORDER BY name"
    return {str(name): str(document) for name, document in reader.all(sql, _key_of(holder))}


def put_inline_policy(transaction: Transaction, holder: Holder, name: str, document: str) -> None:
    """Write one inline policy of the holder, new or changed."""
    transaction.execute(
        "INSERT OR REPLACE INTO iam_inline_policy (account, holder_kind, holder, name, document)"
        " VALUES (?, ?, ?, ?, ?)",
        (*_key_of(holder), name, document),
    )


def delete_inline_policy(transaction: Transaction, holder: Holder, name: str) -> bool:
    """Remove one inline policy of the holder; return whether it was there."""
    sql = f"DELETE FROM iam_inline_policy WHERE {_OF_HOLDER} AND name = ?"
    return transaction.execute(sql, (*_key_of(holder), name)) > 0


def attachments(reader: Reader, holder: Holder) -> list[str]:
    """Return the ARNs of the managed policies attached to the holder."""
    sql = f"SELECT policy_arn FROM iam_attachment WHERE {_OF_HOLDER} ORDER BY policy_arn"
    return [str(arn) for (arn,) in reader.all(sql, _key_of(holder))]


def attach(transaction: Transaction, holder: Holder, policy_arn: str) -> None:
    """Attach the managed policy to the holder; nothing changes if it is attached already."""
    transaction.execute(
        "INSERT OR IGNORE INTO iam_attachment (account, holder_kind, holder, policy_arn) VALUES (?, ?, ?, ?)",
        (*_key_of(holder), policy_arn),
    )


def detach(transaction: Transaction, holder: Holder, policy_arn: str) -> bool:
    """Detach the managed policy from the holder; return whether it was attached."""
    sql = f"DELETE FROM iam_attachment WHERE {_OF_HOLDER} AND policy_arn = ?"
    return transaction.execute(sql, (*_key_of(holder), policy_arn)) > 0


def holders_of(reader: Reader, account: str, policy_arn: str) -> list[Holder]:
    """Return what the managed policy is attached to in the account."""
    sql = (
        "SELECT holder_kind, holder FROM iam_attachment WHERE account = ? AND policy_arn = ?"
        " ORDER BY holder_kind, holder"
    )
    return [Holder(account, HolderKind(kind), str(name)) for kind, name in reader.all(sql, (account, policy_arn))]


def attachment_counts(reader: Reader, account: str) -> dict[str, int]:
    """Return how often each managed policy that is attached in the account is, by ARN."""
    sql = "SELECT policy_arn, count(*) FROM iam_attachment WHERE account = ? GROUP BY policy_arn"
    rows: Sequence[Row] = reader.all(sql, (account,))
    return {str(arn): count for arn, count in rows}


def bounded_by(reader: Reader, account: str, policy_arn: str) -> list[Holder]:
    """Return the account's roles and users whose permissions boundary the managed policy is."""
    return [
        Holder(account, kind, str(name))
        for kind, table in _BOUNDED.items()
        for (name,) in reader.all(
            f"SELECT name FROM {table} WHERE account = ? AND boundary = ? ORDER BY name", (account, policy_arn)
        )
    ]


def boundary_counts(reader: Reader, account: str) -> Counter[str]:
    """Return how often each managed policy that is a permissions boundary in the account is one, by ARN."""
    found = Counter[str]()
    for table in _BOUNDED.values():
        rows: Sequence[Row] = reader.all(
            f"SELECT boundary, count(*) FROM {table} WHERE account = ? AND boundary IS NOT NULL GROUP BY boundary",
            (account,),
        )
        found.update({str(arn): count for arn, count in rows})
    return found


def account_alias(reader: Reader, account: str) -> str | None:
    """Return the account's alias, or None."""
    row = reader.one("SELECT alias FROM iam_account_alias WHERE account = ?", (account,))
    return None if row is None else str(row[0])


def account_with_alias(reader: Reader, alias: str) -> str | None:
    """Return the account that has the alias, or None."""
    row = reader.one("SELECT account FROM iam_account_alias WHERE alias = ?", (alias,))
    return None if row is None else str(row[0])


def put_account_alias(transaction: Transaction, account: str, alias: str) -> None:
    """Give the account its one alias."""
    transaction.execute("INSERT OR REPLACE INTO iam_account_alias (account, alias) VALUES (?, ?)", (account, alias))


def delete_account_alias(transaction: Transaction, account: str) -> None:
    """Take the account's alias away."""
    transaction.execute("DELETE FROM iam_account_alias WHERE account = ?", (account,))


def count(reader: Reader, table: str, account: str) -> int:
    """Return how many rows of one of IAM's tables the account has."""
    row = reader.one(f"SELECT count(*) FROM {table} WHERE account = ?", (account,))
    return 0 if row is None else int(str(row[0]))


def _key_of(holder: Holder) -> tuple[str, str, str]:
    return holder.account, holder.kind.value, holder.name


def _tags_text(tags: object) -> str:
    return orjson.dumps(tags).decode()


def _as_role(row: Row) -> Role:
    return Role(*(*row[:-1], orjson.loads(row[-1])))


def _as_user(row: Row) -> User:
    return User(*(*row[:-1], orjson.loads(row[-1])))


def _as_profile(row: Row) -> InstanceProfile:
    return InstanceProfile(*(*row[:-1], orjson.loads(row[-1])))


def _as_key(row: Row) -> AccessKey:
    account, key_id, owner, secret, active, created = row
    return AccessKey(account, key_id, owner, secret, bool(active), created)
