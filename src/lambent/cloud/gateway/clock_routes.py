"""`/_lambent/clock`: what the platform's clock shows and, where it is virtual, how it is moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import orjson

from lambent.base.clock import Clock, ClockStalled, VirtualClock
from lambent.cloud.framework.routes import Route
from lambent.cloud.gateway.introspection import action_route, json_response
from lambent.cloud.protocol.message import Request, Response

_LONGEST_S = 100 * 366 * 86_400.0


class ClockRoutes:
    """Shows a platform's clock, and moves it if it can be moved."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def view(self) -> Mapping[str, object]:
        """Return the moment, whether time is virtual and stands still, and what is due next."""
        clock = self._clock
        shown: dict[str, object] = {
            "now": _text(clock.now()),
            "seconds": clock.now(),
            "virtual": isinstance(clock, VirtualClock),
        }
        if isinstance(clock, VirtualClock):
            due = clock.next_deadline()
            shown |= {"frozen": clock.frozen, "next": None if due is None else _text(due)}
        return shown

    def routes(self) -> Sequence[Route]:
        """Return what moves the clock: advance, next, freeze, real."""
        return (
            action_route("clock/advance", self._advance),
            action_route("clock/next", self._next),
            action_route("clock/freeze", self._freeze),
            action_route("clock/real", self._real),
        )

    async def _advance(self, request: Request) -> Response:
        try:
            seconds = orjson.loads(request.body)["seconds"]
            if isinstance(seconds, bool) or not 0 <= float(seconds) <= _LONGEST_S:
                raise ValueError(seconds)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return json_response(400, {"message": 'Say how far, in seconds: {"seconds": 3600}. Time never goes back.'})
        clock = self._movable()
        return _real_time() if clock is None else await self._moved(clock, clock.now() + float(seconds))

    async def _next(self, request: Request) -> Response:
        clock = self._movable()
        if clock is None:
            return _real_time()
        due = clock.next_deadline()
        if due is None:
            return json_response(409, {"message": "Nothing waits for a moment: there is no next one."})
        return await self._moved(clock, max(due, clock.now()))

    async def _freeze(self, request: Request) -> Response:
        clock = self._movable()
        if clock is None:
            return _real_time()
        clock.freeze()
        return json_response(200, self.view())

    async def _real(self, request: Request) -> Response:
        clock = self._movable()
        if clock is None:
            return _real_time()
        clock.flow()
        return json_response(200, self.view())

    async def _moved(self, clock: VirtualClock, moment: float) -> Response:
        try:
            await clock.advance_to(moment)
        except ClockStalled as stalled:
            return json_response(409, {"message": f"Time stands at {_text(clock.now())}: {stalled}."})
        return json_response(200, self.view())

    def _movable(self) -> VirtualClock | None:
        return self._clock if isinstance(self._clock, VirtualClock) else None


def _real_time() -> Response:
    return json_response(
        409, {"message": "This platform runs in real time. Start one whose clock moves: lambent start --virtual-time"}
    )


def _text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
