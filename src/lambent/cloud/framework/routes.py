"""What a service answers besides AWS operations: front doors, own paths beneath `/_lambent/`, views of its state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from lambent.cloud.protocol.message import Request, Response

Answer = Callable[[Request], Awaitable[Response]]
View = Callable[[], Mapping[str, object]]
"""A part of the platform's state as JSON-able values, shown at `/_lambent/<name>`; read on the loop, at once."""


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """Hosts or paths that a service claims from the AWS APIs: function URLs, execute-api, buckets by host.

    `claims` looks at host and path alone. `open_to_browsers` leaves it to the door which sites may call it (a
    function URL has a CORS configuration of its own); otherwise requests of other sites never reach it. `streams` says
    of which large requests the door wants the head at once and the body as it arrives (`Request.incoming`).
    """

    name: str
    claims: Callable[[Request], bool]
    answer: Answer
    open_to_browsers: bool = False
    streams: Callable[[Request], bool] | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A front door of a service that is not loaded yet: all but who answers."""

    name: str
    claims: Callable[[Request], bool]
    open_to_browsers: bool = False
    streams: Callable[[Request], bool] | None = None

    def door(self, answer: Answer) -> FrontDoor:
        """Return the door at which `answer` answers."""
        return FrontDoor(self.name, self.claims, answer, self.open_to_browsers, self.streams)


@dataclass(frozen=True, slots=True)
class Route:
    """A path beneath `/_lambent/`; one that ends in a slash stands for everything below it."""

    method: str
    path: str
    answer: Answer

    def matches(self, method: str, path: str) -> bool:
        """Whether the route answers this method and path."""
        return method == self.method and (path == self.path or (self.path.endswith("/") and path.startswith(self.path)))


def is_of_other_site(request: Request) -> bool:
    """Whether a browser sends the request for a page of another origin than the host it goes to."""
    headers = request.headers
    # Programs send none of the three: three lookups are all that their requests cost.
    fetched_from = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    referrer = headers.get("referer")
    if fetched_from is None and origin is None and referrer is None:
        return False
    ours = f"http://{headers.get('host', '').lower()}"
    return (
        fetched_from not in {None, "same-origin", "none"}
        or (origin is not None and origin.lower() != ours)
        or (referrer is not None and _origin_of(referrer) != ours)
    )


def _origin_of(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower()
