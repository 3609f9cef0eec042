"""What a service answers besides AWS operations: front doors, own paths beneath `/_lambent/`, views of its state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from lambent.cloud.protocol.message import Request, Response

Answer = Callable[[Request], Awaitable[Response]]
View = Callable[[], Mapping[str, object]]
"""A part of the platform's state as JSON-able values, shown at `/_lambent/<name>`; read on the loop, at once."""


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """Hosts or paths that a service claims from the AWS APIs: function URLs, execute-api, buckets by host.

    `claims` looks at host and path alone. `open_to_browsers` leaves it to the door which sites may call it (a
    function URL has a CORS configuration of its own); otherwise requests of other sites never reach it.
    """

    name: str
    claims: Callable[[Request], bool]
    answer: Answer
    open_to_browsers: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A path beneath `/_lambent/`; one that ends in a slash stands for everything below it."""

    method: str
    path: str
    answer: Answer

    def matches(self, method: str, path: str) -> bool:
        """Whether the route answers this method and path."""
        return method == self.method and (path == self.path or (self.path.endswith("/") and path.startswith(self.path)))
