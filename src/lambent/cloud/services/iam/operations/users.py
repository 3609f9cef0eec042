"""Users, their tags and boundaries, and their access keys."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable

from lambent.aws.access_keys import IdKind, unique_id
from lambent.base.identifiers import IdSource, secret
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.iam import repository
from lambent.cloud.services.iam.access_keys import AccessKeyDirectory
from lambent.cloud.services.iam.errors import (
    already_exists,
    delete_conflict,
    limit_exceeded,
    no_such_entity,
    validation_error,
)
from lambent.cloud.services.iam.model import MAX_ACCESS_KEYS, AccessKey, Holder, HolderKind, User, name_in_arn
from lambent.cloud.services.iam.operations.common import (
    Wire,
    check_boundary,
    paged,
    show_tags,
    show_user,
    tags_of,
    the_user,
    with_tags,
    without_tags,
)
from lambent.cloud.store.unit_of_work import Reader, Store, Transaction


class UserOperations:
    """The operations on users."""

    def __init__(self, store: Store, ids: IdSource) -> None:
        self._store = store
        self._ids = ids

    @operation("CreateUser")
    async def create(self, context: RequestContext, parameters: Parameters) -> Result:
        """Create a user; raises EntityAlreadyExists."""
        account = context.scope.account
        user = User(
            account=account,
            name=parameters["UserName"],
            id=unique_id(IdKind.USER, account, self._ids.base32(20)),
            path=parameters.get("Path", "/"),
            boundary=parameters.get("PermissionsBoundary"),
            created=float(int(context.now)),
            tags=tags_of(parameters),
        )

        def create(transaction: Transaction) -> None:
            if user.boundary is not None:
                check_boundary(transaction, account, user.boundary)
            if repository.user(transaction, account, user.name) is not None:
                raise already_exists(f"User with name {user.name} already exists.")
            repository.put_user(transaction, user)

        await self._store.write(create)
        return {"User": show_user(user)}

    @operation("GetUser")
    async def get(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the user named, or the caller when none is."""
        account = context.scope.account
        if "UserName" in parameters or context.caller.kind == "user":
            user = the_user(self._store.read, account, user_name(context, parameters))
            return {"User": show_user(user)}
        if context.caller.kind == "root":
            # The root user has neither a name nor a path of its own, yet AWS shows it so.
            root = {"UserId": account, "Arn": context.caller.arn, "CreateDate": 0.0, "Path": "/", "UserName": "root"}
            return {"User": root}
        raise validation_error("Must specify userName when calling with non-User credentials")

    @operation("ListUsers")
    async def list_all(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the account's users."""
        prefix = parameters.get("PathPrefix", "/")
        users = [
            user for user in repository.users(self._store.read, context.scope.account) if user.path.startswith(prefix)
        ]
        shown, more = paged(parameters, users, lambda user: user.name)
        return {"Users": [show_user(user, in_full=False) for user in shown], **more}

    @operation("ListGroupsForUser")
    async def list_groups(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return no group, for there are none to be in: CreateGroup is not available. Raises NoSuchEntity."""
        the_user(self._store.read, context.scope.account, parameters["UserName"])
        return {"Groups": [], "IsTruncated": False}

    @operation("DeleteUser")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete the user; raises DeleteConflict while it has keys or policies."""
        account, name = context.scope.account, parameters["UserName"]

        def delete(transaction: Transaction) -> None:
            user = the_user(transaction, account, name)
            holder = Holder(account, HolderKind.USER, user.name)
            if repository.attachments(transaction, holder):
                raise delete_conflict("detach all policies")
            if repository.access_keys(transaction, account, name):
                raise delete_conflict("delete access keys")
            if repository.inline_policies(transaction, holder):
                raise delete_conflict("delete policies")
            repository.delete_user(transaction, account, name)

        await self._store.write(delete)
        return {}

    @operation("PutUserPermissionsBoundary")
    async def put_boundary(self, context: RequestContext, parameters: Parameters) -> Result:
        """Set the user's permissions boundary."""
        boundary = parameters["PermissionsBoundary"]

        def change(reader: Reader, user: User) -> User:
            check_boundary(reader, user.account, boundary)
            return dataclasses.replace(user, boundary=boundary)

        await self._change(context, parameters, change)
        return {}

    @operation("DeleteUserPermissionsBoundary")
    async def delete_boundary(self, context: RequestContext, parameters: Parameters) -> Result:
        """Take the user's permissions boundary away."""
        await self._change(context, parameters, lambda _, user: dataclasses.replace(user, boundary=None))
        return {}

    @operation("TagUser")
    async def tag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Add tags."""
        added = tags_of(parameters)
        await self._change(
            context, parameters, lambda _, user: dataclasses.replace(user, tags=with_tags(user.tags, added))
        )
        return {}

    @operation("UntagUser")
    async def untag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove tags."""
        keys = parameters["TagKeys"]
        await self._change(
            context, parameters, lambda _, user: dataclasses.replace(user, tags=without_tags(user.tags, keys))
        )
        return {}

    @operation("ListUserTags")
    async def list_tags(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the user's tags."""
        user = the_user(self._store.read, context.scope.account, parameters["UserName"])
        shown, more = paged(parameters, show_tags(user.tags), lambda tag: str(tag["Key"]))
        return {"Tags": shown, **more}

    async def _change(
        self, context: RequestContext, parameters: Parameters, change: Callable[[Reader, User], User]
    ) -> None:
        account, name = context.scope.account, parameters["UserName"]

        def work(transaction: Transaction) -> None:
            repository.put_user(transaction, change(transaction, the_user(transaction, account, name)))

        await self._store.write(work)


class AccessKeyOperations:
    """The operations on users' access keys."""

    def __init__(self, store: Store, ids: IdSource, directory: AccessKeyDirectory) -> None:
        self._store = store
        self._ids = ids
        self._directory = directory

    @operation("CreateAccessKey")
    async def create(self, context: RequestContext, parameters: Parameters) -> Result:
        """Create an access key of the user; this answer alone shows its secret. Raises LimitExceeded beyond two."""
        account, name = context.scope.account, user_name(context, parameters)
        key_id = unique_id(IdKind.ACCESS_KEY, account, self._ids.base32(20))
        key_secret = base64.b64encode(secret(30)).decode()

        def create(transaction: Transaction) -> AccessKey:
            user = the_user(transaction, account, name)
            if len(repository.access_keys(transaction, account, name)) >= MAX_ACCESS_KEYS:
                raise limit_exceeded(f"Cannot exceed quota for AccessKeysPerUser: {MAX_ACCESS_KEYS}")
            key = AccessKey(
                account=account,
                id=key_id,
                user=user.name,
                secret=key_secret,
                is_active=True,
                created=float(int(context.now)),
            )
            repository.put_access_key(transaction, key)
            transaction.after_commit(lambda: self._directory.put(key, user))
            return key

        key = await self._store.write(create)
        return {"AccessKey": _show_key(key) | {"SecretAccessKey": key.secret}}

    @operation("ListAccessKeys")
    async def list_all(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the user's access keys, without secrets."""
        account, name = context.scope.account, user_name(context, parameters)
        the_user(self._store.read, account, name)
        keys = repository.access_keys(self._store.read, account, name)
        shown, more = paged(parameters, keys, lambda key: key.id)
        return {"AccessKeyMetadata": [_show_key(key) for key in shown], **more}

    @operation("UpdateAccessKey")
    async def update(self, context: RequestContext, parameters: Parameters) -> Result:
        """Activate or deactivate the access key."""
        account, name = context.scope.account, user_name(context, parameters)

        def update(transaction: Transaction) -> None:
            user = the_user(transaction, account, name)
            key = _the_key(transaction, user, parameters["AccessKeyId"])
            changed = dataclasses.replace(key, is_active=parameters["Status"] == "Active")
            repository.put_access_key(transaction, changed)
            transaction.after_commit(lambda: self._directory.put(changed, user))

        await self._store.write(update)
        return {}

    @operation("DeleteAccessKey")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete the access key."""
        account, name = context.scope.account, user_name(context, parameters)

        def delete(transaction: Transaction) -> None:
            key = _the_key(transaction, the_user(transaction, account, name), parameters["AccessKeyId"])
            repository.delete_access_key(transaction, account, key.id)
            transaction.after_commit(lambda: self._directory.forget(key.id))

        await self._store.write(delete)
        return {}


def user_name(context: RequestContext, parameters: Parameters) -> str:
    """Return the user a request names, or the calling user when it names none; raises ValidationError."""
    if "UserName" in parameters:
        return str(parameters["UserName"])
    if context.caller.kind != "user":
        raise validation_error("Must specify userName when calling with non-User credentials")
    return name_in_arn(context.caller.arn)


def _the_key(reader: Reader, user: User, key_id: str) -> AccessKey:
    for key in repository.access_keys(reader, user.account, user.name):
        if key.id == key_id:
            return key
    raise no_such_entity(f"The Access Key with id {key_id} cannot be found.")


def _show_key(key: AccessKey) -> Wire:
    return {
        "UserName": key.user,
        "AccessKeyId": key.id,
        "Status": "Active" if key.is_active else "Inactive",
        "CreateDate": key.created,
    }
