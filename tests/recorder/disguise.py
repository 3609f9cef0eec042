"""Names of AWS's side and names of the test's: tests say `f`, their account may have an `f` already.

On its way out, each name of a thing that the test can make gets a prefix of the test's own, alone and within ARNs of
the test's account; whatever comes back loses it. So tests are written as if the account were theirs alone.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.model import OperationModel
from botocore.response import StreamingBody

from tests.recorder.tape import rewound

# The members that hold a name, or something with the name in it, by service.
NAMES: Mapping[str, frozenset[str]] = {
    "dynamodb": frozenset({"TableName"}),
    "iam": frozenset({"RoleName"}),
    "kinesis": frozenset({"StreamName"}),
    "lambda": frozenset({"FunctionName", "LayerName", "CapacityProviderName", "LogGroup"}),
    "logs": frozenset({"logGroupName", "logGroupNamePrefix", "logGroupIdentifier"}),
    "sqs": frozenset({"QueueName", "QueueNamePrefix"}),
    "sts": frozenset(),  # changes nothing
}
# Lists of all there is in the account show what is named as the test's alone, and nothing of it is kept.
LISTS: Mapping[str, str] = {
    "DescribeLogGroups": "logGroups",
    "DescribeResourcePolicies": "resourcePolicies",
    "ListCapacityProviders": "CapacityProviders",
    "ListCodeSigningConfigs": "CodeSigningConfigs",
    "ListEventSourceMappings": "EventSourceMappings",
    "ListFunctions": "Functions",
    "ListLayers": "Layers",
    "ListQueues": "QueueUrls",
    "ListRoles": "Roles",
    "ListStreams": "StreamNames",
    "ListTables": "TableNames",
}
# What may stand before a name: all of an ARN, or its end. A function is known by each of these.
# https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html#API_GetFunction_RequestSyntax
_LEAD = re.compile(
    r"(?:arn:(?:aws[\w-]*)?:\w+:)?(?:[a-z]{2}(?:-[a-z]+)+-\d:)?(?:(\d{12}):)?"
    r"(?:(?:function|layer|capacity-provider|log-group):|(?:table|stream)/)?(?:/aws/lambda/)?"
)
_ARN_PARTS = (
    r"lambda:[\w-]+:{account}:(?:function|layer|capacity-provider):",
    r"iam::{account}:role/",
    r"sqs:[\w-]+:{account}:",
    r"kinesis:[\w-]+:{account}:stream/",
    r"dynamodb:[\w-]+:{account}:table/",
    r"logs:[\w-]+:{account}:log-group:(?:/aws/lambda/)?",
)


@dataclass(frozen=True, slots=True)
class Disguise:
    """The names of one test: `prefix` makes them its own; `shared` are names of things that stay for the whole run."""

    account: str
    prefix: str
    shared: Mapping[str, str]  # the test's name → AWS's

    def attach(self, client: Any) -> None:  # Any: a boto3 client
        """Translate what this client sends and gets from now on."""
        client.meta.events.register("provide-client-params", self._send)
        client.meta.events.register("after-call", self._receive)

    def outward(self, service: str, params: Mapping[str, object]) -> dict[str, object]:
        """Return a request's members as AWS is to see them."""
        return {name: self._out(service, name, value) for name, value in params.items()}

    def inward(self, value: object) -> object:
        """Return what AWS said as the test is to see it."""
        if isinstance(value, Mapping):
            return {self.inward(name): self.inward(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.inward(each) for each in value]
        if isinstance(value, StreamingBody):
            return rewound(self._bytes_without(value.read()))
        return self._without(value) if isinstance(value, str) else value

    def name(self, name: str) -> str:
        """Return AWS's name of what a test calls `name`."""
        if name.startswith(self.prefix) or name in self.shared.values():
            return name
        return self.shared.get(name) or self.prefix + name

    def _out(self, service: str, member: str, value: object) -> object:
        if isinstance(value, Mapping):
            return {name: self._out(service, str(name), each) for name, each in value.items()}
        if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
            return [self._out(service, member, each) for each in value]
        if not isinstance(value, str):
            return value
        return self._named(value) if value and member in NAMES.get(service, ()) else self._within(value)

    def _named(self, value: str) -> str:
        # Whatever characters it has: AWS is to refuse a wrong name of the test's, never to find another's.
        lead = _LEAD.match(value)
        if lead is None or lead[1] not in (None, self.account):
            return value
        name, colon, qualifier = value[lead.end() :].partition(":")
        return f"{lead[0]}{self.name(name)}{colon}{qualifier}"

    def _within(self, value: str) -> str:
        places = "|".join(part.format(account=self.account) for part in _ARN_PARTS)
        arn = rf"arn:aws[\w-]*:(?:{places})"
        # A function is known by account and name as well, a queue by its URL.
        others = rf"(?<![\w:]){self.account}:(?:function:)?|(?<=/){self.account}/"
        return re.sub(rf"({arn}|{others})([\w+=,.@/#-]+)", lambda found: found[1] + self.name(found[2]), value)

    def _without(self, text: str) -> str:
        for name, on_aws in self.shared.items():
            text = text.replace(on_aws, name)
        return text.replace(self.prefix, "")

    def _bytes_without(self, content: bytes) -> bytes:
        return self._without(content.decode("latin-1")).encode("latin-1")  # every byte is a character of it

    def _send(
        self,
        params: Mapping[str, object],
        model: OperationModel,
        **_: object,
    ) -> Mapping[str, object]:
        return self.outward(model.service_model.service_name, params)

    def _receive(self, parsed: dict[str, Any], model: OperationModel, **_: object) -> None:  # Any: as AWS's shapes are
        if (listed := LISTS.get(model.name)) in parsed:
            parsed[listed] = [each for each in parsed[listed] if self.prefix in str(each)]
        for name, value in parsed.items():
            if name == "LogResult":
                parsed[name] = base64.b64encode(self._bytes_without(base64.b64decode(value))).decode()
            elif name != "ResponseMetadata":
                parsed[name] = self.inward(value)
