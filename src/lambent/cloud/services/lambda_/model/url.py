"""A function URL: its address, who may call it, and how it answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from lambent.cloud.services.lambda_.model.cors import Cors, kept_cors

AuthType = Literal["NONE", "AWS_IAM"]
InvokeMode = Literal["BUFFERED", "RESPONSE_STREAM"]

ID_LENGTH = 32
# Beside the address there is a path, for resolvers that do not know names under localhost. No bucket's name begins
# with an underscore: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
PATH_PREFIX = "/_url/"
# The platform's own paths stay its own on every host, under the guard against other sites.
_PLATFORM_PREFIX = "/_lambent/"
_HOST = re.compile(r"([a-z0-9]+)\.lambda-url\.([a-z0-9-]+)\.localhost\.?(?::\d*)?", re.ASCII)
_PLAIN_HOST = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class FunctionUrl:
    """The URL of a function or an alias; `invoke_mode` is None where nobody said one, which means buffered."""

    url_id: str
    auth_type: AuthType
    created_at: float
    modified_at: float
    invoke_mode: InvokeMode | None = None
    cors: Cors | None = None

    @property
    def streams(self) -> bool:
        """Whether the answer is what the function wrote, rather than what its response describes."""
        return self.invoke_mode == "RESPONSE_STREAM"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request for a function URL was sent: `region` is None where it is not said; `path` is as it came."""

    url_id: str
    region: str | None
    path: str


def place_of(host: str, path: str) -> Place | None:
    """Return which function URL a request is for, by its host or by its path; None for none.

    >>> place_of("abc.lambda-url.us-east-1.localhost:4566", "/a%20b")
    Place(url_id='abc', region='us-east-1', path='/a%20b')
    >>> place_of("127.0.0.1:4566", "/_url/abc/a")
    Place(url_id='abc', region=None, path='/a')
    """
    if path.startswith(PATH_PREFIX):
        if _PLAIN_HOST.fullmatch(host.lower()):
            url_id, _, rest = path.removeprefix(PATH_PREFIX).partition("/")
            return Place(url_id.lower(), None, f"/{rest}")
    elif path.startswith(_PLATFORM_PREFIX):
        return None
    if ".lambda-url." not in host.lower():
        return None
    named = _HOST.fullmatch(host.lower())
    return None if named is None else Place(named[1], named[2], path)


def domain_of(url_id: str, region: str, port: int) -> str:
    """Return the host under which a function URL is reached."""
    return f"{url_id}.lambda-url.{region}.localhost:{port}"


def kept_url(kept: Mapping[str, Any]) -> FunctionUrl:  # Any: JSON of our own writing
    """Return a URL that was stored."""
    return FunctionUrl(**{**kept, "cors": kept_cors(kept["cors"])})


def moment(at: float) -> str:
    """Return a moment as URL configurations have it, unlike the rest of Lambda.

    https://docs.aws.amazon.com/lambda/latest/api/API_FunctionUrlConfig.html

    >>> moment(0)
    '1970-01-01T00:00:00.000000Z'
    """
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
