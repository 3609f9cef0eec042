"""Subscription filters and metric filters: put, listed, tried out and removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.logs import follower_repository as followers
from lambent.cloud.services.logs import repository
from lambent.cloud.services.logs.deliveries import Deliveries
from lambent.cloud.services.logs.errors import invalid_parameter, limit_exceeded, resource_not_found
from lambent.cloud.services.logs.filters import InvalidPatternError, compile_pattern, extracted
from lambent.cloud.services.logs.followers import MetricFilter, SubscriptionFilter
from lambent.cloud.services.logs.model import Group
from lambent.cloud.services.logs.operations.common import listing, now_ms, some_of, the_group
from lambent.cloud.store.unit_of_work import Store, Transaction

_PAGE = 50
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
_SUBSCRIPTIONS_LIMIT = 2
_METRICS_LIMIT = 100
_NOT_OFFERED = ("fieldSelectionCriteria", "emitSystemFields", "emitSystemFieldDimensions")
_VENDORS_WITH_ROLE = ("kinesis", "firehose")
F = TypeVar("F", SubscriptionFilter, MetricFilter)


class FilterOperations:
    """The operations on what follows a log group."""

    def __init__(self, store: Store, deliveries: Deliveries) -> None:
        self._store = store
        self._deliveries = deliveries

    @operation("PutSubscriptionFilter")
    async def put_subscription(self, context: RequestContext, parameters: Parameters) -> Result:
        """Have events that match a pattern sent to a function or a stream from now on."""
        group = the_group(self._store.read, context.scope, parameters["logGroupName"])
        _check_offered(parameters)
        _check_pattern(parameters["filterPattern"])
        await self._check_destination(group, parameters["destinationArn"], parameters.get("roleArn"))
        one = SubscriptionFilter(
            name=parameters["filterName"],
            pattern=parameters["filterPattern"],
            destination=parameters["destinationArn"],
            created_ms=now_ms(context),
            role=parameters.get("roleArn"),
            distribution=parameters.get("distribution", "ByLogStream"),
        )

        def work(transaction: Transaction) -> None:
            current = the_group(transaction, context.scope, group.name)
            others = followers.subscription_filters(transaction, current.id)
            if len({each.name for each in others} | {one.name}) > _SUBSCRIPTIONS_LIMIT:
                raise limit_exceeded()
            followers.put_filter(transaction, current.id, one)

        await self._store.write(work)
        return {}

    @operation("DescribeSubscriptionFilters")
    async def describe_subscriptions(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of a group's subscription filters, by name."""
        group = the_group(self._store.read, context.scope, parameters["logGroupName"])
        found = [(group, one) for one in followers.subscription_filters(self._store.read, group.id)]
        return _listed("subscriptionFilters", found, _show_subscription, parameters)

    @operation("DeleteSubscriptionFilter")
    async def delete_subscription(self, context: RequestContext, parameters: Parameters) -> Result:
        """Send events no more."""
        await self._delete(context, parameters, followers.subscription_filters)
        return {}

    @operation("PutMetricFilter")
    async def put_metric(self, context: RequestContext, parameters: Parameters) -> Result:
        """Have events that match a pattern counted in a metric from now on."""
        group = the_group(self._store.read, context.scope, parameters["logGroupName"])
        _check_offered(parameters)
        _check_pattern(parameters["filterPattern"])
        one = _metric_filter(parameters, now_ms(context))

        def work(transaction: Transaction) -> None:
            current = the_group(transaction, context.scope, group.name)
            others = followers.metric_filters(transaction, current.id)
            if len({each.name for each in others} | {one.name}) > _METRICS_LIMIT:
                raise limit_exceeded()
            followers.put_filter(transaction, current.id, one)

        await self._store.write(work)
        return {}

    @operation("DescribeMetricFilters")
    async def describe_metrics(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of metric filters, of one group or of all, by group and name."""
        name = parameters.get("logGroupName")
        read = self._store.read
        if name is None:
            groups = repository.groups_with_metric_filters(read, context.scope)
        else:
            groups = [the_group(read, context.scope, name)]
        metric, namespace = parameters.get("metricName"), parameters.get("metricNamespace")
        if (metric is None) != (namespace is None):
            raise invalid_parameter("Both metricName and metricNamespace must be specified, or neither of them.")
        found = [
            (group, one)
            for group in groups
            for one in followers.metric_filters(read, group.id)
            if metric is None or (one.metric, one.namespace) == (metric, namespace)
        ]
        return _listed("metricFilters", found, _show_metric, parameters)

    @operation("DeleteMetricFilter")
    async def delete_metric(self, context: RequestContext, parameters: Parameters) -> Result:
        """Count events no more."""
        await self._delete(context, parameters, followers.metric_filters)
        return {}

    @operation("TestMetricFilter")
    async def test_metric(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return which of some messages a pattern matches, and what it reads from them."""
        pattern = parameters["filterPattern"]
        _check_pattern(pattern)
        matches = compile_pattern(pattern)
        return {
            "matches": [
                {"eventNumber": number, "eventMessage": message, "extractedValues": extracted(pattern, message)}
                for number, message in enumerate(parameters["logEventMessages"], start=1)
                if matches(message)
            ]
        }

    async def _check_destination(self, group: Group, destination: str, role: str | None) -> None:
        parts = destination.split(":")
        vendor = parts[2] if len(parts) > 5 else ""
        if vendor == "lambda":
            try:
                await self._deliveries.check_function(group, destination)
            except ServiceError as refused:
                raise invalid_parameter(
                    "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to "
                    "execute your function."
                ) from refused
        elif vendor not in _VENDORS_WITH_ROLE:
            raise invalid_parameter("Invalid destinationArn specified. Enter a valid ARN and try again.")
        elif role is None:
            raise invalid_parameter(f"destinationArn for vendor {vendor} cannot be used without roleArn")

    async def _delete(
        self,
        context: RequestContext,
        parameters: Parameters,
        filters: Callable[[Transaction, int], Sequence[SubscriptionFilter | MetricFilter]],
    ) -> None:
        def work(transaction: Transaction) -> None:
            group = the_group(transaction, context.scope, parameters["logGroupName"])
            found = [one for one in filters(transaction, group.id) if one.name == parameters["filterName"]]
            if not found:
                raise resource_not_found("The specified filter does not exist.")
            followers.delete_filter(transaction, group.id, found[0])

        await self._store.write(work)


def _metric_filter(parameters: Parameters, created_ms: int) -> MetricFilter:
    (transformation,) = parameters["metricTransformations"]
    dimensions: Mapping[str, str] = transformation.get("dimensions") or {}
    if dimensions and "defaultValue" in transformation:
        raise invalid_parameter("Invalid metric transformation: dimensions cannot be used together with default value.")
    if len(dimensions) > 3:
        raise invalid_parameter("Invalid metric transformation: at most 3 dimensions can be specified.")
    return MetricFilter(
        name=parameters["filterName"],
        pattern=parameters["filterPattern"],
        created_ms=created_ms,
        metric=transformation["metricName"],
        namespace=transformation["metricNamespace"],
        value=transformation["metricValue"],
        default=transformation.get("defaultValue"),
        unit=transformation.get("unit"),
        dimensions=dict(dimensions),
    )


def _check_offered(parameters: Parameters) -> None:
    for member in _NOT_OFFERED:
        if parameters.get(member):
            raise invalid_parameter(f"{member} is not offered here.")
    if parameters.get("applyOnTransformedLogs"):
        raise invalid_parameter("applyOnTransformedLogs is not offered here: there are no transformers.")


def _check_pattern(pattern: str) -> None:
    try:
        compile_pattern(pattern)
    except InvalidPatternError as error:
        raise invalid_parameter(str(error)) from error


def _listed(
    member: str,
    found: Sequence[tuple[Group, F]],
    show: Callable[[Group, F], dict[str, object]],
    parameters: Parameters,
) -> Result:
    prefix = parameters.get("filterNamePrefix") or ""
    chosen = [(group, one) for group, one in found if one.name.startswith(prefix)]
    token, limit = parameters.get("nextToken"), parameters.get("limit", _PAGE)
    some = some_of(chosen, lambda each: f"{each[0].name}\x00{each[1].name}", token, limit)
    return listing(member, [show(group, one) for group, one in some.items], some.next_marker)


def _show_subscription(group: Group, one: SubscriptionFilter) -> dict[str, object]:
    shown: dict[str, object] = {
        "filterName": one.name,
        "logGroupName": group.name,
        "filterPattern": one.pattern,
        "destinationArn": one.destination,
        "distribution": one.distribution,
        "applyOnTransformedLogs": False,
        "creationTime": one.created_ms,
    }
    return shown if one.role is None else {**shown, "roleArn": one.role}


def _show_metric(group: Group, one: MetricFilter) -> dict[str, object]:
    transformation: dict[str, object] = {
        "metricName": one.metric,
        "metricNamespace": one.namespace,
        "metricValue": one.value,
    }
    told = {"defaultValue": one.default, "unit": one.unit, "dimensions": dict(one.dimensions) or None}
    return {
        "filterName": one.name,
        "filterPattern": one.pattern,
        "metricTransformations": [transformation | {name: value for name, value in told.items() if value is not None}],
        "creationTime": one.created_ms,
        "logGroupName": group.name,
        "applyOnTransformedLogs": False,
    }
