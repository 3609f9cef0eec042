"""CloudFormation as the platform starts it: tables and addresses at once, the rest when it is first asked.

Engine, resource types and template language cost 70 ms to import, which a platform that nobody deploys to should not
pay before it is ready.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.loops import Loop
from lambent.cloud.framework.routes import Route
from lambent.cloud.framework.service import Operation, Parameters, Service
from lambent.cloud.services.cloudformation.notifications import TOPIC, Notifier
from lambent.cloud.services.cloudformation.resources.responses import Responses
from lambent.cloud.services.cloudformation.sweeping import Sweep
from lambent.cloud.store.unit_of_work import Store

_SCRIPTS = tuple(Path(__file__).with_name(name) for name in ("schema.sql", "schema_2.sql", "schema_3.sql"))
_SWEEP_PERIOD_S = 86_400.0
_UNFINISHED = (
    "SELECT 1 FROM cloudformation_stack WHERE status LIKE '%IN_PROGRESS' AND status != 'REVIEW_IN_PROGRESS'"
    " UNION ALL SELECT 1 FROM cloudformation_drift_detection WHERE is_done = 0 LIMIT 1"
)


class CloudFormationService(Service):
    """AWS CloudFormation."""

    name: ClassVar[str] = "cloudformation"

    def __init__(self, store: Store, client: InternalClient, *, clock: Clock, ids: IdSource, endpoint_url: str) -> None:
        super().__init__()
        self._store = store
        self._client = client
        self._clock = clock
        self._ids = ids
        self._responses = Responses(endpoint_url, store, clock=clock, ids=ids)
        self._loaded: Service | None = None

    def operations(self) -> Mapping[str, Operation]:
        """Return the operations by AWS's name."""
        return self._whole().operations()

    def authorise(self, context: RequestContext, operation: str, parameters: Parameters) -> None:
        """Refuse what the service model forbids; there are no resource policies here."""
        self._whole().authorise(context, operation, parameters)

    def routes(self) -> Sequence[Route]:
        """Return where custom resources are answered and wait conditions signalled."""
        return (self._responses.route(),)

    async def start(self) -> None:
        """Make or upgrade the tables; take up the operations that were under way, if there are any."""
        await self._store.migrate(self.name, [script.read_text(encoding="utf-8") for script in _SCRIPTS])
        self._store.deliver(TOPIC, Notifier(self._client).deliver)
        if self._store.read.one(_UNFINISHED) is not None:
            await self._whole().start()

    def loops(self) -> Sequence[Loop]:
        """Return the removal of what is older than ninety days."""
        return (Loop("forget old stacks and events", _SWEEP_PERIOD_S, Sweep(self._store, self._clock).sweep),)

    async def stop(self) -> None:
        """End the operations under way, to be taken up at the next start, and the transform's process."""
        if self._loaded is not None:
            await self._loaded.stop()

    def _whole(self) -> Service:
        if self._loaded is None:
            from lambent.cloud.services.cloudformation.whole import CloudFormation  # noqa: PLC0415 - see above

            self._loaded = CloudFormation(
                self._store, self._client, clock=self._clock, ids=self._ids, responses=self._responses
            )
        return self._loaded
