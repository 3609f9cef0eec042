"""`/_lambent/faults/…`: how faults on purpose are begun and cleared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from lambent.cloud.framework.fault_injection.injector import FaultInjector, WantedFault
from lambent.cloud.framework.fault_injection.targets import NoSuchTargetError, Targets
from lambent.cloud.framework.faults.fault import Fault, objection, short_name
from lambent.cloud.framework.faults.kind import FaultKind
from lambent.cloud.gateway.introspection import json_response
from lambent.cloud.protocol.message import Request, Response
from lambent.cloud.store.errors import StoreError
from lambent.cloud.store.scope import DEFAULT_ACCOUNT, DEFAULT_REGION, Scope

# As of experiments on AWS: https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html
_LONGEST_S: Final = 12 * 3600.0
_LONGEST_DELAY_S: Final = 900.0
_DELAYS_S: Final[Mapping[FaultKind, float]] = {FaultKind.LATENCY: 1.0, FaultKind.CRASH: 0.0, FaultKind.REORDER: 5.0}


class _RefusedError(Exception):
    """What is asked for cannot be done, in words for whoever asked."""


class FaultRoutes:
    """Begins and clears faults of a platform."""

    def __init__(self, injector: FaultInjector, targets: Targets) -> None:
        self.injector = injector
        self._targets = targets

    async def begin(self, request: Request) -> Response:
        """Begin the fault that a request wants."""
        try:
            asked = _object(request)
            target, subject = await self._targets.find(_text(asked, "target"), _scope(asked))
            wanted = _wanted(asked, target)
            reason = objection(wanted.kind, subject)
            if reason is not None:
                return _refusal(f"{short_name(target)} cannot have the fault {wanted.kind}: {reason}.")
            fault = await self.injector.begin(wanted)
        except NoSuchTargetError as unknown:
            return _refusal(unknown.message, status=404, advice=unknown.advice)
        except _RefusedError as refused:
            return _refusal(str(refused))
        except StoreError as error:
            return _refusal(f"The fault could not be kept: {error}", status=500)
        return json_response(200, self.injector.shown(fault))

    async def clear(self, request: Request) -> Response:
        """End the faults that a request names."""
        try:
            asked = _object(request)
            named = asked.get("what")
            if named is None:
                cleared = await self.injector.clear(lambda _: True)
            else:
                cleared = await self._cleared(str(named), _scope(asked))
        except NoSuchTargetError as unknown:
            return _refusal(unknown.message, status=404, advice=unknown.advice)
        except _RefusedError as refused:
            return _refusal(str(refused))
        except StoreError as error:
            return _refusal(f"That they have ended could not be kept: {error}", status=500)
        return json_response(200, {"cleared": [self.injector.shown(fault, count) for fault, count in cleared]})

    async def _cleared(self, named: str, scope: Scope) -> list[tuple[Fault, int]]:
        """Clear the fault of an id, or those of a target, which need not be there any more."""
        cleared = await self.injector.clear(lambda fault: named in {fault.id, fault.target, short_name(fault.target)})
        if cleared:
            return cleared
        target, _ = await self._targets.find(named, scope)
        cleared = await self.injector.clear(lambda fault: fault.target == target)
        if not cleared:
            raise NoSuchTargetError(f"{short_name(target)} has no faults.", "See those there are: lambent fault list")
        return cleared


def _object(request: Request) -> Mapping[str, Any]:  # Any: JSON, checked member by member
    try:
        found: Any = orjson.loads(request.body or b"{}")  # Any: JSON of any form
    except orjson.JSONDecodeError as error:
        raise _RefusedError(f"The body is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise _RefusedError('Say what: {"kind": "throttle", "target": "orders"}')
    return found


def _wanted(asked: Mapping[str, Any], target: str) -> WantedFault:  # Any: as above
    named = _text(asked, "kind")
    if named not in set(FaultKind):
        raise _RefusedError(f"There is no fault {named!r}. There are: {', '.join(FaultKind)}.")
    kind = FaultKind(named)
    percentage = asked.get("percentage", 100)
    if not isinstance(percentage, int) or isinstance(percentage, bool) or not 1 <= percentage <= 100:
        raise _RefusedError("percentage is a whole number from 1 to 100.")
    if asked.get("delay_s") is not None and kind not in _DELAYS_S:
        raise _RefusedError(f"{kind} has no delay; {', '.join(_DELAYS_S)} have one.")
    delay_s = _seconds(asked, "delay_s", _DELAYS_S.get(kind, 0.0), _LONGEST_DELAY_S)
    if delay_s == 0.0 and kind in {FaultKind.LATENCY, FaultKind.REORDER}:
        raise _RefusedError(f"delay_s of {kind} is more than 0.")
    lasts_s = _seconds(asked, "lasts_s", 300.0, _LONGEST_S)
    if lasts_s == 0.0:
        raise _RefusedError("lasts_s is more than 0.")
    return WantedFault(kind, target, percentage, lasts_s, delay_s)


# Any: as above
def _seconds(asked: Mapping[str, Any], name: str, otherwise: float, most: float) -> float:
    found = asked.get(name)
    if found is None:
        return otherwise
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= most:
        raise _RefusedError(f"{name} is a number of seconds, at most {most:.0f}.")
    return float(found)


def _text(asked: Mapping[str, Any], name: str) -> str:  # Any: as above
    found = asked.get(name)
    if not isinstance(found, str) or not found:
        raise _RefusedError(f"{name} is missing.")
    return found


def _scope(asked: Mapping[str, Any]) -> Scope:  # Any: as above
    return Scope(str(asked.get("account") or DEFAULT_ACCOUNT), str(asked.get("region") or DEFAULT_REGION))


def _refusal(message: str, *, status: int = 400, advice: str = "") -> Response:
    return json_response(status, {"message": message, "advice": advice})
