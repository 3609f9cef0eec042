"""What is set on tables besides their schema: time to live, backups, tags, policies; and the account's limits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.framework.tags import TagProblem, find_problem
from lambent.cloud.services.dynamodb import repository
from lambent.cloud.services.dynamodb.errors import invalid, limit_exceeded, not_found
from lambent.cloud.services.dynamodb.model.table import Settings, Table
from lambent.cloud.services.dynamodb.operations.common import Parts
from lambent.cloud.store.unit_of_work import Transaction

_DEFAULT_PERIOD_DAYS = 35
_RESTORABLE_AFTER_S = 300.0
_LONGEST_POLICY = 20 * 1024


class SettingOperations:
    """The operations on what is set on tables; `rebuild` is told of a table whose items are to be gone through."""

    def __init__(self, parts: Parts, rebuild: Callable[[int], None]) -> None:
        self._parts = parts
        self._rebuild = rebuild

    @operation("UpdateTimeToLive")
    async def set_ttl(self, context: RequestContext, parameters: Parameters) -> Result:
        """Set which attribute tells when items expire, or that none does."""
        wanted = parameters["TimeToLiveSpecification"]
        attribute: str = wanted["AttributeName"]

        def change(transaction: Transaction, table: Table) -> Table:
            if wanted["Enabled"] and table.ttl_attribute is not None:
                raise invalid("TimeToLive is already enabled")
            if not wanted["Enabled"]:
                if table.ttl_attribute is None:
                    raise invalid("TimeToLive is already disabled")
                if table.ttl_attribute != attribute:
                    raise invalid(
                        f"TimeToLive is active on a different AttributeName: current AttributeName is "
                        f"{table.ttl_attribute}"
                    )
            repository.ask_rebuild(transaction, table.number)
            return replace(table, ttl_attribute=attribute if wanted["Enabled"] else None)

        before, _ = await self._parts.change(context, parameters["TableName"], change)
        self._rebuild(before.number)
        return {"TimeToLiveSpecification": dict(wanted)}

    @operation("DescribeTimeToLive")
    async def ttl(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return which attribute tells when items expire."""
        table = self._parts.described(context, parameters["TableName"])
        if table.ttl_attribute is None:
            return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": table.ttl_attribute}}

    @operation("UpdateContinuousBackups")
    async def set_backups(self, context: RequestContext, parameters: Parameters) -> Result:
        """Set whether a table could be restored to a point in time; it is shown, no backups are made."""
        wanted = parameters["PointInTimeRecoverySpecification"]
        recovery: dict[str, object] | None = None
        if wanted["PointInTimeRecoveryEnabled"]:
            recovery = {
                "Days": wanted.get("RecoveryPeriodInDays", _DEFAULT_PERIOD_DAYS),
                "Since": context.now,
            }
        _, after = await self._parts.change(
            context, parameters["TableName"], lambda _, table: table.with_settings(Recovery=recovery)
        )
        return {"ContinuousBackupsDescription": _backups(after.settings, context.now)}

    @operation("DescribeContinuousBackups")
    async def backups(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return whether a table could be restored to a point in time."""
        name = parameters["TableName"]
        try:
            table = self._parts.described(context, name)
        except ServiceError as error:
            raise ServiceError("TableNotFoundException", f"Table not found: {name}") from error
        return {"ContinuousBackupsDescription": _backups(table.settings, context.now)}

    @operation("TagResource")
    async def tag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Set tags of a table."""
        added = {tag["Key"]: tag["Value"] for tag in parameters["Tags"]}

        def change(_: Transaction, table: Table) -> Table:
            present = table.settings.get("Tags", {})
            problem = find_problem(added, present)
            if problem is TagProblem.TOO_MANY:
                raise limit_exceeded("The number of tags exceeds the limit of 50")
            if problem is not None and not context.caller.is_aws:
                raise invalid(f"One or more tags are not valid: {problem.name}")
            return table.with_settings(Tags={**present, **added})

        await self._parts.change(context, parameters["ResourceArn"], change)
        return {}

    @operation("UntagResource")
    async def untag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove tags of a table."""
        gone = set(parameters["TagKeys"])

        def change(_: Transaction, table: Table) -> Table:
            kept = {key: value for key, value in table.settings.get("Tags", {}).items() if key not in gone}
            return table.with_settings(Tags=kept)

        await self._parts.change(context, parameters["ResourceArn"], change)
        return {}

    @operation("ListTagsOfResource")
    async def tags(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return all tags of a table."""
        table = self._parts.described(context, parameters["ResourceArn"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in table.settings.get("Tags", {}).items()]}

    @operation("PutResourcePolicy")
    async def put_policy(self, context: RequestContext, parameters: Parameters) -> Result:
        """Store a table's or stream's policy; it is shown, and gives no access."""
        policy, arn = parameters["Policy"], parameters["ResourceArn"]
        if len(policy.encode()) > _LONGEST_POLICY or not _is_json(policy):
            raise invalid("The provided policy document is not valid")

        def change(_: Transaction, table: Table) -> Table:
            kept = _policies(table)
            expected = parameters.get("ExpectedRevisionId")
            current = _revision(kept[arn]) if arn in kept else "NO_POLICY"
            if expected not in {None, current}:
                raise _no_policy()
            return table.with_settings(Policies={**kept, arn: policy}, Policy=None)

        await self._parts.change(context, _table_arn(arn), change)
        return {"RevisionId": _revision(policy)}

    @operation("GetResourcePolicy")
    async def policy(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the policy of a table or stream."""
        arn = parameters["ResourceArn"]
        found = _policies(self._parts.described(context, _table_arn(arn))).get(arn)
        if found is None:
            raise _no_policy()
        return {"Policy": found, "RevisionId": _revision(found)}

    @operation("DeleteResourcePolicy")
    async def delete_policy(self, context: RequestContext, parameters: Parameters) -> Result:
        """Forget the policy of a table or stream; one that has none is as it was."""
        arn = parameters["ResourceArn"]

        def change(_: Transaction, table: Table) -> Table:
            kept = {one: policy for one, policy in _policies(table).items() if one != arn}
            return table.with_settings(Policies=kept, Policy=None)

        before, _ = await self._parts.change(context, _table_arn(arn), change)
        found = _policies(before).get(arn)
        return {} if found is None else {"RevisionId": _revision(found)}

    @operation("DescribeLimits")
    async def limits(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return AWS's default limits, which are not enforced."""
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
        return {
            "AccountMaxReadCapacityUnits": 80_000,
            "AccountMaxWriteCapacityUnits": 80_000,
            "TableMaxReadCapacityUnits": 40_000,
            "TableMaxWriteCapacityUnits": 40_000,
        }

    @operation("DescribeEndpoints")
    async def endpoints(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return where the platform is reached."""
        return {"Endpoints": [{"Address": context.host, "CachePeriodInMinutes": 1440}]}

    @operation("DescribeKinesisStreamingDestination")
    async def destinations(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return no Kinesis destinations: none can be enabled here."""
        table = self._parts.described(context, parameters["TableName"])
        return {"TableName": table.name, "KinesisDataStreamDestinations": []}

    @operation("DescribeContributorInsights")
    async def insights(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return that contributor insights are off: they cannot be enabled here."""
        table = self._parts.described(context, parameters["TableName"])
        index = parameters.get("IndexName")
        if index is not None and table.index(index) is None:
            raise not_found(f"Requested resource not found: Index: {index} not found")
        answer: dict[str, object] = {"TableName": table.name, "ContributorInsightsStatus": "DISABLED"}
        return answer if index is None else {**answer, "IndexName": index}


def _backups(settings: Settings, now: float) -> Result:
    recovery = settings.get("Recovery")
    if recovery is None:
        description: dict[str, object] = {"PointInTimeRecoveryStatus": "DISABLED"}
    else:
        since = recovery["Since"]
        description = {
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": recovery["Days"],
            "EarliestRestorableDateTime": max(since, now - recovery["Days"] * 86400.0),
            "LatestRestorableDateTime": max(since, now - _RESTORABLE_AFTER_S),
        }
    return {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": description}


def _policies(table: Table) -> dict[str, str]:
    """Return the policies by ARN; one that came with the table's making is the table's own."""
    first = table.settings.get("Policy")
    own = {} if first is None else {table.arn: first}
    return {**own, **table.settings.get("Policies", {})}


def _table_arn(arn: str) -> str:
    return arn.partition("/stream/")[0]


def _revision(policy: str) -> str:
    return str(int.from_bytes(hashlib.blake2b(policy.encode(), digest_size=6).digest(), "big"))


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _no_policy() -> ServiceError:
    return ServiceError("PolicyNotFoundException", "Resource-based policy not found for the provided ResourceArn")
