"""The whole of CloudFormation put together: operations, engine, resource types, transforms."""

from __future__ import annotations

from typing import ClassVar

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.constraints import check_constraints
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.internal_client import InternalClient
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


class CloudFormation(Service):
    """AWS CloudFormation: stacks, change sets, transforms, drift; `service` loads it when it is first asked."""

    name: ClassVar[str] = "cloudformation"

    def __init__(
        self, store: Store, client: InternalClient, *, clock: Clock, ids: IdSource, responses: Responses
    ) -> None:
        types = ResourceTypes([NESTED, *custom_types(responses)])
        tools = Tools(types, client, clock, ids)
        self._sam = SamWorker()
        self._engine = StackEngine(store, tools)
        templates = Templates(client, types, self._sam)
        parts = Parts(store, self._engine, templates, types, Drift(store, tools, clock, ids), clock, ids)
        super().__init__(StackOperations(parts), ChangeSetOperations(parts), ReadingOperations(parts))

    def authorise(self, context: RequestContext, operation: str, parameters: Parameters) -> None:
        """Refuse what the service model forbids; there are no resource policies here."""
        check_constraints(self.name, operation, context, parameters, code="ValidationError")

    async def start(self) -> None:
        """Take up the operations that were under way."""
        await self._engine.start()

    async def stop(self) -> None:
        """End the operations under way, to be taken up at the next start, and the transform's process."""
        await self._engine.stop()
        await self._sam.stop()
