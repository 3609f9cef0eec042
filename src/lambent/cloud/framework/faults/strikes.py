"""Whether a fault strikes: asked wherever one can, for the price of looking at `active` while there are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lambent.base.clock import Clock, SystemClock
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.faults.kind import FaultKind

if TYPE_CHECKING:
    from lambent.cloud.framework.faults.fault import Fault

_REAL_TIME = SystemClock()


class Strikes:
    """The faults there are just now, and how often each has struck."""

    def __init__(self, clock: Clock | None = None, ids: IdSource | None = None) -> None:
        self.active = False
        """Whether there is any fault at all; whoever sees that there is none need not ask further."""
        self._clock = clock
        self._ids = ids
        self._faults: dict[str, Fault] = {}
        self._by_target: dict[tuple[str, FaultKind], list[Fault]] = {}
        self._counts: dict[str, int] = {}
        self._on_strike: Callable[[Fault], None] | None = None

    def tell(self, on_strike: Callable[[Fault], None]) -> None:
        """Have every strike told, on the loop."""
        self._on_strike = on_strike

    def put(self, fault: Fault, count: int = 0) -> None:
        """Let a fault strike from now on."""
        self._faults[fault.id] = fault
        self._counts[fault.id] = count
        self._by_target.setdefault((fault.target, fault.kind), []).append(fault)
        self.active = True

    def remove(self, fault: Fault) -> None:
        """Let a fault strike no more."""
        if self._faults.pop(fault.id, None) is None:
            return
        del self._counts[fault.id]
        left = [each for each in self._by_target.pop((fault.target, fault.kind)) if each.id != fault.id]
        if left:
            self._by_target[fault.target, fault.kind] = left
        self.active = bool(self._faults)

    def all(self) -> list[tuple[Fault, int]]:
        """Return the faults in the order in which they began, each with how often it has struck."""
        return [(fault, self._counts[fault.id]) for fault in self._faults.values()]

    def chosen(self, kind: FaultKind, *targets: str) -> Fault | None:
        """Return the fault of this kind that is to strike one of the targets now; nothing is counted yet.

        Each of them decides by chance of its own, drawn only where its percentage leaves something to it.
        """
        for target in targets:
            for fault in self._by_target.get((target, kind), ()):
                if self._is_on(fault) and self._has_luck(fault):
                    return fault
        return None

    def strike(self, kind: FaultKind, *targets: str) -> Fault | None:
        """Return the fault of this kind that strikes one of the targets now, None where none does; it is counted."""
        fault = self.chosen(kind, *targets)
        if fault is not None:
            self.count(fault)
        return fault

    def count(self, fault: Fault) -> None:
        """Count that a fault has struck, which may have ended meanwhile."""
        if fault.id in self._counts:
            self._counts[fault.id] += 1
            if self._on_strike is not None:
                self._on_strike(fault)

    def spread_s(self, *targets: str) -> float:
        """Return how long something that is on its way to one of the targets is held back, to lose its order."""
        fault = self.strike(FaultKind.REORDER, *targets)
        return 0.0 if fault is None or self._ids is None else fault.delay_s * self._ids.fraction()

    async def delay(self, *targets: str) -> None:
        """Return when the latency that strikes one of the targets is over: in real time, which callers wait in."""
        fault = self.strike(FaultKind.LATENCY, *targets)
        if fault is not None:
            await _REAL_TIME.sleep_until(_REAL_TIME.now() + fault.delay_s)

    async def befall(self, service: str, *targets: str) -> None:
        """Let latencies, throttles and errors of the targets strike, in that order.

        Raises ServiceError in the words of the service that is called, or calls.
        """
        from lambent.cloud.framework.faults.answers import failure_of, throttle_of  # noqa: PLC0415 - with the first fault

        await self.delay(*targets)
        if self.strike(FaultKind.THROTTLE, *targets) is not None:
            raise throttle_of(service)
        if self.strike(FaultKind.ERROR, *targets) is not None:
            raise failure_of(service)

    def _is_on(self, fault: Fault) -> bool:
        return self._clock is not None and self._clock.now() < fault.ends_at

    def _has_luck(self, fault: Fault) -> bool:
        return fault.percentage >= 100 or (self._ids is not None and self._ids.fraction() * 100 < fault.percentage)


NEVER = Strikes()
"""No faults, and none to come: what everything has that nobody has exposed to any."""
