"""Managed policies: the account's own with their versions, and AWS's, which can be read alone."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from lambent.aws.access_keys import IdKind, unique_id
from lambent.base.identifiers import IdSource
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.iam import policy_repository, repository
from lambent.cloud.services.iam.documents import check_permissions_policy
from lambent.cloud.services.iam.errors import already_exists, limit_exceeded, no_such_entity, policy_conflict
from lambent.cloud.services.iam.model import (
    MAX_MANAGED_POLICY_SIZE,
    MAX_POLICY_VERSIONS,
    HolderKind,
    Policy,
    PolicyVersion,
    entity_arn,
    size_without_spaces,
    url_encoded,
)
from lambent.cloud.services.iam.operations.common import (
    Wire,
    paged,
    show_tags,
    tags_of,
    the_policy,
    with_tags,
    without_tags,
)
from lambent.cloud.store.unit_of_work import Reader, Store, Transaction

_VERSION_ID = re.compile(r"v([1-9][0-9]*)(\.[A-Za-z0-9-]*)?")


class PolicyOperations:
    """The operations on managed policies and their versions."""

    def __init__(self, store: Store, ids: IdSource) -> None:
        self._store = store
        self._ids = ids

    @operation("CreatePolicy")
    async def create(self, context: RequestContext, parameters: Parameters) -> Result:
        """Create a policy with its version v1; raises EntityAlreadyExists, MalformedPolicyDocument, LimitExceeded."""
        account, now = context.scope.account, float(int(context.now))
        name, path = parameters["PolicyName"], parameters.get("Path", "/")
        document = parameters["PolicyDocument"]
        _check(document)
        policy = Policy(
            account=account,
            name=name,
            arn=entity_arn(account, "policy", path, name),
            id=unique_id(IdKind.POLICY, account, self._ids.base32(20)),
            path=path,
            description=parameters.get("Description"),
            default_version=1,
            latest_version=1,
            created=now,
            updated=now,
            tags=tags_of(parameters),
        )

        def create(transaction: Transaction) -> None:
            if policy_repository.policy_named(transaction, account, name) is not None:
                raise already_exists(f"A policy called {name} already exists. Duplicate names are not allowed.")
            policy_repository.put_policy(transaction, policy)
            policy_repository.put_version(transaction, policy, PolicyVersion(1, document, is_default=True, created=now))

        await self._store.write(create)
        return {"Policy": _show(policy, _uses(self._store.read, account), in_full=False)}

    @operation("GetPolicy")
    async def get(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the policy, without its document."""
        policy = the_policy(self._store.read, context.scope.account, parameters["PolicyArn"])
        return {"Policy": _show(policy, _uses(self._store.read, context.scope.account))}

    @operation("ListPolicies")
    async def list_all(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the account's policies, of AWS's, or of both."""
        account, scope = context.scope.account, parameters.get("Scope", "All")
        policies: list[Policy] = []
        if scope != "AWS":
            policies += policy_repository.own_policies(self._store.read, account)
        if scope != "Local":
            policies += policy_repository.aws_policies()
        prefix = parameters.get("PathPrefix", "/")
        policies = [policy for policy in policies if policy.path.startswith(prefix)]
        uses = _uses(self._store.read, account)
        by_boundary = parameters.get("PolicyUsageFilter") == "PermissionsBoundary"
        if parameters.get("OnlyAttached") or by_boundary:
            used = uses.bounding if by_boundary else uses.attached
            policies = [policy for policy in policies if policy.arn in used]
        shown, more = paged(parameters, policies, lambda policy: f"{policy.name}\n{policy.arn}")
        return {"Policies": [_show(one, uses, in_full=False) for one in shown], **more}

    @operation("DeletePolicy")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete the policy; raises DeleteConflict while it is attached or has further versions."""
        account, arn = context.scope.account, parameters["PolicyArn"]

        def delete(transaction: Transaction) -> None:
            policy = _own_policy(transaction, account, arn)
            if repository.holders_of(transaction, account, arn):
                raise policy_conflict("Cannot delete a policy attached to entities.")
            if repository.bounded_by(transaction, account, arn):
                raise policy_conflict("Cannot delete a policy that is used as a permissions boundary.")
            if len(policy_repository.versions(transaction, policy)) > 1:
                raise policy_conflict(
                    "This policy has more than one version. Before you delete a policy, you must delete the policy's"
                    " versions. The default version is deleted with the policy."
                )
            policy_repository.delete_policy(transaction, policy)

        await self._store.write(delete)
        return {}

    @operation("ListEntitiesForPolicy")
    async def list_entities(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the roles and users that the policy is attached to, or bounds."""
        account, arn = context.scope.account, parameters["PolicyArn"]
        reader = self._store.read
        the_policy(reader, account, arn)
        holders = (
            []
            if parameters.get("PolicyUsageFilter") == "PermissionsBoundary"
            else repository.holders_of(reader, account, arn)
        )
        if parameters.get("PolicyUsageFilter") != "PermissionsPolicy":
            holders += [holder for holder in repository.bounded_by(reader, account, arn) if holder not in holders]
        wanted = {"Role": {HolderKind.ROLE}, "User": {HolderKind.USER}}.get(
            parameters.get("EntityFilter", ""), set(HolderKind)
        )
        if parameters.get("EntityFilter") in {"Group", "AWSManagedPolicy", "LocalManagedPolicy"}:
            wanted = set()
        holders = [holder for holder in holders if holder.kind in wanted]
        shown, more = paged(parameters, holders, lambda holder: f"{holder.kind.value}/{holder.name}")
        roles, users = [], []
        for holder in shown:
            if holder.kind is HolderKind.ROLE and (role := repository.role(reader, account, holder.name)):
                roles.append({"RoleName": role.name, "RoleId": role.id})
            elif holder.kind is HolderKind.USER and (user := repository.user(reader, account, holder.name)):
                users.append({"UserName": user.name, "UserId": user.id})
        return {"PolicyRoles": roles, "PolicyUsers": users, "PolicyGroups": [], **more}

    @operation("TagPolicy")
    async def tag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Add tags."""
        added = tags_of(parameters)

        def tag(transaction: Transaction) -> None:
            policy = _own_policy(transaction, context.scope.account, parameters["PolicyArn"])
            changed = dataclasses.replace(policy, tags=with_tags(policy.tags, added))
            policy_repository.put_policy(transaction, changed)

        await self._store.write(tag)
        return {}

    @operation("UntagPolicy")
    async def untag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove tags."""

        def untag(transaction: Transaction) -> None:
            policy = _own_policy(transaction, context.scope.account, parameters["PolicyArn"])
            changed = dataclasses.replace(policy, tags=without_tags(policy.tags, parameters["TagKeys"]))
            policy_repository.put_policy(transaction, changed)

        await self._store.write(untag)
        return {}

    @operation("ListPolicyTags")
    async def list_tags(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the policy's tags."""
        policy = the_policy(self._store.read, context.scope.account, parameters["PolicyArn"])
        shown, more = paged(parameters, show_tags(policy.tags), lambda tag: str(tag["Key"]))
        return {"Tags": shown, **more}


class PolicyVersionOperations:
    """The operations on the versions of managed policies."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("CreatePolicyVersion")
    async def create(self, context: RequestContext, parameters: Parameters) -> Result:
        """Add a version, as the default if asked; raises LimitExceeded beyond five."""
        document, as_default = parameters["PolicyDocument"], bool(parameters.get("SetAsDefault"))
        now = float(int(context.now))
        _check(document)

        def create(transaction: Transaction) -> PolicyVersion:
            policy = _own_policy(transaction, context.scope.account, parameters["PolicyArn"])
            if len(policy_repository.versions(transaction, policy)) >= MAX_POLICY_VERSIONS:
                raise limit_exceeded(
                    f"A managed policy can have up to {MAX_POLICY_VERSIONS} versions. Before you create a new version,"
                    " you must delete an existing version."
                )
            version = PolicyVersion(policy.latest_version + 1, document, as_default, now)
            policy_repository.put_version(transaction, policy, version)
            default = version.number if as_default else policy.default_version
            changed = dataclasses.replace(policy, latest_version=version.number, default_version=default, updated=now)
            policy_repository.put_policy(transaction, changed)
            return version

        version = await self._store.write(create)
        return {"PolicyVersion": _show_version(version, with_document=False)}

    @operation("GetPolicyVersion")
    async def get(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return one version with its document."""
        policy = the_policy(self._store.read, context.scope.account, parameters["PolicyArn"])
        version = _the_version(self._store.read, policy, parameters["VersionId"])
        return {"PolicyVersion": _show_version(version)}

    @operation("ListPolicyVersions")
    async def list_all(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the policy's versions, newest first."""
        policy = the_policy(self._store.read, context.scope.account, parameters["PolicyArn"])
        versions = policy_repository.versions(self._store.read, policy)
        # Newest first means: ascending by how far a number is from the top.
        shown, more = paged(parameters, versions, lambda version: f"{10**9 - version.number:010d}")
        return {"Versions": [_show_version(version, with_document=False) for version in shown], **more}

    @operation("SetDefaultPolicyVersion")
    async def set_default(self, context: RequestContext, parameters: Parameters) -> Result:
        """Make a version the one that applies."""

        def change(transaction: Transaction) -> None:
            policy = _own_policy(transaction, context.scope.account, parameters["PolicyArn"])
            version = _the_version(transaction, policy, parameters["VersionId"])
            changed = dataclasses.replace(policy, default_version=version.number, updated=float(int(context.now)))
            policy_repository.put_policy(transaction, changed)

        await self._store.write(change)
        return {}

    @operation("DeletePolicyVersion")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete a version; raises DeleteConflict for the default one."""

        def delete(transaction: Transaction) -> None:
            policy = _own_policy(transaction, context.scope.account, parameters["PolicyArn"])
            version = _the_version(transaction, policy, parameters["VersionId"])
            if version.is_default:
                raise policy_conflict("Cannot delete the default version of a policy.")
            policy_repository.delete_version(transaction, policy, version.number)

        await self._store.write(delete)
        return {}


def _check(document: str) -> None:
    check_permissions_policy(document)
    if size_without_spaces(document) > MAX_MANAGED_POLICY_SIZE:
        raise limit_exceeded(f"Cannot exceed quota for PolicySize: {MAX_MANAGED_POLICY_SIZE}")


def _own_policy(reader: Reader, account: str, arn: str) -> Policy:
    policy = the_policy(reader, account, arn)
    if policy.account == policy_repository.AWS:
        raise ServiceError(
            "AccessDenied",
            f"Policy {arn} is managed by AWS; only the account's own policies can be changed.",
            status=403,
        )
    return policy


def _the_version(reader: Reader, policy: Policy, version_id: str) -> PolicyVersion:
    matched = _VERSION_ID.fullmatch(version_id)
    for version in policy_repository.versions(reader, policy):
        if matched is not None and str(version.number) == matched[1]:
            return version
    raise no_such_entity(f"Policy {policy.arn} version {version_id} does not exist or is not attachable.")


@dataclasses.dataclass(frozen=True, slots=True)
class _Uses:
    """How often an account's roles and users have policies attached, and as their boundaries, by ARN."""

    attached: Mapping[str, int]
    bounding: Mapping[str, int]


def _uses(reader: Reader, account: str) -> _Uses:
    # All at once: a page shows a hundred policies.
    return _Uses(repository.attachment_counts(reader, account), repository.boundary_counts(reader, account))


def _show(policy: Policy, uses: _Uses, *, in_full: bool = True) -> Wire:
    shown: Wire = {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": f"v{policy.default_version}",
        "AttachmentCount": uses.attached.get(policy.arn, 0),
        "PermissionsBoundaryUsageCount": uses.bounding.get(policy.arn, 0),
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
    }
    if policy.tags:
        shown["Tags"] = show_tags(policy.tags)
    if in_full and policy.description is not None:
        shown["Description"] = policy.description
    return shown


def _show_version(version: PolicyVersion, *, with_document: bool = True) -> Wire:
    shown: Wire = {
        "VersionId": f"v{version.number}",
        "IsDefaultVersion": version.is_default,
        "CreateDate": version.created,
    }
    if with_document:
        shown["Document"] = url_encoded(version.document)
    return shown
