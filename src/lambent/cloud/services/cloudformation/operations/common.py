"""What the groups of operations share."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.services.cloudformation import errors, repository
from lambent.cloud.services.cloudformation.drift import Drift
from lambent.cloud.services.cloudformation.engine.engine import StackEngine
from lambent.cloud.services.cloudformation.engine.planning import changed_types
from lambent.cloud.services.cloudformation.model.stack import Definition, Stack
from lambent.cloud.services.cloudformation.model.states import StackStatus
from lambent.cloud.services.cloudformation.resources.table import ResourceTypes
from lambent.cloud.services.cloudformation.sources import Sources
from lambent.cloud.services.cloudformation.templates import Templates
from lambent.cloud.store.unit_of_work import Store
from lambent.template.document import Template, TemplateError


@dataclass(frozen=True, slots=True)
class Parts:
    """What operations work with."""

    store: Store
    client: InternalClient
    engine: StackEngine
    sources: Sources
    templates: Templates
    types: ResourceTypes
    drift: Drift
    clock: Clock
    ids: IdSource

    def stack(self, context: RequestContext, name_or_id: str) -> Stack:
        """Return a stack by name or id. Raises ServiceError where there is none."""
        found = repository.stack(self.store.read, context.scope, name_or_id)
        if found is None:
            raise errors.no_such_stack(name_or_id)
        return found

    def stack_to_change(self, context: RequestContext, name_or_id: str) -> Stack:
        """Return a stack that is to be changed. Raises ServiceError, in other words than where it is only read."""
        found = repository.stack(self.store.read, context.scope, name_or_id)
        if found is None or found.status is StackStatus.DELETE_COMPLETE:
            raise errors.nothing_to_change(name_or_id)
        return found

    def require_same_types(self, stack: Stack, template: Template) -> None:
        """Raise ServiceError where a template makes another type of a resource that a stack has."""
        names = changed_types(template, repository.resources(self.store.read, stack.id))
        if names:
            raise errors.types_changed(names)

    def new_stack(self, context: RequestContext, name: str, definition: Definition) -> Stack:
        """Return a stack that nobody has written down yet."""
        scope = context.scope
        stack_id = f"arn:{scope.partition}:cloudformation:{scope.region}:{scope.account}:stack/{name}/{self.ids.uuid()}"
        return Stack(stack_id, name, scope, StackStatus.CREATE_IN_PROGRESS, self.clock.now(), definition)

    def export(self, context: RequestContext, name: str) -> str:
        """Return the value of an export. Raises TemplateError where there is none."""
        found = repository.exports(self.store.read, context.scope).get(name)
        if found is None:
            raise TemplateError(f"No export named {name} found")
        return found[1]


def number_of(token: str | None) -> int | None:
    """Return the position that a page's token stands for. Raises ServiceError for one that is none."""
    if token is None:
        return None
    # Digits are also those of other scripts and small raised ones, of which int() takes not all, nor thousands of any.
    if re.fullmatch(r"[0-9]{1,1024}", token) is None:
        raise ServiceError("ValidationError", "Invalid NextToken")
    return min(int(token), 2**62)  # SQLite refuses integers beyond 64 bits
