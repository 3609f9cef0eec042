"""The notification configuration of a bucket.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
"""

from __future__ import annotations

from functools import cache

from lambent.aws.service_models import service_model
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.s3 import configuration_repository as repository
from lambent.cloud.services.s3.configurations.errors import unreachable_destinations
from lambent.cloud.services.s3.configurations.notifications import checked, targets_of
from lambent.cloud.services.s3.notifications import KIND, Notifications
from lambent.cloud.services.s3.operations.common import the_bucket
from lambent.cloud.store.unit_of_work import Store, Transaction


class NotificationOperations:
    """Puts and gets the rules that say who is told of what."""

    def __init__(self, store: Store, notifications: Notifications, ids: IdSource) -> None:
        self._store = store
        self._notifications = notifications
        self._ids = ids

    @operation("PutBucketNotificationConfiguration")
    async def put(self, context: RequestContext, parameters: Parameters) -> Result:
        """Keep the configuration once its destinations took a test; raises InvalidArgument as AWS does.

        An empty configuration turns notifications off. `SkipDestinationValidation` keeps it unasked.
        """
        kept = checked(parameters["NotificationConfiguration"], _known_events(), self._ids.uuid)
        bucket = the_bucket(self._store.read, parameters)
        if not parameters.get("SkipDestinationValidation"):
            problems = await self._notifications.problems(context, bucket, targets_of(kept))
            if problems:
                raise unreachable_destinations(problems)

        def work(transaction: Transaction) -> None:
            there = the_bucket(transaction, parameters)
            repository.put(transaction, KIND, there.id, kept)

        await self._store.write(work)
        return {}

    @operation("GetBucketNotificationConfiguration")
    async def get(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the configuration; an empty one where there is none."""
        bucket = the_bucket(self._store.read, parameters)
        return repository.get(self._store.read, KIND, bucket.id, {}) or {}


@cache
def _known_events() -> frozenset[str]:
    return frozenset(service_model("s3").shape("Event").enum)
