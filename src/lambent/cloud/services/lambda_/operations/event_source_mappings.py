"""Event source mappings: made, shown, changed, listed and deleted."""

from __future__ import annotations

from dataclasses import replace

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.control import Control, find_version, target_of
from lambent.cloud.services.lambda_.listing import bounds_of
from lambent.cloud.services.lambda_.mapping_sources import MappingSources
from lambent.cloud.services.lambda_.mappings import Mappings
from lambent.cloud.services.lambda_.model.event_source import TRAITS, SourceKind, kind_of
from lambent.cloud.services.lambda_.model.event_source_mapping import EventSourceMapping, MappingEvent, MappingState
from lambent.cloud.services.lambda_.model.mapping_settings import asked_settings, changed_settings
from lambent.cloud.services.lambda_.operations.tags import check_tags

_LISTED_AT_ONCE = 100
# What an update is to the mapping's state, by its Enabled.
_EVENTS = {True: MappingEvent.ENABLE, False: MappingEvent.DISABLE, None: MappingEvent.CHANGE}


class EventSourceMappingOperations:
    """Create-, Get-, Update-, DeleteEventSourceMapping, ListEventSourceMappings."""

    def __init__(self, control: Control, sources: MappingSources, mappings: Mappings) -> None:
        self._control = control
        self._sources = sources
        self._mappings = mappings

    @operation("CreateEventSourceMapping")
    async def create_event_source_mapping(self, context: RequestContext, parameters: Parameters) -> Result:
        """Map an event source to a function, version or alias; polling begins unless the request says otherwise."""
        kind = kind_of(parameters)
        if kind is None:
            raise errors.invalid_parameter("Unrecognized event source.")
        uuid = self._control.dependencies.ids.uuid()
        settings = asked_settings(kind, parameters, uuid=uuid, now=context.now)
        tags = parameters.get("Tags") or {}
        check_tags(context, tags, {})
        is_enabled = parameters.get("Enabled") is not False
        mapping = EventSourceMapping(
            scope=context.scope,
            uuid=uuid,
            kind=kind,
            function_arn=await self._readable_by(context, parameters, kind, parameters.get("EventSourceArn")),
            settings=settings,
            state=MappingState.CREATING if is_enabled else MappingState.DISABLED,
            is_enabled=is_enabled,
            last_modified=context.now,
            result=TRAITS[kind].result,
            source_arn=parameters.get("EventSourceArn"),
            tags=tags,
        )
        return (await self._mappings.add(mapping)).shape()

    @operation("GetEventSourceMapping")
    async def get_event_source_mapping(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a mapping."""
        return self._mappings.find(context.scope, parameters["UUID"]).shape()

    @operation("UpdateEventSourceMapping")
    async def update_event_source_mapping(self, context: RequestContext, parameters: Parameters) -> Result:
        """Change what the request names of a mapping that rests."""
        found = self._mappings.find_resting(context.scope, parameters["UUID"], "update")
        changed_settings(found, parameters)
        function_arn: str | None = None
        if parameters.get("FunctionName") is not None:
            function_arn = await self._readable_by(context, parameters, found.kind, found.source_arn)
        event = _EVENTS[parameters.get("Enabled")]

        def change(current: EventSourceMapping) -> EventSourceMapping:
            return replace(
                current.moved(event, context.now),
                settings=changed_settings(current, parameters),
                function_arn=function_arn or current.function_arn,
            )

        return (await self._mappings.change(context.scope, found.uuid, "update", change)).shape()

    @operation("DeleteEventSourceMapping")
    async def delete_event_source_mapping(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete a mapping that rests; it is gone once its polling has ended."""

        def change(current: EventSourceMapping) -> EventSourceMapping:
            return current.moved(MappingEvent.DELETE, context.now)

        return (await self._mappings.change(context.scope, parameters["UUID"], "delete", change)).shape()

    @operation("ListEventSourceMappings")
    async def list_event_source_mappings(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return one page of the mappings, of one source or one function where the request names them."""
        bounds, where = bounds_of(parameters, at_most=_LISTED_AT_ONCE), dict[str, str]()
        if parameters.get("FunctionName"):
            where["function_arn"] = target_of(context, parameters["FunctionName"]).arn
        if parameters.get("EventSourceArn"):
            where["source_arn"] = parameters["EventSourceArn"]
        listed = bounds.page(self._mappings.listed(context.scope, bounds.part(where)), lambda each: each.uuid)
        return listed.shape("EventSourceMappings", [each.shape(in_list=True) for each in listed.items])

    async def _readable_by(
        self, context: RequestContext, parameters: Parameters, kind: SourceKind, source_arn: str | None
    ) -> str:
        """Return the ARN of the function a request names, as it names it, once that function may read the source."""
        target = target_of(context, parameters["FunctionName"])
        try:
            if target.scope != context.scope:
                raise target.not_found()
            version = find_version(self._control.read, target)
        except ServiceError as error:
            raise errors.invalid_parameter("Function does not exist") from error
        await self._sources.check(kind, source_arn, version)
        return target.arn
