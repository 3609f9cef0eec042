"""What the operations of CloudWatch Logs share: finding groups and streams, and tokens of pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.paging import InvalidMarkerError, Page, decode_marker, page
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services.logs import repository
from lambent.cloud.services.logs.errors import group_not_found, invalid_parameter, stream_not_found
from lambent.cloud.services.logs.model import Group, Stream, name_in_identifier
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Store, Transaction

T = TypeVar("T")


def now_ms(context: RequestContext) -> int:
    """Return the moment of the request in milliseconds, CloudWatch Logs' unit."""
    return int(context.now * 1000)


def the_group(reader: Reader, scope: Scope, name: str) -> Group:
    """Return the log group; raises ResourceNotFoundException."""
    found = repository.group(reader, scope, name)
    if found is None:
        raise group_not_found()
    return found


def the_stream(reader: Reader, group: Group, name: str) -> Stream:
    """Return the log stream; raises ResourceNotFoundException."""
    found = repository.stream(reader, group.id, name)
    if found is None:
        raise stream_not_found()
    return found


def group_meant(reader: Reader, context: RequestContext, parameters: Parameters) -> Group:
    """Return the log group given by name or by identifier; raises unless it is one of the two, and there."""
    if "logGroupName" in parameters and "logGroupIdentifier" in parameters:
        raise invalid_parameter("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    name = parameters.get("logGroupName") or parameters.get("logGroupIdentifier")
    if name is None:
        raise invalid_parameter("Either LogGroup name or LogGroup ARN must be specified.")
    return the_group(reader, context.scope, name_in_identifier(name))


async def change_group(store: Store, scope: Scope, name: str, change: Callable[[Group], Group]) -> None:
    """Replace a log group by what `change` makes of it; raises ResourceNotFoundException."""

    def work(transaction: Transaction) -> None:
        repository.change_group(transaction, change(the_group(transaction, scope, name)))

    await store.write(work)


def some_of(found: Sequence[T], key: Callable[[T], str], token: str | None, limit: int) -> Page[T]:
    """Return the page behind a token of what is sorted by `key`; raises InvalidParameterException for a foreign one."""
    try:
        return page(found, key, marker=token, limit=limit)
    except InvalidMarkerError as error:
        raise invalid_parameter("The specified nextToken is invalid.") from error


def position_of(token: str | None) -> str:
    """Return the key that a page begins behind, "" without a token; raises as `some_of`."""
    try:
        return "" if token is None else decode_marker(token)
    except InvalidMarkerError as error:
        raise invalid_parameter("The specified nextToken is invalid.") from error


def listing(member: str, shown: Sequence[Mapping[str, object]], next_token: str | None) -> Result:
    """Return the answer of a describe call: what is shown, and where more begins, if there is more."""
    answer: dict[str, object] = {member: list(shown)}
    return answer if next_token is None else {**answer, "nextToken": next_token}
