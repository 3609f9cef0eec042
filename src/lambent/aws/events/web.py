"""Events of what is called over HTTP: API Gateway, function URLs, load balancers, and their authorizers.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html,
api-gateway-lambda-authorizer-input.html, http-api-lambda-authorizer.html,
apigateway-websocket-api-mapping-template-reference.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import parse_qsl

from lambent.aws.events.kind import Event, Kind, Values

_REQUEST: Final = {
    "method": "GET",
    "path": "/path/to/resource",
    "query": "name=value",
    "body": "",
    "headers": '{"accept": "application/json", "user-agent": "curl/8.5.0"}',
    "source-ip": "203.0.113.1",
}
_REST: Final = {**_REQUEST, "stage": "prod", "resource": "/{proxy+}"}
_HTTP: Final = {**_REQUEST, "stage": "$default"}
_SOCKET: Final = {"stage": "prod", "connection-id": "L0SM9cOFvHcCIhw="}
_MESSAGE: Final = {"body": '{"action": "send", "data": "hello"}'}
_API: Final = 10


def _headers(values: Values, host: str) -> dict[str, str]:
    told = values.json("headers")
    own = {str(name): str(one) for name, one in told.items()} if isinstance(told, dict) else {}
    return {
        "host": host,
        **own,
        "x-amzn-trace-id": f"Root=1-{int(values.now):08x}-{values.ids.hex(24)}",
        "x-forwarded-for": values["source-ip"],
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }


def _query(values: Values) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return each parameter's last value, and all of each."""
    every: dict[str, list[str]] = {}
    for name, value in parse_qsl(values["query"], keep_blank_values=True):
        every.setdefault(name, []).append(value)
    return {name: found[-1] for name, found in every.items()}, every


def _rest(values: Values) -> Event:
    api = values.ids.base32(_API).lower()
    host = f"{api}.execute-api.{values.region}.amazonaws.com"
    headers = _headers(values, host)
    last, every = _query(values)
    return {
        "resource": values["resource"],
        "path": values["path"],
        "httpMethod": values["method"],
        "headers": headers,
        "multiValueHeaders": {name: [one] for name, one in headers.items()},
        "queryStringParameters": last or None,
        "multiValueQueryStringParameters": every or None,
        "pathParameters": _path_parameters(values),
        "stageVariables": None,
        "requestContext": _rest_context(values, api, host),
        "body": values.get("body") or None,
        "isBase64Encoded": False,
    }


def _path_parameters(values: Values) -> Event:
    return {"proxy": values["path"].lstrip("/")} if values["resource"] == "/{proxy+}" else None


def _rest_context(values: Values, api: str, host: str) -> Event:
    agent = values.json("headers")
    identity = dict.fromkeys(
        (
            "accessKey", "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType",
            "cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId", "user", "userArn",
        )
    )  # fmt: skip
    return {
        "accountId": values.account,
        "apiId": api,
        "authorizer": None,
        "domainName": host,
        "domainPrefix": api,
        "extendedRequestId": values.ids.base32(15),
        "httpMethod": values["method"],
        "identity": {
            **identity,
            "sourceIp": values["source-ip"],
            "userAgent": agent.get("user-agent") if isinstance(agent, dict) else None,
        },
        "path": f"/{values['stage']}{values['path']}",
        "protocol": "HTTP/1.1",
        "requestId": values.ids.uuid(),
        "requestTime": values.log_time(),
        "requestTimeEpoch": values.now_ms,
        "resourceId": values.ids.base32(6).lower(),
        "resourcePath": values["resource"],
        "stage": values["stage"],
    }


def _version_2(domain: str, *, is_url: bool) -> Callable[[Values], Event]:
    def make(values: Values) -> Event:
        api = values.ids.base32(32 if is_url else _API).lower()
        host = f"{api}.{domain.format(region=values.region)}"
        last, every = _query(values)
        route = "$default" if is_url else f"{values['method']} {values['path']}"
        headers = _headers(values, host)
        event: dict[str, Event] = {
            "version": "2.0",
            "routeKey": route,
            "rawPath": values["path"],
            "rawQueryString": values["query"],
            "headers": headers,
        }
        if last:
            event["queryStringParameters"] = {name: ",".join(found) for name, found in every.items()}
        event["requestContext"] = {
            "accountId": "anonymous" if is_url else values.account,
            "apiId": api,
            "domainName": host,
            "domainPrefix": api,
            "http": {
                "method": values["method"],
                "path": values["path"],
                "protocol": "HTTP/1.1",
                "sourceIp": values["source-ip"],
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": values.ids.uuid() if is_url else values.ids.base32(15),
            "routeKey": route,
            "stage": values["stage"],
            "time": values.log_time(),
            "timeEpoch": values.now_ms,
        }
        if values.get("body"):
            event["body"] = values["body"]
        return {**event, "isBase64Encoded": False}

    return make


_http = _version_2("execute-api.{region}.amazonaws.com", is_url=False)
_url = _version_2("lambda-url.{region}.on.aws", is_url=True)


def _websocket(kind: str, route: str) -> Callable[[Values], Event]:
    def make(values: Values) -> Event:
        api = values.ids.base32(_API).lower()
        context = {
            "routeKey": route,
            "eventType": kind,
            "extendedRequestId": values.ids.base32(15),
            "requestTime": values.log_time(),
            "messageDirection": "IN",
            "stage": values["stage"],
            "connectedAt": values.now_ms,
            "requestTimeEpoch": values.now_ms,
            "identity": {"sourceIp": "203.0.113.1"},
            "requestId": values.ids.base32(15),
            "domainName": f"{api}.execute-api.{values.region}.amazonaws.com",
            "connectionId": values["connection-id"],
            "apiId": api,
        }
        if kind == "MESSAGE":
            return {
                "requestContext": {**context, "messageId": values.ids.base32(15)},
                "body": values["body"],
                "isBase64Encoded": False,
            }
        if kind == "DISCONNECT":
            context |= {"disconnectStatusCode": 1005, "disconnectReason": "Client-side close frame status not set"}
        headers = {"Host": str(context["domainName"]), "X-Forwarded-Proto": "https"}
        multi = {name: [one] for name, one in headers.items()}
        return {"headers": headers, "multiValueHeaders": multi, "requestContext": context, "isBase64Encoded": False}

    return make


def _method_arn(values: Values, api: str) -> str:
    return values.arn("execute-api", f"{api}/{values['stage']}/{values['method']}{values['path']}")


def _token(values: Values) -> Event:
    api = values.ids.base32(_API).lower()
    return {"type": "TOKEN", "authorizationToken": values["token"], "methodArn": _method_arn(values, api)}


def _request_v1(values: Values) -> Event:
    event = _rest(values)
    api = event["requestContext"]["apiId"]
    event["headers"]["authorization"] = values["token"]
    event["multiValueHeaders"]["authorization"] = [values["token"]]
    for name in ("body", "isBase64Encoded"):
        del event[name]
    return {"type": "REQUEST", "methodArn": _method_arn(values, api), **event}


def _request_v2(values: Values) -> Event:
    event = _http(values)
    api = event["requestContext"]["apiId"]
    event["headers"]["authorization"] = values["token"]
    event.pop("body", None)
    del event["isBase64Encoded"]
    return {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": _method_arn(values, api),
        "identitySource": [values["token"]],
        **{name: one for name, one in event.items() if name != "version"},
    }


def _alb(values: Values) -> Event:
    host = f"lambda-alb-{values.digits(9)}.{values.region}.elb.amazonaws.com"
    group = values.arn("elasticloadbalancing", f"targetgroup/{values['target-group']}/{values.ids.hex(16)}")
    last, _ = _query(values)
    return {
        "requestContext": {"elb": {"targetGroupArn": group}},
        "httpMethod": values["method"],
        "path": values["path"],
        "queryStringParameters": last,
        "headers": _headers(values, host),
        "body": values["body"],
        "isBase64Encoded": False,
    }


def _appsync(values: Values) -> Event:
    # https://docs.aws.amazon.com/appsync/latest/devguide/resolver-context-reference.html
    return {
        "arguments": values.json("arguments"),
        "identity": None,
        "source": None,
        "request": {
            "headers": {"x-forwarded-for": "203.0.113.1", "host": f"example.appsync-api.{values.region}.amazonaws.com"}
        },
        "prev": None,
        "info": {
            "selectionSetList": ["id"],
            "selectionSetGraphQL": "{\n  id\n}",
            "parentTypeName": values["type"],
            "fieldName": values["field"],
            "variables": {},
        },
        "stash": {},
    }


def _kinds() -> Iterator[Kind]:
    yield Kind("apigateway", "rest", "a request to a REST API (payload format 1.0)", _rest, _REST)
    yield Kind("apigateway", "http", "a request to an HTTP API (payload format 2.0)", _http, _HTTP)
    for name, kind, route in (
        ("connect", "CONNECT", "$connect"),
        ("message", "MESSAGE", "$default"),
        ("disconnect", "DISCONNECT", "$disconnect"),
    ):
        fields = {**_SOCKET, **_MESSAGE} if kind == "MESSAGE" else _SOCKET
        yield Kind("apigateway", f"websocket-{name}", f"{name} of a WebSocket API", _websocket(kind, route), fields)
    yield Kind("url", "request", "a request to a function URL", _url, _HTTP)
    token = {"token": "Bearer example"}
    of_token = {**token, "method": "GET", "path": "/path/to/resource", "stage": "prod"}
    rest, http = ({**one, **token} for one in (_REST, _HTTP))
    # An authorizer is not told the body.
    del rest["body"], http["body"]
    yield Kind("authorizer", "token", "a REST API's authorizer of a token", _token, of_token)
    yield Kind("authorizer", "request", "a REST API's authorizer of a request", _request_v1, rest)
    yield Kind("authorizer", "http", "an HTTP API's authorizer (format 2.0)", _request_v2, http)
    yield Kind("alb", "request", "a request to a load balancer", _alb, {**_REQUEST, "target-group": "example-targets"})
    resolver = {"type": "Query", "field": "getPost", "arguments": json.dumps({"id": "1"})}
    yield Kind("appsync", "resolver", "a field that AppSync wants resolved", _appsync, resolver)


KINDS: Final = tuple(_kinds())
