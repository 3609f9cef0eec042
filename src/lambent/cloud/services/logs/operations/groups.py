"""Log groups: their life, retention, keys and protection."""

from __future__ import annotations

import dataclasses

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.paging import page_read
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.framework.tags import find_problem
from lambent.cloud.services.logs import repository
from lambent.cloud.services.logs.errors import group_exists, group_is_protected, invalid_parameter
from lambent.cloud.services.logs.follower_repository import count_of_metric_filters
from lambent.cloud.services.logs.model import RETENTION_DAYS, Group, name_in_identifier
from lambent.cloud.services.logs.operations.common import change_group, listing, now_ms, position_of, the_group
from lambent.cloud.services.logs.repository import GroupQuery
from lambent.cloud.store.unit_of_work import Store, Transaction

_PAGE = 50


class GroupOperations:
    """The operations on log groups."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("CreateLogGroup")
    async def create(self, context: RequestContext, parameters: Parameters) -> Result:
        """Create a log group; raises ResourceAlreadyExistsException."""
        name, tags = parameters["logGroupName"], dict(parameters.get("tags", {}))
        if name.lower().startswith("aws/"):
            raise invalid_parameter("Log groups starting with AWS/ are reserved for AWS.")
        if find_problem(tags) is not None:
            raise invalid_parameter("The tags are not valid: keys must not begin with aws:, and 50 are the most.")
        group = Group(
            id=0,
            scope=context.scope,
            name=name,
            log_class=parameters.get("logGroupClass", "STANDARD"),
            created_ms=now_ms(context),
            retention_days=None,
            kms_key=parameters.get("kmsKeyId"),
            is_protected=bool(parameters.get("deletionProtectionEnabled")),
            tags=tags,
        )

        def create(transaction: Transaction) -> None:
            if repository.group(transaction, group.scope, name) is not None:
                raise group_exists()
            repository.add_group(transaction, group)

        await self._store.write(create)
        return {}

    @operation("DeleteLogGroup")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete the log group with everything in it."""

        def delete(transaction: Transaction) -> None:
            group = the_group(transaction, context.scope, parameters["logGroupName"])
            if group.is_protected:
                raise group_is_protected()
            repository.delete_group(transaction, group.id)

        await self._store.write(delete)
        return {}

    @operation("DescribeLogGroups")
    async def describe(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of log groups, by name."""
        limit = parameters.get("limit", _PAGE)
        found = page_read(self._chosen(context, parameters, limit + 1), lambda group: group.name, limit=limit)
        return listing("logGroups", [self._show(group) for group in found.items], found.next_marker)

    @operation("PutRetentionPolicy")
    async def put_retention(self, context: RequestContext, parameters: Parameters) -> Result:
        """Set after how many days events expire."""
        days = parameters["retentionInDays"]
        if days not in RETENTION_DAYS:
            allowed = ", ".join(map(str, RETENTION_DAYS))
            raise invalid_parameter(
                f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint:"
                f" Member must satisfy enum value set: [{allowed}]"
            )
        await change_group(
            self._store,
            context.scope,
            parameters["logGroupName"],
            lambda group: dataclasses.replace(group, retention_days=days),
        )
        return {}

    @operation("DeleteRetentionPolicy")
    async def delete_retention(self, context: RequestContext, parameters: Parameters) -> Result:
        """Keep events for ever from now on."""
        await change_group(
            self._store,
            context.scope,
            parameters["logGroupName"],
            lambda group: dataclasses.replace(group, retention_days=None),
        )
        return {}

    @operation("AssociateKmsKey")
    async def associate_key(self, context: RequestContext, parameters: Parameters) -> Result:
        """Note the key that events are to be encrypted with; here they are not."""
        await self._set_key(context, parameters, parameters["kmsKeyId"])
        return {}

    @operation("DisassociateKmsKey")
    async def disassociate_key(self, context: RequestContext, parameters: Parameters) -> Result:
        """Forget the key."""
        await self._set_key(context, parameters, None)
        return {}

    @operation("PutLogGroupDeletionProtection")
    async def put_protection(self, context: RequestContext, parameters: Parameters) -> Result:
        """Set whether the log group is protected from deletion."""
        enabled = bool(parameters["deletionProtectionEnabled"])
        await change_group(
            self._store,
            context.scope,
            name_in_identifier(parameters["logGroupIdentifier"]),
            lambda group: dataclasses.replace(group, is_protected=enabled),
        )
        return {}

    async def _set_key(self, context: RequestContext, parameters: Parameters, key: str | None) -> None:
        given = [parameters[member] for member in ("logGroupName", "resourceIdentifier") if member in parameters]
        if len(given) != 1:
            raise invalid_parameter("Exactly one of logGroupName and resourceIdentifier must be specified.")
        await change_group(
            self._store,
            context.scope,
            name_in_identifier(given[0]),
            lambda group: dataclasses.replace(group, kms_key=key),
        )

    def _chosen(self, context: RequestContext, parameters: Parameters, limit: int) -> list[Group]:
        prefix, pattern = parameters.get("logGroupNamePrefix"), parameters.get("logGroupNamePattern")
        identifiers = parameters.get("logGroupIdentifiers")
        if prefix and pattern:
            raise invalid_parameter("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        if identifiers and (prefix or pattern):
            raise invalid_parameter("LogGroup identifiers and LogGroup name filters are mutually exclusive parameters.")
        accounts = parameters.get("accountIdentifiers")
        if accounts and context.scope.account not in accounts:
            return []
        query = GroupQuery(
            limit=limit,
            after=position_of(parameters.get("nextToken")),
            prefix=prefix or "",
            pattern=pattern or "",
            names=tuple(map(name_in_identifier, identifiers)) if identifiers else None,
            classes=_classes(parameters.get("logGroupClass")),
        )
        return repository.groups(self._store.read, context.scope, query)

    def _show(self, group: Group) -> dict[str, object]:
        shown: dict[str, object] = {
            "logGroupName": group.name,
            "creationTime": group.created_ms,
            "metricFilterCount": count_of_metric_filters(self._store.read, group.id),
            "arn": f"{group.arn}:*",
            "logGroupArn": group.arn,
            "storedBytes": repository.stored_bytes(self._store.read, group.id),
            "logGroupClass": group.log_class,
            "deletionProtectionEnabled": group.is_protected,
        }
        if group.retention_days is not None:
            shown["retentionInDays"] = group.retention_days
        if group.kms_key is not None:
            shown["kmsKeyId"] = group.kms_key
        return shown


def _classes(wanted: str | None) -> tuple[str, ...] | None:
    if wanted is None:
        return None
    return ("INFREQUENT_ACCESS", "ESSENTIALS") if wanted in {"INFREQUENT_ACCESS", "ESSENTIALS"} else (wanted,)
