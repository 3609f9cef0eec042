"""The Amazon SNS service, its outbox, and the loop that forgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.constraints import check_constraints
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.faults.strikes import Strikes
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.loops import Loop
from lambent.cloud.framework.routes import FrontDoor, View
from lambent.cloud.framework.service import Parameters, Service
from lambent.cloud.services.sns import message_repository, repository
from lambent.cloud.services.sns.authorisation import check_access
from lambent.cloud.services.sns.deliveries import SnsDeliveries
from lambent.cloud.services.sns.endpoints.managed import Services
from lambent.cloud.services.sns.front_door import SnsFrontDoor
from lambent.cloud.services.sns.model.notification import Renderer
from lambent.cloud.services.sns.operations.publishing import PublishOperations
from lambent.cloud.services.sns.operations.subscriptions import PENDING_S, SubscriptionOperations
from lambent.cloud.services.sns.operations.tags import TagOperations
from lambent.cloud.services.sns.operations.text_messages import TextMessageOperations
from lambent.cloud.services.sns.operations.topics import TopicOperations
from lambent.cloud.services.sns.signing import SigningKey
from lambent.cloud.store.unit_of_work import Store, Transaction

# A script that was released is never changed: what comes later is a further one.
_SCRIPTS = (Path(__file__).with_name("schema.sql"),)
_SWEEP_PERIOD_S = 600.0


class SnsService(Service):
    """Amazon Simple Notification Service: topics, subscriptions, and what is published."""

    name: ClassVar[str] = "sns"

    def __init__(self, store: Store, client: InternalClient, *, clock: Clock, ids: IdSource, endpoint_url: str) -> None:
        key = SigningKey(store, clock, ids, endpoint_url=endpoint_url)
        self._deliveries = SnsDeliveries(store, clock, Services(client), Renderer(endpoint_url, key), key)
        super().__init__(
            TopicOperations(store),
            TagOperations(store),
            SubscriptionOperations(store, self._deliveries, ids),
            PublishOperations(store, self._deliveries, ids),
            TextMessageOperations(store),
        )
        self._store = store
        self._clock = clock
        self._door = SnsFrontDoor(key, self.operations(), clock, ids).door()

    def expose_to(self, strikes: Strikes) -> None:
        """Let faults on purpose strike the deliveries of messages."""
        self._deliveries.expose_to(strikes)

    def authorise(self, context: RequestContext, operation: str, parameters: Parameters) -> None:
        """Refuse what the service model forbids, and whom a topic's policy does not let in."""
        check_constraints(self.name, operation, context, parameters)
        check_access(self._store.read, context, operation, parameters)

    def front_doors(self) -> Sequence[FrontDoor]:
        """Return the door for the certificate and for the URLs in messages."""
        return (self._door,)

    def views(self) -> Mapping[str, View]:
        """Return the outbox: e-mail and text messages that would have been sent."""
        return {"outbox": self._outbox}

    def loops(self) -> Sequence[Loop]:
        """Return the removal of what is remembered too long: duplicates, and subscriptions nobody confirmed."""
        return (Loop("forget old messages and pending subscriptions", _SWEEP_PERIOD_S, self.sweep),)

    async def start(self) -> None:
        """Make or upgrade the tables, and take up what is owed."""
        await self._store.migrate(self.name, [script.read_text(encoding="utf-8") for script in _SCRIPTS])
        await self._deliveries.start()

    async def stop(self) -> None:
        """End deliveries that are under way."""
        await self._deliveries.stop()

    async def sweep(self) -> None:
        """Forget messages after five minutes, and subscriptions that were not confirmed after two days."""
        now, read = self._clock.now(), self._store.read
        if not (message_repository.has_forgettable(read, now) or repository.has_pending(read, now - PENDING_S)):
            return

        def forget(transaction: Transaction) -> None:
            message_repository.forget(transaction, now)
            repository.delete_pending(transaction, now - PENDING_S)

        await self._store.write(forget)

    def _outbox(self) -> Mapping[str, object]:
        return {"messages": list(message_repository.outbox(self._store.read))}
