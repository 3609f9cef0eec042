"""`/_lambent/…`: what the platform says of itself, and the paths that services answer beside their AWS APIs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import orjson

from lambent.cloud.framework.routes import Answer, Route, View
from lambent.cloud.protocol.message import Request, Response

PREFIX = "/_lambent/"


class Introspection:
    """Answers everything beneath `/_lambent/`: views by name, then routes in their order.

    Both are asked for each time: a service that is used for the first time brings its own.
    """

    def __init__(self, views: Callable[[], Mapping[str, View]], routes: Callable[[], Sequence[Route]]) -> None:
        self._views = views
        self._routes = routes

    async def answer(self, request: Request) -> Response:
        """Answer a request whose path begins with the prefix."""
        views = self._views()
        view = views.get(request.path.removeprefix(PREFIX))
        if view is not None:
            if request.method not in {"GET", "HEAD"}:
                return _refusal(405, "a view can only be read", allow="GET, HEAD")
            return json_response(200, view())
        routes = self._routes()
        for route in routes:
            if route.matches(request.method, request.path):
                return await route.answer(request)
        allowed = [route.method for route in routes if route.matches(route.method, request.path)]
        if allowed:
            return _refusal(405, "that method is not answered here", allow=", ".join(allowed))
        return _refusal(404, "there is nothing here", views=sorted(views))


def json_response(status: int, content: object) -> Response:
    """Return a response whose body is `content` as JSON."""
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return Response(status, headers, orjson.dumps(content))


def action_route(path: str, answer: Answer) -> Route:
    """Return the route of something to be done: `POST /_lambent/<path>`."""
    return Route("POST", PREFIX + path, answer)


def _refusal(status: int, message: str, *, allow: str | None = None, views: Sequence[str] = ()) -> Response:
    content: dict[str, object] = {"message": message}
    if views:
        content["views"] = list(views)
    response = json_response(status, content)
    return response if allow is None else Response(status, (*response.headers, ("Allow", allow)), response.body)
