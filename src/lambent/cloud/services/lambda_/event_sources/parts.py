"""What polling works with, whatever the source is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.base.tasks import TaskOwner
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.services.lambda_.event_sources.counts import Counts
from lambent.cloud.services.lambda_.event_sources.delivery import Delivery
from lambent.cloud.services.lambda_.model.event_source_mapping import EventSourceMapping
from lambent.cloud.store.unit_of_work import Store

OK = "OK"
FUNCTION_FAILED = "PROBLEM: Function call failed"


@dataclass(frozen=True, slots=True)
class Parts:
    """The platform's parts that pollers use; `tell` notes what the processing of a mapping last came to."""

    client: InternalClient
    clock: Clock
    ids: IdSource
    store: Store
    tasks: TaskOwner
    delivery: Delivery
    counts: Counts
    tell: Callable[[EventSourceMapping, str], None]
