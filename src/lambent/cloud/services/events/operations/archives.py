"""Archives of events, and their replays."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.events import archive_repository, repository
from lambent.cloud.services.events.errors import already_exists, illegal_status, invalid_parameter, not_found
from lambent.cloud.services.events.model import Archive, Named, Replay, ReplayState, arn_of, named_by
from lambent.cloud.services.events.operations.common import check_pattern, listing, the_bus, without_none
from lambent.cloud.services.events.replays import Replays
from lambent.cloud.services.events.repository import Span
from lambent.cloud.services.events.routing import Routing
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Store, Transaction


class ArchiveOperations:
    """The operations on archives and replays."""

    def __init__(self, store: Store, routing: Routing, replays: Replays) -> None:
        self._store = store
        self._routing = routing
        self._replays = replays

    @operation("CreateArchive")
    async def create(self, context: RequestContext, parameters: Parameters) -> Result:
        """Begin to keep a bus's events, all or those of a pattern."""
        bus = _named(context.scope, parameters["EventSourceArn"], "event-bus", "EventSourceArn").name
        check_pattern(parameters.get("EventPattern"))
        archive = _described(Archive(parameters["ArchiveName"], bus, context.now), parameters)

        def create(transaction: Transaction) -> None:
            the_bus(transaction, context.scope, bus)
            if repository.resource(transaction, context.scope, Archive, archive.name) is not None:
                raise already_exists("Archive", archive.name)
            self._write(transaction, context.scope, archive)

        await self._store.write(create)
        return _outline(context.scope, archive)

    @operation("UpdateArchive")
    async def update(self, context: RequestContext, parameters: Parameters) -> Result:
        """Change what an archive keeps and for how long; what is not given stays."""
        check_pattern(parameters.get("EventPattern"))

        def update(transaction: Transaction) -> Archive:
            archive = _described(_the_archive(transaction, context.scope, parameters["ArchiveName"]), parameters)
            self._write(transaction, context.scope, archive)
            return archive

        return _outline(context.scope, await self._store.write(update))

    @operation("DeleteArchive")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete an archive with what it has kept."""
        name = parameters["ArchiveName"]

        def delete(transaction: Transaction) -> None:
            archive = _the_archive(transaction, context.scope, name)
            repository.delete(transaction, context.scope, Archive, name)
            archive_repository.delete_content(transaction, context.scope, name)
            transaction.after_commit(lambda: self._routing.archive_changed(context.scope, archive.bus, name))

        await self._store.write(delete)
        return {}

    @operation("DescribeArchive")
    async def describe(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return an archive, with how much it has kept."""
        archive = _the_archive(self._store.read, context.scope, parameters["ArchiveName"])
        shown = {
            "ArchiveArn": arn_of(context.scope, "archive", archive.name),
            "Description": archive.description,
            "EventPattern": archive.pattern,
            "KmsKeyIdentifier": archive.kms_key,
        }
        return {**without_none(shown), **self._show(context.scope, archive)}

    @operation("ListArchives")
    async def list(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of archives by name; those of a bus or in a state, where that is asked."""
        source, state = parameters.get("EventSourceArn"), parameters.get("State", "ENABLED")
        bus = None
        if source is not None:
            bus = the_bus(self._store.read, context.scope, _named(context.scope, source, "event-bus").name).name
        found = repository.resources(self._store.read, context.scope, Archive, Span(parameters.get("NamePrefix", "")))
        wanted = [each for each in found if state == "ENABLED" and bus in {None, each.bus}]

        def read(after: str, limit: int) -> list[Archive]:
            return [each for each in wanted if each.name > after][:limit]

        return listing(parameters, "Archives", read, lambda one: one.name, lambda one: self._show(context.scope, one))

    @operation("StartReplay")
    async def start_replay(self, context: RequestContext, parameters: Parameters) -> Result:
        """Give the events of an archive between two moments once more to their bus, or some of its rules."""
        scope, name = context.scope, parameters["ReplayName"]
        destination = parameters["Destination"]
        bus = _named(scope, destination["Arn"], "event-bus", "Destination.Arn").name
        starts_at, ends_at = _seconds(parameters["EventStartTime"]), _seconds(parameters["EventEndTime"])
        archive_name = _named(scope, parameters["EventSourceArn"], "archive", "EventSourceArn").name

        def start(transaction: Transaction) -> Replay:
            the_bus(transaction, scope, bus)
            archive = repository.resource(transaction, scope, Archive, archive_name)
            if archive is None:
                raise invalid_parameter("EventSourceArn", f"Archive {archive_name} does not exist.")
            if archive.bus != bus:
                raise invalid_parameter("Destination.Arn", "Cross event bus replay is not permitted.")
            if starts_at >= ends_at:
                raise invalid_parameter("EventEndTime", "EventStartTime must be before EventEndTime.")
            if repository.resource(transaction, scope, Replay, name) is not None:
                raise already_exists("Replay", name)
            replay = Replay(
                name,
                archive_name,
                archive_repository.content(transaction, scope, archive_name).id,
                bus,
                starts_at,
                ends_at,
                context.now,
                rules=list(destination.get("FilterArns", ())),
                description=parameters.get("Description"),
            )
            repository.put(transaction, scope, replay)
            transaction.after_commit(lambda: self._replays.begin(scope, name))
            return replay

        replay = await self._store.write(start)
        return {
            "ReplayArn": arn_of(scope, "replay", name),
            "State": replay.state.value,
            "ReplayStartTime": replay.started_at,
        }

    @operation("CancelReplay")
    async def cancel_replay(self, context: RequestContext, parameters: Parameters) -> Result:
        """End a replay that is under way."""

        def cancel(transaction: Transaction) -> None:
            replay = _the_replay(transaction, context.scope, parameters["ReplayName"])
            if not replay.may_become(ReplayState.CANCELLING):
                raise illegal_status(f"Replay {replay.name} is not in a valid state for this operation.")
            repository.put(transaction, context.scope, dataclasses.replace(replay, state=ReplayState.CANCELLING))

        await self._store.write(cancel)
        arn = arn_of(context.scope, "replay", parameters["ReplayName"])
        return {"ReplayArn": arn, "State": ReplayState.CANCELLING.value}

    @operation("DescribeReplay")
    async def describe_replay(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a replay, with how far it is."""
        replay = _the_replay(self._store.read, context.scope, parameters["ReplayName"])
        destination: dict[str, object] = {"Arn": arn_of(context.scope, "event-bus", replay.bus)}
        if replay.rules:
            destination["FilterArns"] = list(replay.rules)
        shown = {
            "ReplayArn": arn_of(context.scope, "replay", replay.name),
            "Description": replay.description,
            "Destination": destination,
        }
        return {**without_none(shown), **_show_replay(context.scope, replay)}

    @operation("ListReplays")
    async def list_replays(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of replays by name; those of an archive or in a state, where that is asked."""
        state, source = parameters.get("State"), parameters.get("EventSourceArn")
        archive = None if source is None else _named(context.scope, source, "archive", "EventSourceArn").name
        found = repository.resources(self._store.read, context.scope, Replay, Span(parameters.get("NamePrefix", "")))
        wanted = [each for each in found if state in {None, each.state} and archive in {None, each.archive}]

        def read(after: str, limit: int) -> list[Replay]:
            return [each for each in wanted if each.name > after][:limit]

        return listing(parameters, "Replays", read, lambda one: one.name, lambda one: _show_replay(context.scope, one))

    def _write(self, transaction: Transaction, scope: Scope, archive: Archive) -> None:
        repository.put(transaction, scope, archive)
        archive_repository.put_content(transaction, scope, archive.name, archive.retention_days)
        transaction.after_commit(lambda: self._routing.archive_changed(scope, archive.bus, archive.name))

    def _show(self, scope: Scope, archive: Archive) -> dict[str, object]:
        kept = archive_repository.content(self._store.read, scope, archive.name)
        return {
            "ArchiveName": archive.name,
            "EventSourceArn": arn_of(scope, "event-bus", archive.bus),
            "State": "ENABLED",
            "RetentionDays": archive.retention_days,
            "SizeBytes": kept.bytes,
            "EventCount": kept.events,
            "CreationTime": archive.created_at,
        }


def _named(scope: Scope, arn: str, kind: str, parameter: str = "EventSourceArn") -> Named:
    named = named_by(arn)
    if named is None or named.kind != kind or named.scope != scope:
        what = "an event bus" if kind == "event-bus" else "an archive"
        raise invalid_parameter(parameter, f"Must contain {what} ARN.")
    return named


def _the_archive(reader: Reader, scope: Scope, name: str) -> Archive:
    found = repository.resource(reader, scope, Archive, name)
    if found is None:
        raise not_found(f"Archive {name} does not exist.")
    return found


def _the_replay(reader: Reader, scope: Scope, name: str) -> Replay:
    found = repository.resource(reader, scope, Replay, name)
    if found is None:
        raise not_found(f"Replay {name} does not exist.")
    return found


def _described(archive: Archive, parameters: Parameters) -> Archive:
    return dataclasses.replace(
        archive,
        pattern=parameters.get("EventPattern", archive.pattern),
        description=parameters.get("Description", archive.description),
        retention_days=parameters.get("RetentionDays", archive.retention_days),
        kms_key=parameters.get("KmsKeyIdentifier", archive.kms_key),
    )


def _outline(scope: Scope, archive: Archive) -> Result:
    arn = arn_of(scope, "archive", archive.name)
    return {"ArchiveArn": arn, "State": "ENABLED", "CreationTime": archive.created_at}


def _show_replay(scope: Scope, replay: Replay) -> dict[str, object]:
    return without_none(
        {
            "ReplayName": replay.name,
            "EventSourceArn": arn_of(scope, "archive", replay.archive),
            "State": ReplayState(replay.state).value,
            "StateReason": replay.reason,
            "EventStartTime": replay.starts_at,
            "EventEndTime": replay.ends_at,
            "EventLastReplayedTime": replay.last_at,
            "ReplayStartTime": replay.started_at,
            "ReplayEndTime": replay.ended_at,
        }
    )


def _seconds(moment: object) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else float(str(moment))
