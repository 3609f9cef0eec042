"""AWS::IAM::Role, Policy, ManagedPolicy, RolePolicy and InstanceProfile.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_IAM.html
"""

from __future__ import annotations

import json
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation.resources.calls import (
    gone_is_fine,
    made,
    matching,
    picked,
    tag_changes,
    tag_list,
    tags_of,
)
from lambent.cloud.services.cloudformation.resources.contract import Live, Properties, ResourceContext

_EXISTS = "EntityAlreadyExists"
_GONE = "NoSuchEntity"


def _json(document: Any) -> str:  # Any: a policy document, which templates may also give as text
    return document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))


class RoleHandler:
    """A role with its inline and managed policies."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the role, then attach and put its policies."""
        name = str(properties.get("RoleName") or context.generated_name(64))
        parameters = {
            **picked(properties, "Description", "Path", "PermissionsBoundary"),
            "RoleName": name,
            "AssumeRolePolicyDocument": _json(properties["AssumeRolePolicyDocument"]),
            "Tags": tag_list({**context.tags, **tags_of(properties)}),
        }
        if "MaxSessionDuration" in properties:
            parameters["MaxSessionDuration"] = int(properties["MaxSessionDuration"])
        try:
            role = (await context.call("iam", "CreateRole", **parameters))["Role"]
        except ServiceError as error:
            if not (context.is_repeated and error.code == _EXISTS):
                raise
            role = (await context.call("iam", "GetRole", RoleName=name))["Role"]
        async with made(name):
            await self._policies(context, name, {}, properties)
        return Live(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Change trust, policies, boundary, duration, description and tags."""
        name = live.physical_id
        if before["AssumeRolePolicyDocument"] != after["AssumeRolePolicyDocument"]:
            document = _json(after["AssumeRolePolicyDocument"])
            await context.call("iam", "UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=document)
        if picked(before, "Description", "MaxSessionDuration") != picked(after, "Description", "MaxSessionDuration"):
            await context.call(
                "iam",
                "UpdateRole",
                RoleName=name,
                Description=after.get("Description", ""),
                MaxSessionDuration=int(after.get("MaxSessionDuration", 3600)),
            )
        boundary = after.get("PermissionsBoundary")
        if boundary != before.get("PermissionsBoundary"):
            if boundary is None:
                await context.call("iam", "DeleteRolePermissionsBoundary", RoleName=name)
            else:
                await context.call("iam", "PutRolePermissionsBoundary", RoleName=name, PermissionsBoundary=boundary)
        await self._policies(context, name, before, after)
        added, removed = tag_changes(tags_of(before), tags_of(after))
        if removed:
            await context.call("iam", "UntagRole", RoleName=name, TagKeys=removed)
        if added:
            await context.call("iam", "TagRole", RoleName=name, Tags=tag_list(added))
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Take its policies from the role and delete it."""
        async with gone_is_fine(_GONE):
            await self._policies(context, live.physical_id, properties, {})
            await context.call("iam", "DeleteRole", RoleName=live.physical_id)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the role and its policies as they are."""
        async with gone_is_fine(_GONE) as found:
            name = live.physical_id
            role = (await context.call("iam", "GetRole", RoleName=name))["Role"]
            attached = (await context.call("iam", "ListAttachedRolePolicies", RoleName=name))["AttachedPolicies"]
            inline = (await context.call("iam", "ListRolePolicies", RoleName=name))["PolicyNames"]
            policies = []
            for policy in inline:
                answer = await context.call("iam", "GetRolePolicy", RoleName=name, PolicyName=policy)
                policies.append({"PolicyName": policy, "PolicyDocument": _document(answer["PolicyDocument"])})
            found.append(
                {
                    **role,
                    "AssumeRolePolicyDocument": _document(role["AssumeRolePolicyDocument"]),
                    "ManagedPolicyArns": [one["PolicyArn"] for one in attached],
                    "Policies": policies,
                    "Tags": properties.get("Tags", []),
                }
            )
        return matching(found[0], properties) if found else None

    async def _policies(self, context: ResourceContext, name: str, before: Properties, after: Properties) -> None:
        old, new = before.get("ManagedPolicyArns", []), after.get("ManagedPolicyArns", [])
        for arn in new:
            if arn not in old:
                await context.call("iam", "AttachRolePolicy", RoleName=name, PolicyArn=arn)
        for arn in old:
            if arn not in new:
                async with gone_is_fine(_GONE):
                    await context.call("iam", "DetachRolePolicy", RoleName=name, PolicyArn=arn)
        inline = {one["PolicyName"]: one["PolicyDocument"] for one in after.get("Policies", [])}
        had = {one["PolicyName"]: one["PolicyDocument"] for one in before.get("Policies", [])}
        for policy, document in inline.items():
            if had.get(policy) != document:
                await context.call(
                    "iam", "PutRolePolicy", RoleName=name, PolicyName=policy, PolicyDocument=_json(document)
                )
        for policy in had.keys() - inline.keys():
            async with gone_is_fine(_GONE):
                await context.call("iam", "DeleteRolePolicy", RoleName=name, PolicyName=policy)


def _document(text: Any) -> Any:  # Any: a policy document
    from urllib.parse import unquote  # noqa: PLC0415 - for drift alone

    return json.loads(unquote(text)) if isinstance(text, str) else text


class PolicyHandler:
    """An inline policy put into roles (and users): `AWS::IAM::Policy`, and with one role `AWS::IAM::RolePolicy`."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Put the policy into every role and user it names."""
        for kind, name in _holders(properties):
            await self._put(context, kind, name, properties)
        return Live(context.generated_name(128) if "RoleName" not in properties else _role_policy_id(properties))

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Put it where it is now wanted, and take it from where it is not."""
        renamed = before["PolicyName"] != after["PolicyName"]
        wanted = list(_holders(after))
        for kind, name in wanted:
            await self._put(context, kind, name, after)
        for kind, name in _holders(before):
            if renamed or (kind, name) not in wanted:
                await self._take(context, kind, name, before)
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Take it from everybody."""
        for kind, name in _holders(properties):
            await self._take(context, kind, name, properties)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the policy as its first holder has it."""
        async with gone_is_fine(_GONE) as found:
            kind, name = next(iter(_holders(properties)))
            answer = await context.call(
                "iam", f"Get{kind}Policy", **{f"{kind}Name": name}, PolicyName=properties["PolicyName"]
            )
            found.append({**properties, "PolicyDocument": _document(answer["PolicyDocument"])})
        return found[0] if found else None

    async def _put(self, context: ResourceContext, kind: str, name: str, properties: Properties) -> None:
        document = _json(properties["PolicyDocument"])
        where = {f"{kind}Name": name, "PolicyName": properties["PolicyName"]}
        await context.call("iam", f"Put{kind}Policy", **where, PolicyDocument=document)

    async def _take(self, context: ResourceContext, kind: str, name: str, properties: Properties) -> None:
        async with gone_is_fine(_GONE):
            where = {f"{kind}Name": name, "PolicyName": properties["PolicyName"]}
            await context.call("iam", f"Delete{kind}Policy", **where)


def _holders(properties: Properties) -> list[tuple[str, str]]:
    single = [("Role", str(properties["RoleName"]))] if "RoleName" in properties else []
    roles = [("Role", str(name)) for name in properties.get("Roles", [])]
    return [*single, *roles, *(("User", str(name)) for name in properties.get("Users", []))]


def _role_policy_id(properties: Properties) -> str:
    return f"{properties['PolicyName']}|{properties['RoleName']}"


class ManagedPolicyHandler:
    """A customer managed policy."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the policy and attach it to what it names."""
        name = str(properties.get("ManagedPolicyName") or context.generated_name(128))
        parameters = {
            **picked(properties, "Description", "Path"),
            "PolicyName": name,
            "PolicyDocument": _json(properties["PolicyDocument"]),
        }
        try:
            arn = str((await context.call("iam", "CreatePolicy", **parameters))["Policy"]["Arn"])
        except ServiceError as error:
            if not (context.is_repeated and error.code == _EXISTS):
                raise
            path = properties.get("Path", "/")
            arn = f"arn:{context.scope.partition}:iam::{context.scope.account}:policy{path}{name}"
        async with made(arn):
            await self._attach(context, arn, {}, properties)
        return Live(arn, {"PolicyArn": arn})

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Make a new default version of it; the oldest goes when there are five."""
        arn = live.physical_id
        if before["PolicyDocument"] != after["PolicyDocument"]:
            versions = (await context.call("iam", "ListPolicyVersions", PolicyArn=arn))["Versions"]
            spare = [one["VersionId"] for one in versions if not one["IsDefaultVersion"]]
            if len(versions) >= 5:  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
                await context.call("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=spare[-1])
            document = _json(after["PolicyDocument"])
            await context.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
        await self._attach(context, arn, before, after)
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Detach it, and delete it with its versions."""
        arn = live.physical_id
        async with gone_is_fine(_GONE):
            await self._attach(context, arn, properties, {})
            for one in (await context.call("iam", "ListPolicyVersions", PolicyArn=arn))["Versions"]:
                if not one["IsDefaultVersion"]:
                    await context.call("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=one["VersionId"])
            await context.call("iam", "DeletePolicy", PolicyArn=arn)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the policy's document as it is."""
        async with gone_is_fine(_GONE) as found:
            policy = (await context.call("iam", "GetPolicy", PolicyArn=live.physical_id))["Policy"]
            version = await context.call(
                "iam", "GetPolicyVersion", PolicyArn=live.physical_id, VersionId=policy["DefaultVersionId"]
            )
            found.append({**properties, "PolicyDocument": _document(version["PolicyVersion"]["Document"])})
        return found[0] if found else None

    async def _attach(self, context: ResourceContext, arn: str, before: Properties, after: Properties) -> None:
        had, wanted = _holders(before), _holders(after)
        for kind, name in wanted:
            if (kind, name) not in had:
                await context.call("iam", f"Attach{kind}Policy", **{f"{kind}Name": name}, PolicyArn=arn)
        for kind, name in had:
            if (kind, name) not in wanted:
                async with gone_is_fine(_GONE):
                    await context.call("iam", f"Detach{kind}Policy", **{f"{kind}Name": name}, PolicyArn=arn)


class InstanceProfileHandler:
    """An instance profile with its one role."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the profile and put the role into it."""
        name = str(properties.get("InstanceProfileName") or context.generated_name(128))
        answer = await context.call(
            "iam", "CreateInstanceProfile", InstanceProfileName=name, **picked(properties, "Path")
        )
        async with made(name):
            for role in properties["Roles"]:
                await context.call("iam", "AddRoleToInstanceProfile", InstanceProfileName=name, RoleName=role)
        return Live(name, {"Arn": answer["InstanceProfile"]["Arn"]})

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Put another role into it."""
        for operation, roles in (("Remove", before["Roles"]), ("Add", after["Roles"])):
            verb = "RemoveRoleFromInstanceProfile" if operation == "Remove" else "AddRoleToInstanceProfile"
            for role in roles:
                await context.call("iam", verb, InstanceProfileName=live.physical_id, RoleName=role)
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Empty it and delete it."""
        async with gone_is_fine(_GONE):
            for role in properties["Roles"]:
                async with gone_is_fine(_GONE):
                    await context.call(
                        "iam", "RemoveRoleFromInstanceProfile", InstanceProfileName=live.physical_id, RoleName=role
                    )
            await context.call("iam", "DeleteInstanceProfile", InstanceProfileName=live.physical_id)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the profile as it is."""
        async with gone_is_fine(_GONE) as found:
            answer = await context.call("iam", "GetInstanceProfile", InstanceProfileName=live.physical_id)
            profile = answer["InstanceProfile"]
            found.append({**profile, "Roles": [role["RoleName"] for role in profile["Roles"]]})
        return matching(found[0], properties) if found else None
