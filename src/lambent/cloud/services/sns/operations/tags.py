"""Tags of topics."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.framework.tags import TagProblem, find_problem
from lambent.cloud.services.sns import repository
from lambent.cloud.services.sns.errors import invalid_parameter, resource_not_found, too_many_tags
from lambent.cloud.services.sns.model.names import topic_of
from lambent.cloud.services.sns.model.topic import Topic
from lambent.cloud.store.unit_of_work import Reader, Store, Transaction


class TagOperations:
    """The operations on tags."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("TagResource")
    async def tag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Add tags to a topic."""
        added = tags_in(parameters["Tags"])

        def work(transaction: Transaction) -> None:
            found = _the_topic(transaction, context, parameters["ResourceArn"])
            check_tags(added, found.tags, context)
            repository.change_topic(transaction, dataclasses.replace(found, tags={**found.tags, **added}))

        await self._store.write(work)
        return {}

    @operation("UntagResource")
    async def untag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove tags from a topic."""
        removed = frozenset(parameters["TagKeys"])

        def work(transaction: Transaction) -> None:
            found = _the_topic(transaction, context, parameters["ResourceArn"])
            kept = {key: value for key, value in found.tags.items() if key not in removed}
            repository.change_topic(transaction, dataclasses.replace(found, tags=kept))

        await self._store.write(work)
        return {}

    @operation("ListTagsForResource")
    async def list(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a topic's tags."""
        found = _the_topic(self._store.read, context, parameters["ResourceArn"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in found.tags.items()]}


def tags_in(given: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    """Return tags by key; raises InvalidParameter where a key stands twice."""
    found = {tag["Key"]: tag["Value"] for tag in given or ()}
    if len(found) != len(given or ()):
        raise invalid_parameter("Duplicated keys are not allowed.")
    return found


def check_tags(added: Mapping[str, str], present: Mapping[str, str], context: RequestContext) -> None:
    """Raise InvalidParameter or TagLimitExceeded for tags that cannot be; AWS's own services may set `aws:` tags."""
    own = {key: value for key, value in added.items() if not (context.caller.is_aws and key.startswith("aws:"))}
    problem = find_problem(own, present)
    if problem is TagProblem.TOO_MANY:
        raise too_many_tags()
    if problem is TagProblem.RESERVED_PREFIX:
        raise invalid_parameter("Tags Reason: aws: prefixed tag key names are not allowed for external use.")
    if problem is not None:
        raise invalid_parameter("Tags Reason: The tag keys and values are not valid")


def _the_topic(reader: Reader, context: RequestContext, arn: str) -> Topic:
    found = repository.topic(reader, topic_of(arn, context.scope, parameter="ResourceArn"))
    if found is None:
        raise resource_not_found()
    return found
