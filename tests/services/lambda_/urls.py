"""What tests of function URLs share: a caller that speaks plain HTTP, the permissions of anybody, and signatures."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

FORBIDDEN = {
    "Message": "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response; header names are lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def json(self) -> Any:  # Any: a JSON value
        """Return the body as JSON."""
        return json.loads(self.body)

    def all(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for each, value in self.headers if each == name]

    def one(self, name: str) -> str:
        """Return the only value of a header."""
        (value,) = self.all(name)
        return value


def call(  # noqa: PLR0913 - the parts of a request
    url: str,
    method: str = "GET",
    target: str = "/",
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | Iterable[bytes] = b"",
    host: str | None = None,
) -> Answer:
    """Send a request to a URL under localhost, whether the resolver knows it or not; `host` is its Host header."""
    named = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", named.port or 80, timeout=30)
    try:
        connection.request(method, target, body or None, {"Host": host or named.netloc, **(headers or {})})
        response = connection.getresponse()
        found = tuple((name.lower(), value) for name, value in response.getheaders())
        return Answer(response.status, found, response.read())
    finally:
        connection.close()


def by_path(url: str) -> tuple[str, str]:
    """Return a URL and path by which a function URL is reached where names under localhost are not known."""
    named = urlsplit(url)
    url_id = (named.hostname or "").partition(".")[0]
    return f"http://127.0.0.1:{named.port}", f"/_url/{url_id}"


def open_to_anybody(functions: Any, name: str = "f") -> None:  # Any: a boto3 client
    """Give anybody the two permissions that calling a URL without authentication needs."""
    first = {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"}
    second = {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True}
    for sid, grant in (("url", first), ("function", second)):
        functions.add_permission(FunctionName=name, StatementId=sid, Principal="*", **grant)


def signed(
    url: str, key: Credentials, *, service: str = "lambda", region: str = "us-east-1", target: str = "/"
) -> dict[str, str]:
    """Return the headers of a signed GET request."""
    request = AWSRequest("GET", url.rstrip("/") + target)
    SigV4Auth(key, service, region).add_auth(request)
    return dict(request.headers.items())


def key_of(account: str) -> Credentials:
    """Return credentials of an account's root."""
    return Credentials(account, "secret")
