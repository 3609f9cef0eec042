"""Instance profiles: how a role reaches an EC2 instance."""

from __future__ import annotations

import dataclasses

from lambent.aws.access_keys import IdKind, unique_id
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.iam import repository
from lambent.cloud.services.iam.errors import already_exists, delete_conflict, limit_exceeded, role_not_found
from lambent.cloud.services.iam.model import InstanceProfile
from lambent.cloud.services.iam.operations.common import (
    paged,
    show_profile,
    show_tags,
    tags_of,
    the_profile,
    the_role,
    with_tags,
    without_tags,
)
from lambent.cloud.store.unit_of_work import Store, Transaction


class InstanceProfileOperations:
    """The operations on instance profiles."""

    def __init__(self, store: Store, ids: IdSource) -> None:
        self._store = store
        self._ids = ids

    @operation("CreateInstanceProfile")
    async def create(self, context: RequestContext, parameters: Parameters) -> Result:
        """Create an instance profile without a role."""
        account = context.scope.account
        profile = InstanceProfile(
            account=account,
            name=parameters["InstanceProfileName"],
            id=unique_id(IdKind.INSTANCE_PROFILE, account, self._ids.base32(20)),
            path=parameters.get("Path", "/"),
            role=None,
            created=float(int(context.now)),
            tags=tags_of(parameters),
        )

        def create(transaction: Transaction) -> None:
            if repository.profile(transaction, account, profile.name) is not None:
                raise already_exists(f"Instance Profile {profile.name} already exists.")
            repository.put_profile(transaction, profile)

        await self._store.write(create)
        return {"InstanceProfile": show_profile(self._store.read, profile)}

    @operation("GetInstanceProfile")
    async def get(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the instance profile with its role."""
        profile = the_profile(self._store.read, context.scope.account, parameters["InstanceProfileName"])
        return {"InstanceProfile": show_profile(self._store.read, profile)}

    @operation("ListInstanceProfiles")
    async def list_all(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the account's instance profiles."""
        prefix = parameters.get("PathPrefix", "/")
        profiles = repository.profiles(self._store.read, context.scope.account)
        profiles = [profile for profile in profiles if profile.path.startswith(prefix)]
        return self._page(parameters, profiles)

    @operation("ListInstanceProfilesForRole")
    async def list_for_role(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the instance profiles that have the role."""
        account = context.scope.account
        role = the_role(self._store.read, account, parameters["RoleName"])
        return self._page(parameters, repository.profiles(self._store.read, account, of_role=role.name))

    @operation("AddRoleToInstanceProfile")
    async def add_role(self, context: RequestContext, parameters: Parameters) -> Result:
        """Give the instance profile its role; raises LimitExceeded when it has one."""
        account = context.scope.account

        def add(transaction: Transaction) -> None:
            profile = the_profile(transaction, account, parameters["InstanceProfileName"])
            role = the_role(transaction, account, parameters["RoleName"])
            if profile.role is not None:
                raise limit_exceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
            repository.put_profile(transaction, dataclasses.replace(profile, role=role.name))

        await self._store.write(add)
        return {}

    @operation("RemoveRoleFromInstanceProfile")
    async def remove_role(self, context: RequestContext, parameters: Parameters) -> Result:
        """Take the role from the instance profile."""
        account = context.scope.account

        def remove(transaction: Transaction) -> None:
            profile = the_profile(transaction, account, parameters["InstanceProfileName"])
            role = the_role(transaction, account, parameters["RoleName"])
            if profile.role is None or profile.role.lower() != role.name.lower():
                raise role_not_found(parameters["RoleName"])
            repository.put_profile(transaction, dataclasses.replace(profile, role=None))

        await self._store.write(remove)
        return {}

    @operation("DeleteInstanceProfile")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete the instance profile; raises DeleteConflict while it has a role."""
        account = context.scope.account

        def delete(transaction: Transaction) -> None:
            profile = the_profile(transaction, account, parameters["InstanceProfileName"])
            if profile.role is not None:
                raise delete_conflict("remove roles from instance profile")
            repository.delete_profile(transaction, account, profile.name)

        await self._store.write(delete)
        return {}

    @operation("TagInstanceProfile")
    async def tag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Add tags."""
        added = tags_of(parameters)

        def tag(transaction: Transaction) -> None:
            profile = the_profile(transaction, context.scope.account, parameters["InstanceProfileName"])
            repository.put_profile(transaction, dataclasses.replace(profile, tags=with_tags(profile.tags, added)))

        await self._store.write(tag)
        return {}

    @operation("UntagInstanceProfile")
    async def untag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove tags."""

        def untag(transaction: Transaction) -> None:
            profile = the_profile(transaction, context.scope.account, parameters["InstanceProfileName"])
            tags = without_tags(profile.tags, parameters["TagKeys"])
            repository.put_profile(transaction, dataclasses.replace(profile, tags=tags))

        await self._store.write(untag)
        return {}

    @operation("ListInstanceProfileTags")
    async def list_tags(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the instance profile's tags."""
        profile = the_profile(self._store.read, context.scope.account, parameters["InstanceProfileName"])
        shown, more = paged(parameters, show_tags(profile.tags), lambda tag: str(tag["Key"]))
        return {"Tags": shown, **more}

    def _page(self, parameters: Parameters, profiles: list[InstanceProfile]) -> Result:
        shown, more = paged(parameters, profiles, lambda profile: profile.name)
        return {"InstanceProfiles": [show_profile(self._store.read, profile) for profile in shown], **more}
