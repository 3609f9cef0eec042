"""Carries message move tasks out, as fast as they may be, and goes on with them after a restart."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.base.tasks import TaskOwner, let_others_run
from lambent.cloud.services.sqs import message_repository, move_repository
from lambent.cloud.services.sqs.errors import NO_SUCH_QUEUE
from lambent.cloud.services.sqs.live import LiveQueue
from lambent.cloud.services.sqs.model.message import Content, State
from lambent.cloud.services.sqs.model.move_task import MoveTask, Status
from lambent.cloud.services.sqs.model.queue import address_in_arn
from lambent.cloud.services.sqs.numbers import Numbers
from lambent.cloud.services.sqs.receiving import Receiver
from lambent.cloud.services.sqs.times import in_ms
from lambent.cloud.store.errors import StoreClosed, StoreError
from lambent.cloud.store.unit_of_work import Store, Transaction

_log = logging.getLogger(__name__)
_AT_ONCE = 100  # where AWS chooses the rate
_TRIED_AGAIN_AFTER_S = 1.0
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
_INTERNAL_FAILURE = "InternalFailure"


class _CannotMoveError(Exception):
    """A task cannot go on; the message is what it is told to have failed for."""


@dataclass(frozen=True, slots=True)
class _Moved:
    """A message on its way: as it lay in the source, and as it lies in the destination."""

    destination: LiveQueue
    old: State
    state: State
    content: Content


class MoveTasks:
    """Owns the tasks that are under way."""

    def __init__(self, store: Store, clock: Clock, ids: IdSource, numbers: Numbers, receiver: Receiver) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._numbers = numbers
        self._receiver = receiver
        self._owner = TaskOwner("message move tasks", clock=clock)

    def resume(self) -> None:
        """Go on with the tasks that were under way when the platform stopped."""
        for task in move_repository.under_way(self._store.read):
            self.carry_out(task)

    def carry_out(self, task: MoveTask) -> None:
        """Begin to move messages."""
        self._owner.start(self._run(task), name=task.id)

    async def stop(self) -> None:
        """End; what is under way goes on after the next start."""
        await self._owner.aclose()

    async def _run(self, task: MoveTask) -> None:
        status, failure = Status.COMPLETED, None
        try:
            while await self._move_some(task):
                if task.most_per_second is not None:
                    await self._clock.sleep_until(self._clock.now() + 1)
                await let_others_run()
                known = move_repository.task(self._store.read, task.id)
                if known is None or known.status is not Status.RUNNING:
                    status = Status.CANCELLED
                    break
        except _CannotMoveError as error:
            status, failure = Status.FAILED, str(error)
        except StoreClosed:
            return  # it goes on after the next start
        except StoreError as error:
            _log.warning("the move task of %s failed: %s", task.source_arn, error)
            status, failure = Status.FAILED, _INTERNAL_FAILURE
        await self._end(task, status, failure)

    async def _end(self, task: MoveTask, status: Status, failure: str | None) -> None:
        """Write how a task ended, as soon as that can be written: a full disk is what may have ended it."""
        work = partial(move_repository.change_status, task_id=task.id, status=status, failure=failure)
        while True:
            try:
                await self._store.write(work)
            except StoreClosed:
                return  # as above
            except StoreError:
                await self._clock.sleep_until(self._clock.now() + _TRIED_AGAIN_AFTER_S)
            else:
                return

    async def _move_some(self, task: MoveTask) -> bool:
        """Move some messages; returns whether there were any."""
        source = self._live(task.source_arn)
        now_ms = in_ms(self._clock.now())
        states = await self._receiver.reserve(source, task.most_per_second or _AT_ONCE, now_ms)
        if not states:
            return False
        try:
            moved = await self._readdressed(task, states, now_ms)
            await self._store.write(partial(_write, task=task, moved=moved))
        finally:
            self._receiver.release(source, states, now_ms)
        for one in moved:
            groups = one.destination.known_groups()
            if groups is not None and one.state.ordered_in is not None:
                groups.sent(one.state.ordered_in, one.state.number, one.state.visible_ms, now_ms)
            one.destination.wake(1)
        return True

    async def _readdressed(self, task: MoveTask, states: list[State], now_ms: int) -> list[_Moved]:
        contents = message_repository.contents(self._store.read, [state.number for state in states])
        first = await self._numbers.next(len(states))
        moved = []
        for place, state in enumerate(states):
            content = contents[state.number]
            arn = task.destination_arn or content.source_arn
            if arn is None:
                raise _CannotMoveError("CouldNotDetermineMessageSource")
            destination = self._live(arn)
            settings = destination.queue.settings
            fresh = State(
                first + place,
                now_ms + settings.delay_s * 1000,
                now_ms,
                ordered_in=content.group_id if settings.is_fifo else None,
            )
            told = content._replace(message_id=self._ids.uuid(), source_arn=None)
            moved.append(_Moved(destination, state, fresh, told))
        return moved

    def _live(self, arn: str) -> LiveQueue:
        address = address_in_arn(arn)
        live = None if address is None else self._receiver.queues.find(address)
        if live is None:
            raise _CannotMoveError(NO_SUCH_QUEUE)
        return live


def _write(transaction: Transaction, task: MoveTask, moved: list[_Moved]) -> None:
    message_repository.remove_messages(transaction, [one.old.number for one in moved])
    rows = [message_repository.stored(one.destination.queue.box, one.state, one.content) for one in moved]
    message_repository.add_messages(transaction, rows)
    move_repository.note_moved(transaction, task.id, len(moved))
