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
from lambent.cloud.services.cloudformation.operations.events import EventOperations
from lambent.cloud.services.cloudformation.operations.reading import ReadingOperations
from lambent.cloud.services.cloudformation.operations.signals import SignalOperations
from lambent.cloud.services.cloudformation.operations.stacks import StackOperations
from lambent.cloud.services.cloudformation.operations.templates import TemplateOperations
from lambent.cloud.services.cloudformation.operations.types import TypeOperations
from lambent.cloud.services.cloudformation.resources.custom import custom_types
from lambent.cloud.services.cloudformation.resources.macro import macro_function, macro_type
from lambent.cloud.services.cloudformation.resources.nested import nested_type
from lambent.cloud.services.cloudformation.resources.responses import Responses
from lambent.cloud.services.cloudformation.resources.table import ResourceTypes
from lambent.cloud.services.cloudformation.resources.waiting import Bells
from lambent.cloud.services.cloudformation.sources import Sources
from lambent.cloud.services.cloudformation.templates import Templates
from lambent.cloud.services.cloudformation.transforms.expansion import Expansion
from lambent.cloud.services.cloudformation.transforms.macros import Macros
from lambent.cloud.services.cloudformation.transforms.sam import SamWorker
from lambent.cloud.store.unit_of_work import Store


class CloudFormation(Service):
    """AWS CloudFormation: stacks, change sets, transforms, drift; `service` loads it when it is first asked."""

    name: ClassVar[str] = "cloudformation"

    def __init__(
        self, store: Store, client: InternalClient, *, clock: Clock, ids: IdSource, responses: Responses
    ) -> None:
        bells = Bells()
        types = ResourceTypes([nested_type(bells), macro_type(store), *custom_types(responses)])
        tools = Tools(types, client, clock, ids, bells)
        self._sam = SamWorker()
        self._engine = StackEngine(store, tools)
        sources = Sources(client)
        macros = Macros(client, ids, lambda scope, name: macro_function(store.read, scope, name))
        templates = Templates(client, types, sources, Expansion(sources, macros, self._sam))
        self._drift = Drift(store, tools, clock, ids)
        parts = Parts(store, client, self._engine, sources, templates, types, self._drift, clock, ids)
        super().__init__(
            StackOperations(parts),
            ChangeSetOperations(parts),
            ReadingOperations(parts),
            TemplateOperations(parts),
            TypeOperations(parts),
            SignalOperations(parts),
            EventOperations(parts),
        )

    def authorise(self, context: RequestContext, operation: str, parameters: Parameters) -> None:
        """Refuse what the service model forbids; there are no resource policies here."""
        check_constraints(self.name, operation, context, parameters, code="ValidationError")

    async def start(self) -> None:
        """Take up the operations that were under way."""
        await self._engine.start()
        await self._drift.start()

    async def stop(self) -> None:
        """End the operations under way, to be taken up at the next start, and the transform's process."""
        await self._drift.stop()
        await self._engine.stop()
        await self._sam.stop()
