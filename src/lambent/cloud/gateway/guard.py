"""Who is let in at all: programs of this machine, not web pages that make a browser call it.

A page of any site can make its visitor's browser send requests to 127.0.0.1. Two things tell such requests: the Host
they name (a foreign name that was made to resolve to 127.0.0.1, DNS rebinding), and the headers a browser adds and no
page can take away. CORS is never granted, so a preflight fails too.
"""

from __future__ import annotations

import re
from functools import lru_cache

from lambent.cloud.framework.routes import is_of_other_site
from lambent.cloud.gateway.wire import plain_error
from lambent.cloud.protocol.message import Request, Response

_LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
# A name and perhaps a port (RFC 9110, 7.2), nothing that a more lenient reader might take apart in another way.
_HOST = re.compile(r"([a-z0-9._-]+|\[::1\])(?::\d{0,5})?", re.ASCII)


def refuse_foreign_host(request: Request) -> Response | None:
    """Return the refusal of a request whose Host is none of ours, or None."""
    host = request.headers.get("host")
    if host is None:
        return plain_error(400, "BadRequest", "The request names no Host.")
    if not is_local(host):
        return plain_error(
            403, "AccessDenied", "This host is not served here: use 127.0.0.1 or a name under localhost."
        )
    return None


def refuse_other_site(request: Request) -> Response | None:
    """Return the refusal of a request that a browser sends for a page of another origin, or None."""
    if is_of_other_site(request):
        return plain_error(403, "AccessDenied", "Requests of other web sites are refused.")
    return None


@lru_cache(maxsize=64)
def is_local(host: str) -> bool:
    """Whether a Host header names this machine.

    >>> [is_local(host) for host in ("localhost:4566", "[::1]", "b.s3.localhost", "localhost.example.com")]
    [True, True, True, False]
    """
    found = _HOST.fullmatch(host.lower())
    if found is None:
        return False
    name = found[1].removesuffix(".")
    return name in _LOCAL_NAMES or name.endswith(".localhost")
