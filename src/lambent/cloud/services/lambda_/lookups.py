"""What a request refers to in other services: roles in IAM, packages in S3, subnets and groups in EC2, organizations.

Everything is asked as Lambda's own service principal, through the internal client.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.authorise import AccessRequest, Decision, decide
from lambent.cloud.framework.context import service_principal
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.model.capacity_provider import Place
from lambent.cloud.services.lambda_.model.function import JsonValue
from lambent.cloud.store.scope import Scope

HOST = "lambda.amazonaws.com"


class Lookups:
    """Asks other services on Lambda's behalf."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def check_role(self, scope: Scope, role_arn: str) -> None:
        """Raise as AWS does unless the role exists and lets Lambda assume it."""
        account = role_arn.split(":")[4]
        if account != scope.account:
            raise errors.access_denied("Cross-account pass role is not allowed.")
        try:
            result = await self._ask("iam", "GetRole", {"RoleName": role_arn.rpartition("/")[2]}, scope)
        except ServiceError as error:
            if error.code in {"NoSuchEntity", "NoSuchEntityException"}:
                raise _cannot_be_assumed() from error
            raise
        role = result["Role"]
        trust = policy_document(role["AssumeRolePolicyDocument"])
        wanted = AccessRequest(service_principal(HOST, scope), "sts:AssumeRole", role_arn)
        if role["Arn"] != role_arn or decide([trust], wanted) is not Decision.ALLOW:
            raise _cannot_be_assumed()

    async def fetch_object(self, scope: Scope, code: Mapping[str, str | None]) -> bytes:
        """Return the bytes of the S3 object a request names; raises InvalidParameterValueException as AWS does."""
        asked = {"Bucket": code["S3Bucket"], "Key": code["S3Key"]}
        if code.get("S3ObjectVersion"):
            asked["VersionId"] = code["S3ObjectVersion"]
        try:
            body = (await self._ask("s3", "GetObject", asked, scope))["Body"]
        except ServiceError as error:
            raise errors.invalid_parameter(
                f"Error occurred while GetObject. S3 Error Code: {error.code}. S3 Error Message: {error.message}"
            ) from error
        return body if isinstance(body, bytes) else await _whole(body)

    async def network(self, scope: Scope, asked: Mapping[str, object]) -> dict[str, JsonValue]:
        """Return a VpcConfigResponse for the subnets and groups a request names; raises as AWS does."""
        subnets = _texts(asked.get("SubnetIds"))
        groups = _texts(asked.get("SecurityGroupIds"))
        vpc = ""
        if subnets:
            found = await self._describe("DescribeSubnets", {"SubnetIds": subnets}, scope)
            vpc = str(found["Subnets"][0]["VpcId"])
        if groups:
            await self._describe("DescribeSecurityGroups", {"GroupIds": groups}, scope)
        return {
            "SubnetIds": list(subnets),
            "SecurityGroupIds": list(groups),
            "VpcId": vpc,
            "Ipv6AllowedForDualStack": bool(asked.get("Ipv6AllowedForDualStack")),
        }

    async def places(self, scope: Scope, subnets: Sequence[str]) -> tuple[tuple[Place, ...], str | None]:
        """Return where subnets lie, in their order, and the default security group of their VPC.

        Raises InvalidParameterValueException as AWS does.
        """
        found = (await self._describe("DescribeSubnets", {"SubnetIds": list(subnets)}, scope))["Subnets"]
        by_id = {str(each["SubnetId"]): each for each in found}
        places = tuple(
            Place(subnet, str(one["AvailabilityZone"]), str(one["VpcId"]), str(one["CidrBlock"]))
            for subnet in subnets
            for one in [by_id[subnet]]
        )
        filters = [
            {"Name": "vpc-id", "Values": [places[0].vpc_id]},
            {"Name": "group-name", "Values": ["default"]},
        ]
        groups = (await self._describe("DescribeSecurityGroups", {"Filters": filters}, scope))["SecurityGroups"]
        return places, str(groups[0]["GroupId"]) if groups else None

    async def check_groups(self, scope: Scope, groups: Sequence[str]) -> None:
        """Raise InvalidParameterValueException as AWS does unless the security groups exist."""
        if groups:
            await self._describe("DescribeSecurityGroups", {"GroupIds": list(groups)}, scope)

    async def organization(self, scope: Scope) -> str | None:
        """Return the id of the organization that the account is in, or None."""
        try:
            return str((await self._ask("organizations", "DescribeOrganization", {}, scope))["Organization"]["Id"])
        except ServiceError as error:
            if error.code == "AWSOrganizationsNotInUseException":
                return None
            raise

    async def _describe(self, operation: str, parameters: Parameters, scope: Scope) -> Result:
        try:
            return await self._ask("ec2", operation, parameters, scope)
        except ServiceError as error:
            raise errors.invalid_parameter(
                f"Error occurred while {operation}. EC2 Error Code: {error.code}. EC2 Error Message: {error.message}"
            ) from error

    async def _ask(self, service: str, operation: str, parameters: Parameters, scope: Scope) -> Result:
        principal = service_principal(HOST, scope)
        return await self._client.call(service, operation, parameters, scope=scope, principal=principal)


def _cannot_be_assumed() -> ServiceError:
    return errors.invalid_parameter("The role defined for the function cannot be assumed by Lambda.")


def policy_document(policy: object) -> Mapping[str, object]:
    """Return a policy as IAM or another service hands it out: parsed; empty where it is none."""
    # IAM hands policy documents out URL-encoded; a client's decoder would undo that.
    parsed = json.loads(unquote(policy)) if isinstance(policy, str) else policy
    return parsed if isinstance(parsed, Mapping) else {}


async def _whole(body: object) -> bytes:
    if hasattr(body, "__aiter__"):
        return b"".join([chunk async for chunk in body])
    raise errors.invalid_parameter("Error occurred while GetObject. S3 Error Code: InternalError.")


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else []
