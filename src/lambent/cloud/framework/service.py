"""What a service is: a class whose methods are operations, by AWS's operation names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.faults.strikes import Strikes
from lambent.cloud.framework.loops import Loop
from lambent.cloud.framework.routes import FrontDoor, Route, View

# Parameters and results are botocore-shaped: member names of the service model to plain Python values (blobs are
# bytes, timestamps are seconds since the epoch). What reaches an operation has passed its model's constraints.
Parameters = Mapping[str, Any]  # Any: the shape depends on the operation, and the model has checked it
Result = Mapping[str, Any]  # Any: as above
Operation = Callable[[RequestContext, Parameters], Awaitable[Result]]
EventStream = AsyncIterator[Mapping[str, Any]]  # Any: one event union member, as above


class LeftToFallback(Exception):
    """Raised by an operation that has nothing to add: whoever answers for what is not ours answers the request.

    A service of ours may thus own a part of what an operation is asked for (docs/decisions/0022).
    """


_MARK = "__lambent_operation__"
F = TypeVar("F", bound=Callable[..., Awaitable[Result]])


def operation(name: str) -> Callable[[F], F]:
    """Mark an async method `(self, context, parameters) -> result` as the operation AWS calls `name`."""

    def mark(method: F) -> F:
        setattr(method, _MARK, name)
        return method

    return mark


class Service:
    """A service of ours: `name` is its botocore name; `operations()` is read from the marked methods.

    A service split into several operation groups passes them in: each is any object with marked methods, or a mapping
    of operations by name, where one piece of code answers many.
    """

    name: ClassVar[str]

    def __init__(self, *groups: object) -> None:
        self._own = self._operations = _collect((self, *groups))

    def operations(self) -> Mapping[str, Operation]:
        """Return the operations by AWS's name."""
        return self._operations

    def interpose(self, around: Callable[[str, Operation], Operation] | None) -> None:
        """Have every operation called through what `around` makes of it, from its name and itself; None ends that."""
        self._operations = (
            self._own if around is None else {name: around(name, answer) for name, answer in self._own.items()}
        )

    def expose_to(self, strikes: Strikes) -> None:
        """Let faults on purpose strike what the service does besides answering; called before its first request.

        A service that does nothing else, or whose events do not come of what a fault can have, has nothing exposed.
        """

    def authorise(self, context: RequestContext, operation: str, parameters: Parameters) -> None:
        """Refuse what the service's resource policies forbid; called before each of its operations, however it came.

        Raises ServiceError (AccessDenied in the service's own words). A service without such policies refuses nothing.
        """

    def routes(self) -> Sequence[Route]:
        """Return the paths beneath `/_lambent/` that the service answers."""
        return ()

    def front_doors(self) -> Sequence[FrontDoor]:
        """Return the hosts and paths that the service claims from the AWS APIs."""
        return ()

    def views(self) -> Mapping[str, View]:
        """Return what of the service's state can be looked at, by the name under `/_lambent/`."""
        return {}

    def loops(self) -> Sequence[Loop]:
        """Return the service's periodic work; it runs from after every service's start until before their stop."""
        return ()

    async def start(self) -> None:
        """Load what is kept in memory; called once, in the registry's order, before the gateway listens."""

    async def stop(self) -> None:
        """End background work; called once, in the reverse order, after the gateway has stopped listening."""


def _collect(groups: tuple[object, ...]) -> dict[str, Operation]:
    found: dict[str, Operation] = {}
    for group in groups:
        for name, answer in group.items() if isinstance(group, Mapping) else _marked(group):
            if name in found:
                raise ValueError(f"operation {name} is defined twice")
            found[name] = answer
    return found


def _marked(group: object) -> Iterator[tuple[str, Operation]]:
    for attribute in dir(type(group)):
        name = getattr(getattr(type(group), attribute), _MARK, None)
        if name is not None:
            yield name, getattr(group, attribute)
