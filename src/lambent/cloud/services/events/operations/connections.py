"""Connections and API destinations: kept and shown as AWS does; nothing is sent to an API destination.

What a connection is secret with is not kept, for nobody would use it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lambent.base.identifiers import IdSource
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.events import repository
from lambent.cloud.services.events.errors import already_exists, invalid_parameter, not_found
from lambent.cloud.services.events.model import arn_of, named_by
from lambent.cloud.services.events.operations.common import listing
from lambent.cloud.services.events.repository import Span
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Store, Transaction

_CONNECTION = "connection"
_DESTINATION = "api-destination"
_SECRETS = frozenset({"Password", "ApiKeyValue", "ClientSecret"})
_DEFAULT_RATE = 300
Document = Mapping[str, Any]  # Any: members of AWS's shapes, kept as they were given
_Test = Callable[[Document], bool]


class ConnectionOperations:
    """The operations on connections and API destinations."""

    def __init__(self, store: Store, ids: IdSource) -> None:
        self._store = store
        self._ids = ids

    @operation("CreateConnection")
    async def create_connection(self, context: RequestContext, parameters: Parameters) -> Result:
        """Keep a connection; it counts as authorized at once, for nobody is asked."""
        name = parameters["Name"]
        document = {
            "Name": name,
            "ConnectionArn": arn_of(context.scope, _CONNECTION, f"{name}/{self._ids.uuid()}"),
            "Description": parameters.get("Description"),
            "ConnectionState": "AUTHORIZED",
            "AuthorizationType": parameters["AuthorizationType"],
            "AuthParameters": _without_secrets(parameters["AuthParameters"]),
            "CreationTime": context.now,
            "LastModifiedTime": context.now,
            "LastAuthorizedTime": context.now,
        }
        await self._create(context.scope, _CONNECTION, "Connection", document)
        return _some(document, "ConnectionArn", "ConnectionState", "CreationTime", "LastModifiedTime")

    @operation("UpdateConnection")
    async def update_connection(self, context: RequestContext, parameters: Parameters) -> Result:
        """Change a connection; what is not given stays."""
        changes: dict[str, object] = _given(parameters, "Description", "AuthorizationType")
        if "AuthParameters" in parameters:
            changes["AuthParameters"] = _without_secrets(parameters["AuthParameters"])
        changes |= {"ConnectionState": "AUTHORIZED", "LastModifiedTime": context.now, "LastAuthorizedTime": context.now}
        document = await self._update(context.scope, _CONNECTION, parameters["Name"], changes)
        shown = ("ConnectionArn", "ConnectionState", "CreationTime", "LastModifiedTime", "LastAuthorizedTime")
        return _some(document, *shown)

    @operation("DeauthorizeConnection")
    async def deauthorize(self, context: RequestContext, parameters: Parameters) -> Result:
        """Have a connection be without authorization."""
        changes = {"ConnectionState": "DEAUTHORIZED", "LastModifiedTime": context.now}
        document = await self._update(context.scope, _CONNECTION, parameters["Name"], changes)
        shown = ("ConnectionArn", "ConnectionState", "CreationTime", "LastModifiedTime", "LastAuthorizedTime")
        return _some(document, *shown)

    @operation("DeleteConnection")
    async def delete_connection(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete a connection."""
        document = await self._delete(context.scope, _CONNECTION, parameters["Name"])
        shown = ("ConnectionArn", "CreationTime", "LastModifiedTime", "LastAuthorizedTime")
        return {**_some(document, *shown), "ConnectionState": "DELETING"}

    @operation("DescribeConnection")
    async def describe_connection(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a connection without its secrets."""
        return _all(_kept(self._store.read, context.scope, _CONNECTION, parameters["Name"]))

    @operation("ListConnections")
    async def list_connections(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of connections by name."""
        state = parameters.get("ConnectionState")
        hidden = ("AuthParameters", "Description")
        return self._list(context, parameters, _CONNECTION, hidden, lambda one: state in {None, one["ConnectionState"]})

    @operation("CreateApiDestination")
    async def create_destination(self, context: RequestContext, parameters: Parameters) -> Result:
        """Keep an API destination."""
        name = parameters["Name"]
        document = {
            "Name": name,
            "ApiDestinationArn": arn_of(context.scope, _DESTINATION, f"{name}/{self._ids.uuid()}"),
            "ApiDestinationState": "ACTIVE",
            "InvocationRateLimitPerSecond": _DEFAULT_RATE,
            **_given(parameters, *_SETTINGS),
            "CreationTime": context.now,
            "LastModifiedTime": context.now,
        }
        self._check_connection(context.scope, parameters["ConnectionArn"])
        await self._create(context.scope, _DESTINATION, "Api Destination", document)
        return _some(document, *_OUTLINE)

    @operation("UpdateApiDestination")
    async def update_destination(self, context: RequestContext, parameters: Parameters) -> Result:
        """Change an API destination; what is not given stays."""
        if "ConnectionArn" in parameters:
            self._check_connection(context.scope, parameters["ConnectionArn"])
        changes = {**_given(parameters, *_SETTINGS), "LastModifiedTime": context.now}
        return _some(await self._update(context.scope, _DESTINATION, parameters["Name"], changes), *_OUTLINE)

    @operation("DeleteApiDestination")
    async def delete_destination(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete an API destination."""
        await self._delete(context.scope, _DESTINATION, parameters["Name"])
        return {}

    @operation("DescribeApiDestination")
    async def describe_destination(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return an API destination."""
        return _all(_kept(self._store.read, context.scope, _DESTINATION, parameters["Name"]))

    @operation("ListApiDestinations")
    async def list_destinations(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of API destinations by name."""
        connection = parameters.get("ConnectionArn")
        return self._list(
            context, parameters, _DESTINATION, ("Description",), lambda one: connection in {None, one["ConnectionArn"]}
        )

    def _check_connection(self, scope: Scope, arn: str) -> None:
        named = named_by(arn)
        if named is None or named.kind != _CONNECTION:
            raise invalid_parameter("ConnectionArn", "Provided Arn is not in correct format.")
        _kept(self._store.read, scope, _CONNECTION, named.name.partition("/")[0])

    async def _create(self, scope: Scope, kind: str, called: str, document: Document) -> None:
        def create(transaction: Transaction) -> None:
            if repository.document(transaction, scope, kind, document["Name"]) is not None:
                raise already_exists(called, document["Name"])
            repository.put_document(transaction, scope, kind, document["Name"], document)

        await self._store.write(create)

    async def _update(self, scope: Scope, kind: str, name: str, changes: Document) -> Document:
        def update(transaction: Transaction) -> Document:
            document = {**_kept(transaction, scope, kind, name), **changes}
            repository.put_document(transaction, scope, kind, name, document)
            return document

        return await self._store.write(update)

    async def _delete(self, scope: Scope, kind: str, name: str) -> Document:
        def delete(transaction: Transaction) -> Document:
            document = _kept(transaction, scope, kind, name)
            repository.delete_document(transaction, scope, kind, name)
            return document

        return await self._store.write(delete)

    def _list(
        self, context: RequestContext, parameters: Parameters, kind: str, hidden: tuple[str, ...], is_wanted: _Test
    ) -> Result:
        member = "Connections" if kind == _CONNECTION else "ApiDestinations"
        found = repository.documents(self._store.read, context.scope, kind, Span(parameters.get("NamePrefix", "")))
        wanted = [one for one in found if is_wanted(one)]

        def read(after: str, limit: int) -> list[dict[str, Any]]:  # Any: as Document
            return [one for one in wanted if one["Name"] > after][:limit]

        def show(one: Document) -> Document:
            return {name: value for name, value in _all(one).items() if name not in hidden}

        return listing(parameters, member, read, lambda one: str(one["Name"]), show)


_SETTINGS = ("ConnectionArn", "Description", "HttpMethod", "InvocationEndpoint", "InvocationRateLimitPerSecond")
_OUTLINE = ("ApiDestinationArn", "ApiDestinationState", "CreationTime", "LastModifiedTime")


def _kept(reader: Reader, scope: Scope, kind: str, name: str) -> dict[str, Any]:  # Any: as above
    found = repository.document(reader, scope, kind, name)
    if found is None:
        called = "Connection" if kind == _CONNECTION else "ApiDestination"
        raise not_found(f"{called} '{name}' does not exist.")
    return found


def _given(parameters: Parameters, *names: str) -> dict[str, object]:
    return {name: parameters[name] for name in names if name in parameters}


def _some(document: Document, *names: str) -> Result:
    return {name: document[name] for name in names}


def _all(document: Document) -> dict[str, Any]:  # Any: as Document
    return {name: value for name, value in document.items() if value is not None}


def _without_secrets(value: Any) -> Any:  # Any: AuthParameters and what is in it
    if isinstance(value, Mapping):
        is_secret = bool(value.get("IsValueSecret"))
        return {
            name: _without_secrets(each)
            for name, each in value.items()
            if name not in _SECRETS and not (is_secret and name == "Value")
        }
    return [_without_secrets(each) for each in value] if isinstance(value, list | tuple) else value
