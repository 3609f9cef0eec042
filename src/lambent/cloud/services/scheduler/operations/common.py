"""What the operations of EventBridge Scheduler share: clients' tokens and pages."""

from __future__ import annotations

import hashlib
from typing import Final

import orjson

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.paging import InvalidMarkerError, decode_marker
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.scheduler import repository
from lambent.cloud.services.scheduler.errors import conflict, group_not_found, validation
from lambent.cloud.services.scheduler.model import Group
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction

PAGE: Final = 100
_TOKEN_LIVES_S = 3600.0


def is_repeated(transaction: Transaction, operation: str, context: RequestContext, parameters: Parameters) -> bool:
    """Whether the request was carried out before under its client's token, which is remembered for an hour.

    Raises ConflictException where the token was used for another request.
    """
    token = parameters.get("ClientToken")
    if token is None:
        return False
    asked = orjson.dumps([operation, dict(parameters)], option=orjson.OPT_SORT_KEYS)
    request = hashlib.sha256(asked).hexdigest()
    known = repository.request_of_token(transaction, context.scope, token, context.now)
    if known is None:
        repository.forget_tokens(transaction, context.now)
        repository.keep_token(transaction, context.scope, token, request, context.now + _TOKEN_LIVES_S)
        return False
    if known != request:
        raise conflict(f"The client token {token} was used for a different request.")
    return True


def the_group(reader: Reader, scope: Scope, name: str) -> Group:
    """Return a group; raises ResourceNotFoundException."""
    found = repository.group(reader, scope, name)
    if found is None:
        raise group_not_found(name)
    return found


def position_of(token: str | None) -> str:
    """Return the key that a page begins behind, "" for the first; raises ValidationException for a foreign token."""
    try:
        return "" if token is None else decode_marker(token)
    except InvalidMarkerError as error:
        raise validation("The NextToken provided is invalid.") from error
