"""The CloudFormation service: its parts put together, its tables, what it takes up at the start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.constraints import check_constraints
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.routes import Route
from lambent.cloud.framework.service import Parameters, Service
from lambent.cloud.services.cloudformation.drift import Drift
from lambent.cloud.services.cloudformation.engine.engine import StackEngine
from lambent.cloud.services.cloudformation.engine.steps import Tools
from lambent.cloud.services.cloudformation.operations.change_sets import ChangeSetOperations
from lambent.cloud.services.cloudformation.operations.common import Parts
from lambent.cloud.services.cloudformation.operations.reading import ReadingOperations
from lambent.cloud.services.cloudformation.operations.stacks import StackOperations
from lambent.cloud.services.cloudformation.resources.custom import custom_types
from lambent.cloud.services.cloudformation.resources.nested import NESTED
from lambent.cloud.services.cloudformation.resources.responses import Responses
from lambent.cloud.services.cloudformation.resources.table import ResourceTypes
from lambent.cloud.services.cloudformation.templates import Templates
from lambent.cloud.services.cloudformation.transforms.sam import SamWorker
from lambent.cloud.store.unit_of_work import Store

_SCHEMA = Path(__file__).with_name("schema.sql")


class CloudFormationService(Service):
    """AWS CloudFormation: stacks, change sets, transforms, drift."""

    name: ClassVar[str] = "cloudformation"

    def __init__(self, store: Store, client: InternalClient, *, clock: Clock, ids: IdSource, endpoint_url: str) -> None:
        self._responses = Responses(endpoint_url, ids)
        types = ResourceTypes([NESTED, *custom_types(self._responses)])
        tools = Tools(types, client, clock, ids)
        self._store = store
        self._sam = SamWorker()
        self._engine = StackEngine(store, tools)
        templates = Templates(client, types, self._sam)
        parts = Parts(store, self._engine, templates, types, Drift(store, tools, clock, ids), clock, ids)
        super().__init__(StackOperations(parts), ChangeSetOperations(parts), ReadingOperations(parts))

    def authorise(self, context: RequestContext, operation: str, parameters: Parameters) -> None:
        """Refuse what the service model forbids; there are no resource policies here."""
        check_constraints(self.name, operation, context, parameters, code="ValidationError")

    def routes(self) -> Sequence[Route]:
        """Return where custom resources are answered and wait conditions signalled."""
        return (self._responses.route(),)

    async def start(self) -> None:
        """Make or upgrade the tables, and take up the operations that were under way."""
        await self._store.migrate(self.name, [_SCHEMA.read_text(encoding="utf-8")])
        await self._engine.start()

    async def stop(self) -> None:
        """End the operations under way, to be taken up at the next start, and the transform's process."""
        await self._engine.stop()
        await self._sam.stop()
