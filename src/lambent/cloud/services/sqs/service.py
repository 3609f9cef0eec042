"""The Amazon SQS service, and the loop that removes what has expired, was purged or was deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.base.tasks import let_others_run
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.faults.strikes import Strikes
from lambent.cloud.framework.loops import Loop
from lambent.cloud.framework.routes import View
from lambent.cloud.framework.service import Parameters, Service
from lambent.cloud.services.sqs import message_repository, repository
from lambent.cloud.services.sqs.authorisation import check_access
from lambent.cloud.services.sqs.live import Queues
from lambent.cloud.services.sqs.moves import MoveTasks
from lambent.cloud.services.sqs.numbers import Numbers
from lambent.cloud.services.sqs.operations.messages import MessageOperations
from lambent.cloud.services.sqs.operations.moves import MoveOperations
from lambent.cloud.services.sqs.operations.permissions import PermissionOperations
from lambent.cloud.services.sqs.operations.queues import QueueOperations
from lambent.cloud.services.sqs.operations.tags import TagOperations
from lambent.cloud.services.sqs.receipts import Receipts
from lambent.cloud.services.sqs.receiving import Receiver
from lambent.cloud.services.sqs.sending import Sender
from lambent.cloud.services.sqs.times import in_ms
from lambent.cloud.store.unit_of_work import Store, Transaction

_SCRIPTS = (Path(__file__).with_name("schema.sql"),)
_SWEEP_PERIOD_S = 3600.0
# Who began to send before a queue was purged or deleted has written long before this.
_BOX_GRACE_MS = 60 * 60 * 1000
_LONGEST_NAME_RULE_MS = 60_000


class SqsService(Service):
    """Amazon Simple Queue Service: standard and FIFO queues, durable, in both of its wire formats."""

    name: ClassVar[str] = "sqs"

    def __init__(self, store: Store, *, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._clock = clock
        self._queues = Queues(store.read)
        self._receiver = Receiver(store, clock, self._queues)
        numbers = Numbers(store)
        self._sender = sender = Sender(store, ids, numbers)
        self._moves = MoveTasks(store, clock, ids, numbers, self._receiver)
        queues = QueueOperations(store, self._queues)
        super().__init__(
            queues,
            MessageOperations(self._queues, sender, self._receiver, Receipts(store, self._receiver)),
            TagOperations(store, self._queues),
            PermissionOperations(self._queues, queues),
            MoveOperations(store, ids, self._queues, self._moves),
        )

    def expose_to(self, strikes: Strikes) -> None:
        """Let faults on purpose strike messages that are sent."""
        self._sender.strikes = strikes

    def authorise(self, context: RequestContext, operation: str, parameters: Parameters) -> None:
        """Refuse what a queue's policy forbids, and to other accounts and services what it does not allow."""
        check_access(self._queues, context, operation, parameters)

    async def start(self) -> None:
        """Make or upgrade the tables, and go on moving messages."""
        await self._store.migrate(self.name, [script.read_text(encoding="utf-8") for script in _SCRIPTS])
        self._moves.resume()

    async def stop(self) -> None:
        """Answer those who wait for messages, and leave off moving any."""
        self._receiver.stop()
        await self._moves.stop()

    def loops(self) -> Sequence[Loop]:
        """Return the removal of what receivers do not see any more."""
        return (Loop("remove expired messages", _SWEEP_PERIOD_S, self.sweep),)

    async def sweep(self) -> None:
        """Remove expired messages, those of purged and deleted queues, and what deduplication no longer needs."""
        now_ms = in_ms(self._clock.now())
        for queue, messages in repository.every_queue(self._store.read):
            if messages and message_repository.has_expired(
                self._store.read, queue.box, now_ms - queue.settings.retention_ms
            ):
                await self._receiver.expire(self._queues.the(queue.address), now_ms)
            await let_others_run()  # there may be thousands of queues
        await self._sweep_boxes(now_ms)
        while await self._store.write(partial(message_repository.remove_deduplication, now_ms=now_ms)):
            pass
        await self._store.write(partial(repository.forget_deleted, before_ms=now_ms - _LONGEST_NAME_RULE_MS))

    async def _sweep_boxes(self, now_ms: int) -> None:
        before_ms = now_ms - _BOX_GRACE_MS

        def work(transaction: Transaction) -> bool:
            box = repository.dropped_box(transaction, before_ms)
            if box is None:
                return False
            if not message_repository.remove_expired(transaction, box, until_ms=1 << 62):
                repository.remove_box(transaction, box, before_ms)
            return True

        while await self._store.write(work):
            pass

    def views(self) -> Mapping[str, View]:
        """Return the queues, how many messages are in each, and how many receivers wait for one."""
        return {"queues": self._view}

    def _view(self) -> Mapping[str, object]:
        now_ms = in_ms(self._clock.now())
        shown = []
        for queue, messages in repository.every_queue(self._store.read):
            in_flight, delayed = message_repository.hidden(self._store.read, queue.box, now_ms)
            shown.append(
                {
                    "arn": queue.arn,
                    "messages": messages,
                    "in_flight": in_flight,
                    "delayed": delayed,
                    "receivers_waiting": self._queues.waiting(queue.address),
                }
            )
        return {"queues": shown}
