"""An HTTP request as the event of a function URL: API Gateway's payload format 2.0, as Lambda fills it in.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from lambent.cloud.framework.identity import Signer
from lambent.cloud.protocol.message import Request

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DEFAULT = "$default"
# What concerns one connection alone (RFC 9110, 7.6.1).
_OF_THE_CONNECTION = frozenset({"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"})
_TEXTS = frozenset({"application/json", "application/javascript", "application/xml"})


@dataclass(frozen=True, slots=True)
class UrlCall:
    """A request that a function URL took: `path` is still percent-encoded, `domain` the URL's own host.

    `signer` is None where nobody had to sign.
    """

    request: Request
    path: str
    url_id: str
    domain: str
    request_id: str
    trace_root: str
    now: float
    signer: Signer | None = None


def event_of(call: UrlCall) -> dict[str, Any]:  # Any: a JSON value
    """Return the event. What a request lacks (a query, cookies, a body) is absent, not null."""
    request = call.request
    event: dict[str, Any] = {  # Any: as above
        "version": "2.0",
        "routeKey": _DEFAULT,
        "rawPath": call.path,
        "rawQueryString": request.query,
    }
    cookies = _cookies(request.headers.get("cookie", ""))
    if cookies:
        event["cookies"] = cookies
    event["headers"] = _headers(call)
    parameters = _query_parameters(request.query)
    if parameters:
        event["queryStringParameters"] = parameters
    event["requestContext"] = _context(call)
    if request.body:
        text = _text(request.body, request.headers.get("content-type", ""))
        event["body"] = base64.b64encode(request.body).decode("ascii") if text is None else text
        event["isBase64Encoded"] = text is None
    else:
        event["isBase64Encoded"] = False
    return event


def is_text(content_type: str) -> bool:
    """Whether a body of this type is handed over as it is; anything else, a form too, comes in base64.

    >>> [is_text(each) for each in ("text/csv; charset=utf-8", "application/problem+json", "image/png", "")]
    [True, True, False, False]
    """
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type.startswith("text/") or media_type in _TEXTS or media_type.endswith(("+json", "+xml"))


def _text(body: bytes, content_type: str) -> str | None:
    if not is_text(content_type):
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _cookies(header: str) -> list[str]:
    return [cookie for each in header.split(";") if (cookie := each.strip())]


def _headers(call: UrlCall) -> dict[str, str]:
    request = call.request
    headers = {name: value for name, value in request.headers.items() if name not in _OF_THE_CONNECTION}
    given = headers.get("x-forwarded-for")
    headers["x-forwarded-for"] = f"{given}, {request.peer}" if given else request.peer
    headers["x-forwarded-port"] = call.domain.rpartition(":")[2]
    headers["x-forwarded-proto"] = "http"
    headers["x-amzn-trace-id"] = call.trace_root
    return headers


def _query_parameters(query: str) -> dict[str, str]:
    """Return the decoded parameters, the values of a repeated one joined by commas."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return {name: ",".join(values) for name, values in found.items()}


def _context(call: UrlCall) -> dict[str, Any]:  # Any: a JSON value
    request, signer = call.request, call.signer
    context: dict[str, Any] = {  # Any: as above
        "accountId": "anonymous" if signer is None else signer.caller.account,
        "apiId": call.url_id,
    }
    if signer is not None:
        context["authorizer"] = {"iam": _identity(signer)}
    context |= {
        "domainName": call.domain,
        "domainPrefix": call.url_id,
        "http": {
            "method": request.method,
            "path": unquote(call.path),  # unlike rawPath
            "protocol": "HTTP/1.1",
            "sourceIp": request.peer,
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": call.request_id,
        "routeKey": _DEFAULT,
        "stage": _DEFAULT,
        "time": _log_time(call.now),
        "timeEpoch": int(call.now * 1000),
    }
    return context


def _identity(signer: Signer) -> dict[str, Any]:  # Any: a JSON value
    caller = signer.caller
    return {
        "accessKey": signer.access_key,
        "accountId": caller.account,
        "callerId": caller.user_id,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": caller.arn,
        "userId": caller.user_id,
    }


def _log_time(now: float) -> str:
    # Month names must not follow the locale, so strftime's %b will not do.
    at = datetime.fromtimestamp(now, UTC)
    return f"{at.day:02d}/{_MONTHS[at.month - 1]}/{at:%Y:%H:%M:%S} +0000"
