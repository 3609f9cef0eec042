"""Concurrency limits: who may run now, and why not.

An account has one concurrency limit per Region. Reserved concurrency takes its share from it, for one function alone;
the remainder is what all other functions share. Provisioned concurrency is set aside from either. Every other
invocation counts as one for as long as it runs, whichever slot of whichever environment serves it. https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html

Beside that, each unit of concurrency allows 10 synchronous requests a second, however short they are; events have no
such limit. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html

>>> limits = Admission(account_concurrency=3, now=lambda: 0.0)
>>> orders = limits.of("arn:aws:lambda:eu-west-1:123456789012:function:orders")
>>> other = limits.of("arn:aws:lambda:eu-west-1:123456789012:function:other")
>>> orders.reserve(2)
>>> other.admit() is None, other.admit()
(True, <ThrottleReason.ACCOUNT: 'ConcurrentInvocationLimitExceeded'>)
>>> orders.admit(), orders.admit(), str(orders.admit())
(None, None, 'ReservedFunctionConcurrentInvocationLimitExceeded')
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lambent.dataplane.types import FunctionArn, ThrottleReason

REQUESTS_PER_S: Final = 10
"""How many synchronous requests a second each unit of concurrency allows."""


class RequestRate:
    """At most so many requests a second: what one second allows may be used at once, and then as it comes back.

    It reads the clock only when the allowance has been used up, not for every request.

    >>> time = [0.0]
    >>> rate = RequestRate(2, now=lambda: time[0])
    >>> rate.take(), rate.take(), rate.take()
    (True, True, False)
    >>> time[0] = 0.5
    >>> rate.take(), rate.take()
    (True, False)
    """

    __slots__ = ("_at", "_left", "_now", "_per_s")

    def __init__(self, per_s: int, now: Callable[[], float]) -> None:
        self._per_s = per_s
        self._left = float(per_s)
        self._now = now
        self._at = now()

    def take(self) -> bool:
        """Count one request; False where it is one too many."""
        if self._left < 1.0:
            now = self._now()
            self._left = min(float(self._per_s), self._left + (now - self._at) * self._per_s)
            self._at = now
            if self._left < 1.0:
                return False
        self._left -= 1.0
        return True


class RegionalConcurrency:
    """What the functions of one account in one Region share: the limit less all reservations."""

    __slots__ = ("in_use", "limit", "now", "provisioned", "rate", "reserved")

    def __init__(self, limit: int, now: Callable[[], float]) -> None:
        self.now = now
        self.rate = RequestRate(limit * REQUESTS_PER_S, now)
        self.limit = limit
        self.reserved = 0
        self.provisioned = 0
        self.in_use = 0


class FunctionConcurrency:
    """The invocations of one function that run now, and what limits them."""

    __slots__ = ("_rate", "_region", "in_use", "provisioned", "reserved")

    def __init__(self, region: RegionalConcurrency) -> None:
        self._region = region
        self._rate: RequestRate | None = None
        self.reserved: int | None = None
        self.provisioned = 0
        self.in_use = 0

    def admit(self, *, is_event: bool = False) -> ThrottleReason | None:
        """Count one more invocation and return None; or, where a limit forbids it, return which.

        One that is refused does not run, but counts as a request where it had not yet been found to be too many of
        those. Events are not counted as requests.
        """
        region = self._region
        if self.reserved is not None:
            if self.in_use >= self.reserved - self.provisioned:
                return ThrottleReason.RESERVED
            if not is_event and self._rate is not None and not self._rate.take():
                return ThrottleReason.RESERVED_RATE
        elif region.in_use >= region.limit - region.reserved - region.provisioned:
            return ThrottleReason.ACCOUNT
        if not is_event and not region.rate.take():
            return ThrottleReason.RATE
        if self.reserved is None:
            region.in_use += 1
        self.in_use += 1
        return None

    def release(self) -> None:
        """Count one invocation less; exactly once for each one admitted."""
        if self.in_use == 0:
            raise ValueError("more invocations released than admitted")
        self.in_use -= 1
        if self.reserved is None:
            self._region.in_use -= 1

    def reserve(self, concurrency: int | None) -> None:
        """Reserve `concurrency` for this function from now on (0 refuses all); None returns it to the shared part.

        What runs already goes on, and counts where the function now belongs.
        """
        region = self._region
        if self.reserved is None:
            region.in_use -= self.in_use
            region.provisioned -= self.provisioned
        else:
            region.reserved -= self.reserved
        if concurrency is None:
            region.in_use += self.in_use
            region.provisioned += self.provisioned
        else:
            region.reserved += concurrency
        if concurrency != self.reserved:
            self._rate = RequestRate(concurrency * REQUESTS_PER_S, region.now) if concurrency else None
        self.reserved = concurrency

    def provision(self, concurrency: int) -> None:
        """Set `concurrency` aside for the function's provisioned environments, out of what limits the function."""
        if self.reserved is None:
            self._region.provisioned += concurrency - self.provisioned
        self.provisioned = concurrency


class Admission:
    """The concurrency of every function, by account and Region."""

    def __init__(self, account_concurrency: int, now: Callable[[], float]) -> None:
        self._limit = account_concurrency
        self._now = now
        self._regions: dict[tuple[str, str], RegionalConcurrency] = {}
        self._functions: dict[FunctionArn, FunctionConcurrency] = {}

    def of(self, function_arn: FunctionArn) -> FunctionConcurrency:
        """Return the one counter of this function; the same object for the same ARN."""
        found = self._functions.get(function_arn)
        if found is None:
            # arn:partition:lambda:region:account:function:name
            _, _, _, region, account, *_ = function_arn.split(":")
            shared = self._regions.setdefault((account, region), RegionalConcurrency(self._limit, self._now))
            found = self._functions[function_arn] = FunctionConcurrency(shared)
        return found

    def forget(self, function_arn: FunctionArn) -> None:
        """Drop the counter of a function that has neither a reservation nor anything running; others stay."""
        found = self._functions.get(function_arn)
        if found is not None and found.reserved is None and not found.in_use and not found.provisioned:
            del self._functions[function_arn]
