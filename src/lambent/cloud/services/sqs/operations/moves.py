"""Message move tasks: starting, listing and cancelling them."""

from __future__ import annotations

from functools import partial

from lambent.base.identifiers import IdSource
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.sqs import errors, message_repository, move_repository, repository
from lambent.cloud.services.sqs.live import LiveQueue, Queues
from lambent.cloud.services.sqs.model.move_task import MOST_PER_SECOND, MoveTask, Status, task_in
from lambent.cloud.services.sqs.model.queue import address_in_arn
from lambent.cloud.services.sqs.moves import MoveTasks
from lambent.cloud.services.sqs.times import now_ms
from lambent.cloud.store.unit_of_work import Store, Transaction

_MOST_LISTED = 10


class MoveOperations:
    """The operations on message move tasks."""

    def __init__(self, store: Store, ids: IdSource, queues: Queues, tasks: MoveTasks) -> None:
        self._store = store
        self._ids = ids
        self._queues = queues
        self._tasks = tasks

    @operation("StartMessageMoveTask")
    async def start(self, context: RequestContext, parameters: Parameters) -> Result:
        """Begin to move the messages of a dead-letter queue to another queue, or back to where they came from."""
        source = self._source(context, parameters.get("SourceArn"))
        if not repository.sources(self._store.read, source.queue.arn, after="", limit=1):
            raise errors.invalid_parameter("Source queue must be configured as a Dead Letter Queue.")
        destination = parameters.get("DestinationArn")
        if destination:
            self._check_destination(source, destination)
        rate = parameters.get("MaxNumberOfMessagesPerSecond")
        if rate is not None and not 1 <= rate <= MOST_PER_SECOND:
            reason = f"MaxNumberOfMessagesPerSecond must be an integer between 1 and {MOST_PER_SECOND}."
            raise errors.invalid_value(rate, "MaxNumberOfMessagesPerSecond", reason)
        at_ms = now_ms(context)
        box, retention_ms = source.queue.box, source.queue.settings.retention_ms
        to_move = message_repository.total(self._store.read, box, at_ms - retention_ms)
        to_move -= sum(message_repository.hidden(self._store.read, box, at_ms))
        task = MoveTask(
            self._ids.uuid(), context.scope, source.queue.arn, destination or None, rate, Status.RUNNING, at_ms, 0,
            max(0, to_move),
        )  # fmt: skip

        def work(transaction: Transaction) -> None:
            if any(other.status.is_under_way for other in move_repository.tasks(transaction, task.source_arn, 1)):
                raise errors.invalid_parameter(
                    "There is already a task running. Only one active task is allowed for a source queue arn at a "
                    "given time."
                )
            move_repository.add_task(transaction, task)

        await self._store.write(work)
        self._tasks.carry_out(task)
        return {"TaskHandle": task.handle}

    @operation("ListMessageMoveTasks")
    async def list(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the latest tasks of a dead-letter queue."""
        source = self._source(context, parameters.get("SourceArn"))
        limit = parameters.get("MaxResults", 1)
        if not 1 <= limit <= _MOST_LISTED:
            reason = f"MaxResults must be an integer between 1 and {_MOST_LISTED}."
            raise errors.invalid_value(limit, "MaxResults", reason)
        found = move_repository.tasks(self._store.read, source.queue.arn, limit)
        return {"Results": [_shown(task) for task in found]} if found else {}

    @operation("CancelMessageMoveTask")
    async def cancel(self, context: RequestContext, parameters: Parameters) -> Result:
        """Stop a task; what it has moved stays moved."""
        named = task_in(parameters.get("TaskHandle") or "")
        if named is None:
            raise errors.invalid_parameter("Value for parameter TaskHandle is invalid.")
        task_id, source_arn = named
        self._source(context, source_arn)
        task = move_repository.task(self._store.read, task_id)
        if task is None:
            raise errors.not_found("Task does not exist.")
        if task.status is not Status.RUNNING:
            raise errors.unsupported("Only active tasks can be cancelled.")
        await self._store.write(partial(move_repository.change_status, task_id=task.id, status=Status.CANCELLING))
        return {"ApproximateNumberOfMessagesMoved": task.moved}

    def _source(self, context: RequestContext, arn: str | None) -> LiveQueue:
        if not arn:
            raise errors.missing_parameter("SourceArn")
        address = address_in_arn(arn)
        if address is None:
            raise errors.invalid_parameter(
                "You must use this format to specify the SourceArn: "
                "arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
            )
        live = self._queues.find(address) if address.scope == context.scope else None
        if live is None:
            raise errors.not_found("The resource that you specified for the SourceArn parameter doesn't exist.")
        return live

    def _check_destination(self, source: LiveQueue, arn: str) -> None:
        address = address_in_arn(arn)
        live = None if address is None or address.scope != source.queue.address.scope else self._queues.find(address)
        if live is None:
            raise errors.not_found("The resource that you specified for the DestinationArn parameter doesn't exist.")
        if live.queue.id == source.queue.id:
            raise errors.invalid_parameter("Source queue arn and destination queue arn must be different.")
        if live.queue.is_fifo != source.queue.is_fifo:
            raise errors.invalid_parameter("The source and destination queues must be of the same type.")


def _shown(task: MoveTask) -> Result:
    return {
        "TaskHandle": task.handle if task.status is Status.RUNNING else None,
        "Status": task.status.value,
        "SourceArn": task.source_arn,
        "DestinationArn": task.destination_arn,
        "MaxNumberOfMessagesPerSecond": task.most_per_second,
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.to_move,
        "FailureReason": task.failure,
        "StartedTimestamp": task.started_ms,
    }
