"""Creating, finding, changing, emptying and deleting queues.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.paging import InvalidMarkerError, Page, decode_marker, page_read
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.sqs import errors, message_repository, repository
from lambent.cloud.services.sqs.live import LiveQueue, Queues
from lambent.cloud.services.sqs.lookups import queue_meant
from lambent.cloud.services.sqs.model.attributes import check_name, checked, different, lets_redrive, told
from lambent.cloud.services.sqs.model.queue import Address, address_in_arn, settings_of
from lambent.cloud.services.sqs.model.tags import check_tags
from lambent.cloud.services.sqs.times import now_ms
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Store, Transaction

T = TypeVar("T")
_MINUTE_MS = 60_000
_MOST_LISTED = 1000


class QueueOperations:
    """The operations on queues."""

    def __init__(self, store: Store, queues: Queues) -> None:
        self._store = store
        self._queues = queues

    @operation("CreateQueue")
    async def create(self, context: RequestContext, parameters: Parameters) -> Result:
        """Create a queue, or return the one that has this name and these attributes."""
        name = parameters.get("QueueName")
        if not name:
            raise errors.missing_parameter("QueueName")
        given: Mapping[str, str] = parameters.get("Attributes") or {}
        tags: Mapping[str, str] = parameters.get("tags") or {}
        is_fifo = given.get("FifoQueue") == "true"
        check_name(name, is_fifo=is_fifo)
        check_tags(tags, {}, by_aws=context.caller.is_aws)
        address = Address(context.scope, name)
        attributes = checked(given, None, is_fifo=is_fifo)
        known = self._queues.find(address)
        if known is None:
            self._check_dead_letters(address, attributes)
            await self._store.write(
                partial(_create, address=address, attributes=attributes, tags=tags, context=context)
            )
            known = self._queues.the(address)
        problem = different(given, known.queue.attributes)
        if problem is not None:
            raise errors.queue_exists(problem)
        return {"QueueUrl": url_of(context, address)}

    @operation("GetQueueUrl")
    async def url(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a queue's URL."""
        name = parameters.get("QueueName")
        if not name:
            raise errors.invalid_parameter(
                "Value for parameter QueueName is invalid. Reason: Must specify a queue name."
            )
        owner = parameters.get("QueueOwnerAWSAccountId") or context.scope.account
        address = Address(Scope(owner, context.scope.region), name)
        return {"QueueUrl": url_of(context, self._queues.the(address).queue.address)}

    @operation("ListQueues")
    async def list(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the URLs of the queues whose names begin with a prefix, a page at a time."""
        limit = _limit(parameters)
        names = repository.names(
            self._store.read,
            context.scope,
            prefix=parameters.get("QueueNamePrefix") or "",
            after=_position(parameters),
            limit=limit + 1,
        )
        found = page_read(names, str, limit=limit)
        urls = [url_of(context, Address(context.scope, name)) for name in found.items]
        return _listing("QueueUrls", urls, found, parameters) if urls else {}

    @operation("ListDeadLetterSourceQueues")
    async def sources(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the URLs of the queues that have this one as their dead-letter queue."""
        live = queue_meant(self._queues, context, parameters)
        limit = _limit(parameters)
        addresses = repository.sources(self._store.read, live.queue.arn, after=_position(parameters), limit=limit + 1)
        found = page_read(addresses, lambda address: address.name, limit=limit)
        urls = [url_of(context, address) for address in found.items]
        return _listing("queueUrls", urls, found, parameters)

    @operation("GetQueueAttributes")
    async def attributes(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the attributes that are asked for."""
        live = queue_meant(self._queues, context, parameters)
        names: Sequence[str] = parameters.get("AttributeNames") or ()
        found = told(live.queue.attributes, names, self._computed(live, now_ms(context))) if names else {}
        return {"Attributes": found} if found else {}

    @operation("SetQueueAttributes")
    async def set_attributes(self, context: RequestContext, parameters: Parameters) -> Result:
        """Change attributes; the others stay as they are."""
        live = queue_meant(self._queues, context, parameters)
        given: Mapping[str, str] = parameters.get("Attributes") or {}
        if not given:
            raise errors.missing_parameter("Attribute.Name")
        attributes = checked(given, live.queue.attributes, is_fifo=live.queue.is_fifo)
        if given.get("RedrivePolicy"):
            self._check_dead_letters(live.queue.address, attributes)
        await self.change(
            context,
            live,
            lambda present: checked(given, present, is_fifo=live.queue.is_fifo),
        )
        return {}

    async def change(
        self, context: RequestContext, live: LiveQueue, change: Callable[[Mapping[str, str]], Mapping[str, str]]
    ) -> None:
        """Replace a queue's attributes by what `change` makes of them; raises NonExistentQueue, and as it does."""
        address, at_ms = live.queue.address, now_ms(context)

        def work(transaction: Transaction) -> None:
            queue = repository.queue(transaction, address)
            if queue is None:
                raise errors.no_such_queue()
            repository.change_queue(transaction, queue.id, change(queue.attributes), queue.tags, at_ms)

        await self._store.write(work)
        self._queues.changed(address)

    @operation("PurgeQueue")
    async def purge(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove every message, those in flight as well."""
        address, at_ms = queue_meant(self._queues, context, parameters).queue.address, now_ms(context)

        def work(transaction: Transaction) -> None:
            queue = repository.queue(transaction, address)
            if queue is None:
                raise errors.no_such_queue()
            if queue.purged_ms is not None and at_ms < queue.purged_ms + _MINUTE_MS:
                raise errors.purge_in_progress(queue.address.name)
            repository.purge_queue(transaction, queue, at_ms)

        await self._store.write(work)
        self._queues.changed(address)
        return {}

    @operation("DeleteQueue")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete a queue and what is in it."""
        address, at_ms = queue_meant(self._queues, context, parameters).queue.address, now_ms(context)

        def work(transaction: Transaction) -> None:
            queue = repository.queue(transaction, address)
            if queue is None:
                raise errors.no_such_queue()
            repository.delete_queue(transaction, queue, at_ms)

        await self._store.write(work)
        self._queues.changed(address)
        return {}

    def _computed(self, live: LiveQueue, at_ms: int) -> Mapping[str, Callable[[], str]]:
        queue, read = live.queue, self._store.read

        def visible() -> int:
            total = message_repository.total(read, queue.box, at_ms - queue.settings.retention_ms)
            return max(0, total - sum(message_repository.hidden(read, queue.box, at_ms)))

        return {
            "QueueArn": lambda: queue.arn,
            "ApproximateNumberOfMessages": lambda: str(visible()),
            "ApproximateNumberOfMessagesNotVisible": lambda: str(message_repository.hidden(read, queue.box, at_ms)[0]),
            "ApproximateNumberOfMessagesDelayed": lambda: str(message_repository.hidden(read, queue.box, at_ms)[1]),
            "CreatedTimestamp": lambda: str(queue.created_ms // 1000),
            "LastModifiedTimestamp": lambda: str(queue.modified_ms // 1000),
        }

    def _check_dead_letters(self, address: Address, attributes: Mapping[str, str]) -> None:
        """Raise InvalidParameterValue unless the dead-letter queue, if one is named, is there and may be used."""
        redrive = settings_of(attributes).redrive
        if redrive is None:
            return
        text = attributes["RedrivePolicy"]
        target = address_in_arn(redrive.target_arn)
        live = None if target is None else self._queues.find(target)
        if target is None or live is None or target.scope != address.scope:
            raise errors.invalid_value(text, "RedrivePolicy", "Dead letter target does not exist.")
        if not lets_redrive(live.queue.attributes.get("RedriveAllowPolicy"), address.arn):
            reason = f"Queue {address.arn} is not allowed to use {target.arn} as its dead-letter queue."
            raise errors.invalid_value(text, "RedrivePolicy", reason)


def url_of(context: RequestContext, address: Address) -> str:
    """Return a queue's URL, at the host by which the caller reached the platform."""
    return f"http://{context.host}/{address.scope.account}/{address.name}"


def _create(
    transaction: Transaction,
    address: Address,
    attributes: Mapping[str, str],
    tags: Mapping[str, str],
    context: RequestContext,
) -> None:
    at_ms = now_ms(context)
    if repository.queue(transaction, address) is not None:
        return  # somebody else was first; whether they meant the same is looked at next
    deleted_ms = repository.deleted_ms(transaction, address)
    # CloudFormation waits until a name is free again; here it need not, so that a stack that failed can be tried again.
    if deleted_ms is not None and at_ms < deleted_ms + _MINUTE_MS and context.caller.via is None:
        raise errors.queue_deleted_recently()
    repository.add_queue(transaction, address, attributes, tags, at_ms)


def _limit(parameters: Parameters) -> int:
    limit = parameters.get("MaxResults", _MOST_LISTED)
    if not 1 <= limit <= _MOST_LISTED:
        reason = f"MaxResults must be an integer between 1 and {_MOST_LISTED}."
        raise errors.invalid_value(limit, "MaxResults", reason)
    return int(limit)


def _position(parameters: Parameters) -> str:
    token = parameters.get("NextToken")
    try:
        return "" if not token else decode_marker(token)
    except InvalidMarkerError as error:
        raise errors.invalid_parameter("Invalid or expired next token.") from error


def _listing(member: str, urls: Sequence[str], found: Page[T], parameters: Parameters) -> Result:
    # Who asks for no number of results is given no token: they get the first thousand.
    if found.next_marker is None or "MaxResults" not in parameters:
        return {member: urls}
    return {member: urls, "NextToken": found.next_marker}
