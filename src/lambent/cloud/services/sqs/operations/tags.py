"""Tags of queues."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.sqs import errors, repository
from lambent.cloud.services.sqs.live import Queues
from lambent.cloud.services.sqs.lookups import queue_meant
from lambent.cloud.services.sqs.model.tags import check_tags
from lambent.cloud.store.unit_of_work import Store, Transaction

Tags = Mapping[str, str]


class TagOperations:
    """The operations on tags."""

    def __init__(self, store: Store, queues: Queues) -> None:
        self._store = store
        self._queues = queues

    @operation("TagQueue")
    async def tag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Add tags."""
        added: Tags = parameters.get("Tags") or {}
        if not added:
            raise errors.missing_parameter("Tags")

        def add(present: Tags) -> Tags:
            check_tags(added, present, by_aws=context.caller.is_aws)
            return {**present, **added}

        await self._change(context, parameters, add)
        return {}

    @operation("UntagQueue")
    async def untag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove tags."""
        removed = set(parameters.get("TagKeys") or ())
        if not removed:
            raise errors.invalid_parameter("Tag keys can't be null.")
        await self._change(
            context, parameters, lambda present: {key: present[key] for key in present if key not in removed}
        )
        return {}

    @operation("ListQueueTags")
    async def list(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a queue's tags."""
        tags = queue_meant(self._queues, context, parameters).queue.tags
        return {"Tags": tags} if tags else {}

    async def _change(self, context: RequestContext, parameters: Parameters, change: Callable[[Tags], Tags]) -> None:
        address = queue_meant(self._queues, context, parameters).queue.address

        def work(transaction: Transaction) -> None:
            queue = repository.queue(transaction, address)
            if queue is None:
                raise errors.no_such_queue()
            repository.change_queue(transaction, queue.id, queue.attributes, change(queue.tags), queue.modified_ms)

        await self._store.write(work)
        self._queues.changed(address)
