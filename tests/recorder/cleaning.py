"""What a test makes on AWS, and how each thing is taken away; what the test itself has taken away is no loss."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel

from tests.recorder.allowed import why_not
from tests.waiting import eventually

Members = Mapping[str, Any]  # Any: as AWS's shapes are
Clients = Callable[[str, str], Any]  # Any: a boto3 client, of a service in a region
Undo = Callable[[Any, Members], None]  # Any: a boto3 client; then what was sent and what was answered, in one
SENT = "tests.recorder sent"
_MADE = "tests.recorder made"


def _delete(method: str, *members: str) -> Undo:
    """Return the deletion of what those members name."""
    return lambda client, made: getattr(client, method)(**{member: made[member] for member in members})


def _delete_layer(client: Any, made: Members) -> None:  # Any: as above
    name = made["LayerName"]
    for page in client.get_paginator("list_layer_versions").paginate(LayerName=name):
        for version in page["LayerVersions"]:
            client.delete_layer_version(LayerName=name, VersionNumber=version["Version"])


def _delete_queue(client: Any, made: Members) -> None:  # Any: as above
    client.delete_queue(QueueUrl=client.get_queue_url(QueueName=made["QueueName"])["QueueUrl"])


def _delete_stream(client: Any, made: Members) -> None:  # Any: as above
    client.delete_stream(StreamName=made["StreamName"], EnforceConsumerDeletion=True)


def _delete_signing(client: Any, made: Members) -> None:  # Any: as above
    arn = made["CodeSigningConfig"]["CodeSigningConfigArn"]
    client.delete_code_signing_config(CodeSigningConfigArn=arn)


def _delete_role(client: Any, made: Members) -> None:  # Any: as above
    name = made["RoleName"]
    for policy in client.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        client.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    for policy in client.list_role_policies(RoleName=name)["PolicyNames"]:
        client.delete_role_policy(RoleName=name, PolicyName=policy)
    client.delete_role(RoleName=name)


UNDOES: Mapping[str, Undo] = {
    "dynamodb.CreateTable": _delete("delete_table", "TableName"),
    "iam.CreateRole": _delete_role,
    "kinesis.CreateStream": _delete_stream,
    "lambda.CreateCapacityProvider": _delete("delete_capacity_provider", "CapacityProviderName"),
    "lambda.CreateCodeSigningConfig": _delete_signing,
    "lambda.CreateEventSourceMapping": _delete("delete_event_source_mapping", "UUID"),
    "lambda.CreateFunction": _delete("delete_function", "FunctionName"),
    "lambda.PublishLayerVersion": _delete_layer,
    "logs.CreateLogGroup": _delete("delete_log_group", "logGroupName"),
    "sqs.CreateQueue": _delete_queue,
}
_WRITE_LOGS = frozenset({"lambda.CreateFunction", "lambda.UpdateFunctionConfiguration"})
_AWS_FAILED = 500  # and does not say whether it made what was asked for
_GONE = re.compile(r"NotFound|NoSuchEntity|NonExistentQueue")
_BUSY = re.compile(r"ResourceInUse|ResourceConflict|DeleteConflict|LimitExceeded|TooManyRequests|Throttl")


class NotOursError(Exception):
    """A test would change what may be another's, or make what nobody takes away; nothing was sent."""


@dataclass(frozen=True, slots=True)
class _Made:
    operation: str
    client: Any  # Any: a boto3 client
    members: dict[str, Any]  # what was sent and, once there is one, what was answered; Any: as AWS's shapes are

    def __str__(self) -> str:
        names = [f"{name}={value}" for name, value in self.members.items() if name.endswith(("Name", "Url", "UUID"))]
        return f"{self.operation}({', '.join(names)})"


class _Outcome(Enum):
    GONE = auto()
    BUSY = auto()


class Cleaner:
    """Lets clients change only what is a test's own, remembers what they make, and takes it away, the last thing first.

    `prefix` begins the names of all that is the test's.
    """

    def __init__(self, prefix: str, clients: Clients) -> None:
        self._own = re.compile(rf"(?<![A-Za-z0-9]){re.escape(prefix)}")
        self._clients = clients
        self._made: list[_Made] = []
        self._identifiers: set[str] = set()

    def attach(self, client: Any) -> None:  # Any: a boto3 client
        """Remember what this client makes; raises NotOursError where it would change more than that."""

        def asked(model: OperationModel, context: dict[str, Any], **_: object) -> None:  # Any: botocore's own
            self._refuse_what_is_not_ours(model, context[SENT])
            # Before the answer: what is made is there although its answer may be lost on its way.
            self._remember(client, model, context)

        client.meta.events.register_first("before-parameter-build", _note_what_is_sent)
        client.meta.events.register("before-call", asked)
        client.meta.events.register_first("after-call", self._answered)

    def _refuse_what_is_not_ours(self, model: OperationModel, sent: Members) -> None:
        if reason := why_not(model.service_model.service_name, model.name, sent, self._is_ours):
            raise NotOursError(f"{_named(model)} was not sent: {reason}")

    def _is_ours(self, value: str) -> bool:
        return bool(self._own.search(value)) or value.rpartition(":")[2] in self._identifiers

    def _remember(self, client: Any, model: OperationModel, context: dict[str, Any]) -> None:  # Any: as above
        operation, sent = _named(model), context[SENT]
        if operation in _WRITE_LOGS and (group := _log_group(sent)):
            logs = self._clients("logs", client.meta.region_name)
            made = _Made("logs.CreateLogGroup", logs, {"logGroupName": group})
            self._made += [made] if made not in self._made else []
        if operation in UNDOES:
            context[_MADE] = _Made(operation, client, dict(sent))
            self._made.append(context[_MADE])

    def _answered(self, parsed: Members, context: dict[str, Any], **_: object) -> None:  # Any: as above
        made: _Made | None = context.get(_MADE)
        if made is None:
            return
        if "Error" not in parsed:
            made.members.update(parsed)
            signing = parsed.get("CodeSigningConfig", {}).get("CodeSigningConfigArn", "")
            self._identifiers |= {parsed.get("UUID", ""), signing.rpartition(":")[2]} - {""}
        elif parsed["ResponseMetadata"]["HTTPStatusCode"] < _AWS_FAILED:
            self._made.remove(made)

    def has_made(self, role: str) -> bool:
        """Whether a role of this name was made here."""
        return any(made.operation == "iam.CreateRole" and made.members["RoleName"] == role for made in self._made)

    def clean(self) -> list[str]:
        """Take away what was made; return a line for each thing that may still be there.

        What is busy, or in use by another thing, is tried again when the others were.
        """
        busy, left = self._made[::-1], []
        self._made.clear()

        def go_round() -> bool:
            for made in busy[:]:
                outcome = _undo(made)
                if outcome is not _Outcome.BUSY:
                    busy.remove(made)
                if isinstance(outcome, str):
                    left.append(f"{made}: {outcome}")
            return not busy

        with suppress(AssertionError):
            eventually(go_round)
        return [*left, *(f"{made}: it stayed busy" for made in busy)]


def _note_what_is_sent(params: Members, context: dict[str, Any], **_: object) -> None:  # Any: botocore's own
    context[SENT] = dict(params)


def _log_group(sent: Members) -> str | None:
    """Return the log group that a function made or changed so may write to, None where that is no other than before."""
    named = sent.get("LoggingConfig", {}).get("LogGroup")
    if named or "Code" not in sent:
        return str(named) if named else None
    return "/aws/lambda/" + str(sent["FunctionName"]).rpartition(":")[2]


def _undo(made: _Made) -> _Outcome | str:
    """Return what came of it, or why it cannot be undone."""
    try:
        UNDOES[made.operation](made.client, made.members)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if _BUSY.search(code):
            return _Outcome.BUSY
        return _Outcome.GONE if _GONE.search(code) else str(error)
    except BotoCoreError as error:
        return str(error)
    except KeyError as error:
        return f"AWS did not say its {error.args[0]}: its answer was lost"
    return _Outcome.GONE


def _named(model: OperationModel) -> str:
    return f"{model.service_model.service_name}.{model.name}"
