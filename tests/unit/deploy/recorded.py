"""AWS's answers, replayed below botocore: real requests, real parsing, no socket.

The shapes are those of https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/Welcome.html: query requests,
XML answers, lists in `member` elements, errors in an `ErrorResponse`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from botocore.session import Session

from lambent.aws.clients import Target

STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/5f2c7a10-0d1b-11f0-9b6c-0a58a9feac02"
CHANGE_SET_ID = "arn:aws:cloudformation:eu-west-1:123456789012:changeSet/lambent-1/0b9ad8a5-6d0f-4c7e-bd5a-2f3c"
# Which reads the models of a service once, for all clients.
_SESSION = Session()
_REQUEST_ID = "b9b4b068-3a41-11e5-94eb-example"


@dataclass(frozen=True)
class Answer:
    """What AWS answers to one call: a result, an error (code, message), or nothing at all."""

    action: str
    result: Mapping[str, object] = field(default_factory=dict)
    error: tuple[str, str] | None = None
    status: int = 200
    is_lost: bool = False


@dataclass(frozen=True)
class Recorded(Target):
    """A target whose answers are written down beforehand; `asked` collects what it was asked."""

    answers: list[Answer] = field(default_factory=list)
    asked: list[Mapping[str, str]] = field(default_factory=list)
    attempts: int = 1

    @classmethod
    def with_answers(cls, *answers: Answer, attempts: int = 1) -> Recorded:
        """Return a target that gives these answers, in this order, and makes so many attempts at each call."""
        return cls(None, region="eu-west-1", answers=list(answers), attempts=attempts)

    def client(self, service: str) -> Any:  # Any: botocore's clients are classes made at run time
        """Return a client of botocore's own, whose requests go no further than to us."""
        made = _SESSION.create_client(
            service,
            region_name="eu-west-1",
            aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
            aws_secret_access_key="example",
            config=Config(retries={"total_max_attempts": self.attempts, "mode": "standard"}),
        )
        # The stubs know of handlers that return nothing; one of before-send may return the answer.
        made.meta.events.register("before-send", cast("Callable[..., None]", self._answer))
        return made

    def _answer(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        asked = {name: values[0] for name, values in parse_qs(_text(request.body)).items()}
        self.asked.append(asked)
        assert self.answers, f"nothing is recorded for a further {asked['Action']}"
        answer = self.answers.pop(0)
        assert asked["Action"] == answer.action, f"asked for {asked}, while {answer} is next"
        if answer.is_lost:
            raise EndpointConnectionError(endpoint_url="https://cloudformation.eu-west-1.amazonaws.com/")
        body = _error(*answer.error) if answer.error else _success(answer.action, answer.result)
        headers = HTTPHeaders()
        headers["Content-Type"] = "text/xml"
        return AWSResponse(str(request.url), answer.status, headers, _Raw(body))


class _Raw(io.BytesIO):
    """A body as botocore takes it from urllib3."""

    def __init__(self, text: str) -> None:
        super().__init__(text.encode())

    def stream(self, **_: object) -> Sequence[bytes]:
        return [self.read()]


def _text(body: object) -> str:
    return body.decode() if isinstance(body, bytes) else str(body)


def _success(action: str, result: Mapping[str, object]) -> str:
    space = 'xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"'
    told = f"<{action}Result>{_xml(result)}</{action}Result>"
    return (
        f"<{action}Response {space}>{told}<ResponseMetadata><RequestId>{_REQUEST_ID}</RequestId></ResponseMetadata>"
        f"</{action}Response>"
    )


def _error(code: str, message: str) -> str:
    told = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return f"<ErrorResponse>{told}<RequestId>{_REQUEST_ID}</RequestId></ErrorResponse>"


def _xml(value: object) -> str:
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_xml(one)}</{name}>" for name, one in value.items())
    if isinstance(value, list | tuple):
        return "".join(f"<member>{_xml(one)}</member>" for one in value)
    return escape(str(value).lower() if isinstance(value, bool) else str(value))


def stacks(status: str, **more: object) -> Answer:
    """Return DescribeStacks's answer of one stack."""
    stack = {
        "StackId": STACK_ID,
        "StackName": "shop",
        "CreationTime": "2026-03-01T10:00:00.000Z",
        "StackStatus": status,
        "DisableRollback": False,
        **more,
    }
    return Answer("DescribeStacks", {"Stacks": [stack]})


def no_stack() -> Answer:
    """Return DescribeStacks's answer where there is none."""
    return Answer("DescribeStacks", error=("ValidationError", "Stack with id shop does not exist"), status=400)


def events(*told: Mapping[str, object], more: str = "") -> Answer:
    """Return DescribeStackEvents's answer: the newest first, as AWS tells them."""
    return Answer("DescribeStackEvents", {"StackEvents": list(reversed(told)), **({"NextToken": more} if more else {})})


def own(number: int, status: str, reason: str = "") -> Mapping[str, object]:
    """Return an event of the stack itself."""
    return resource(
        number, "shop", status, reason, ResourceType="AWS::CloudFormation::Stack", PhysicalResourceId=STACK_ID
    )


def resource(number: int, logical_id: str, status: str, reason: str = "", **more: str) -> Mapping[str, object]:
    """Return an event of a resource; `number` is its id, and the second at which it happened."""
    return {
        "StackId": STACK_ID,
        "EventId": f"event-{number}",
        "StackName": "shop",
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": "",
        "ResourceType": "AWS::SQS::Queue",
        "Timestamp": f"2026-03-01T10:00:{number:02}.000Z",
        "ResourceStatus": status,
        **({"ResourceStatusReason": reason} if reason else {}),
        **more,
    }
