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

from tests.recorder.disguise import DISGUISED, LISTS
from tests.waiting import eventually

Members = Mapping[str, Any]  # Any: as AWS's shapes are
Undo = Callable[[Any, Members], None]  # Any: a boto3 client; then what was sent and what was answered, in one
SENT = "tests.recorder sent"


def _delete(method: str, *members: str) -> Undo:
    """Return the deletion of what those members name."""
    return lambda client, made: getattr(client, method)(**{member: made[member] for member in members})


def _delete_layer(client: Any, made: Members) -> None:  # Any: as above
    client.delete_layer_version(LayerName=made["LayerName"], VersionNumber=made["Version"])


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
    "sqs.CreateQueue": _delete("delete_queue", "QueueUrl"),
}
# These go with what they belong to.
PARTS = re.compile(
    r"lambda\.(CreateAlias|CreateFunctionUrlConfig|PublishVersion|Put\w+)"
    r"|iam\.PutRolePolicy|kinesis\.RegisterStreamConsumer|logs\.(CreateLogStream|PutLogEvents|PutRetentionPolicy)"
)
_MAKES = re.compile(r"\w+\.(Allocate|Copy|Create|Import|Publish|Put|Register|Request|Restore|Run|Start)")
_GONE = re.compile(r"NotFound|NoSuchEntity|NonExistentQueue")
_BUSY = re.compile(r"ResourceInUse|ResourceConflict|DeleteConflict|LimitExceeded|TooManyRequests|Throttl")


class NotOursError(Exception):
    """A test would change what may be another's, or make what nobody takes away; nothing was sent."""


@dataclass(frozen=True, slots=True)
class _Made:
    operation: str
    client: Any  # Any: a boto3 client
    members: Members  # what was sent and what was answered, in one

    def __str__(self) -> str:
        names = [f"{name}={value}" for name, value in self.members.items() if name.endswith(("Name", "Url", "UUID"))]
        return f"{self.operation}({', '.join(names)})"


class _Outcome(Enum):
    GONE = auto()
    BUSY = auto()


class Cleaner:
    """Remembers what clients make, and takes it away, the last thing first."""

    def __init__(self) -> None:
        self._made: list[_Made] = []

    def attach(self, client: Any) -> None:  # Any: a boto3 client
        """Remember what this client makes; raises NotOursError where it would change more than that."""

        def answered(
            parsed: Members,
            model: OperationModel,
            context: dict[str, Any],  # Any: botocore's own
            **_: object,
        ) -> None:
            operation = _named(model)
            if operation in UNDOES and "Error" not in parsed:
                self._made.append(_Made(operation, client, {**context[SENT], **parsed}))

        client.meta.events.register_first("before-parameter-build", _note_what_is_sent)
        client.meta.events.register("before-call", _refuse_what_is_not_ours)
        client.meta.events.register_first("after-call", answered)

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


def _refuse_what_is_not_ours(model: OperationModel, context: dict[str, Any], **_: object) -> None:  # Any: as above
    operation = _named(model)
    service = model.service_model.service_name
    is_of_a_role = "RoleName" in context[SENT] or model.name in LISTS
    if service not in DISGUISED or (service == "iam" and not is_of_a_role):
        raise NotOursError(f"{operation} was not sent: tests/recorder/disguise.py does not keep its names apart")
    if _MAKES.match(operation) and operation not in UNDOES and not PARTS.fullmatch(operation):
        raise NotOursError(f"{operation} was not sent: tests/recorder/cleaning.py does not say how to undo it")


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
    return _Outcome.GONE


def _named(model: OperationModel) -> str:
    return f"{model.service_model.service_name}.{model.name}"
