"""Who may put events on a bus: its account's own, AWS's services, and whom its policy lets in."""

from __future__ import annotations

from lambent.cloud.framework.authorise import AccessRequest, Decision, decide
from lambent.cloud.framework.context import Principal
from lambent.cloud.services.events import repository
from lambent.cloud.services.events.errors import bus_not_found, not_let_in
from lambent.cloud.services.events.model import DEFAULT_BUS, Bus, arn_of
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader

PUT_EVENTS = "events:PutEvents"


def check_may_put(reader: Reader, principal: Principal, scope: Scope, name: str) -> None:
    """Raise AccessDeniedException unless a principal may put events on a bus, ResourceNotFoundException if it is gone.

    An explicit denial of the policy holds for everybody; identities of the account need no allowance.
    """
    bus = repository.resource(reader, scope, Bus, name)
    if bus is None and name != DEFAULT_BUS:
        raise bus_not_found(name)
    arn = arn_of(scope, "event-bus", name)
    statements = () if bus is None else bus.statements
    decision = decide([{"Statement": list(statements)}], AccessRequest(principal, PUT_EVENTS, arn))
    # A service acts for something of its principal's account, as S3 does for a bucket.
    is_own = principal.account == scope.account
    if decision is Decision.EXPLICIT_DENY or not (decision is Decision.ALLOW or is_own):
        raise not_let_in(principal.arn, PUT_EVENTS, arn)
