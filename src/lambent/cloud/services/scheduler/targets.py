"""What a schedule calls: its target, an occurrence and its input made into one request to a service.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lambent.aws.arn import Arn, MalformedArnError, queue_url
from lambent.cloud.services.scheduler.universal import (
    UnsupportedTargetError,
    action_of,
    is_universal,
    operation_of,
    parameters_of,
)
from lambent.cloud.store.scope import Scope

Target = Mapping[str, Any]  # Any: members of AWS's shape
_FIFO = ".fifo"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that a schedule fell due: `scheduled` is the moment; `execution_id` and `event_id` are its own."""

    schedule_arn: str
    scope: Scope
    scheduled: float
    execution_id: str
    event_id: str
    target: Target

    @property
    def scheduled_time(self) -> str:
        """The moment as Scheduler writes it."""
        return f"{datetime.fromtimestamp(int(self.scheduled), UTC):%Y-%m-%dT%H:%M:%SZ}"

    def input(self, attempt: int) -> str:
        """Return what the target gets at its n-th attempt: the schedule's input, its keywords replaced."""
        text: str | None = self.target.get("Input")
        if text is None:
            return json.dumps(self._notification())
        for keyword, value in {
            "schedule-arn": self.schedule_arn,
            "scheduled-time": self.scheduled_time,
            "execution-id": self.execution_id,
            "attempt-number": str(attempt),
        }.items():
            text = text.replace(f"<aws.scheduler.{keyword}>", value)
        return text

    def _notification(self) -> dict[str, object]:
        """Return the default notification, for a target without input."""
        return {
            "version": "0",
            "id": self.event_id,
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": self.scope.account,
            "time": self.scheduled_time,
            "region": self.scope.region,
            "resources": [self.schedule_arn],
            "detail": "{}",
        }


@dataclass(frozen=True, slots=True)
class Request:
    """A call to a service, and what the schedule's role must allow for it; `resource` None is any."""

    service: str
    operation: str
    parameters: Mapping[str, Any]  # Any: botocore-shaped
    scope: Scope
    action: str
    resource: str | None

    def body(self) -> str:
        """Return the request as JSON, as a dead-letter queue is told of it."""
        return json.dumps(self.parameters, default=lambda value: value.decode("utf-8", "replace"))


def request_of(occurrence: Occurrence, attempt: int) -> Request:
    """Return the request of an occurrence's n-th attempt; raises ValueError where the input does not make one."""
    target, text = occurrence.target, occurrence.input(attempt)
    if is_universal(target["Arn"]):
        operation = operation_of(target["Arn"])
        parameters = parameters_of(operation, text)
        service = operation.service.name
        return Request(service, operation.name, parameters, occurrence.scope, action_of(operation), None)
    arn = Arn.parse(target["Arn"])
    template = _TEMPLATES[arn.service]
    parameters = template.parameters(_Call(arn, target, text, occurrence))
    scope = Scope(arn.account or occurrence.scope.account, arn.region or occurrence.scope.region)
    return Request(template.service, template.operation, parameters, scope, template.action, str(arn))


def problem_of(target: Target) -> str | None:
    """Return why a schedule cannot have this target; None where it can."""
    arn = target["Arn"]
    unfit = _unfit_members(target)
    if unfit:
        return f"{unfit[0]} cannot be specified for the target {arn}."
    if is_universal(arn):
        try:
            operation = operation_of(arn)
            parameters_of(operation, target.get("Input", "{}"))
        except UnsupportedTargetError as error:
            return str(error)
        except ValueError as error:
            return f"Invalid RequestJson provided. Reason: {error}"
        return None
    try:
        parsed = Arn.parse(arn)
    except MalformedArnError:
        return "Provided Arn is not in correct format."
    template = _TEMPLATES.get(parsed.service)
    if template is None or not template.fits(parsed):
        return f"{arn} is not a supported target."
    return template.problem(parsed, target)


def _unfit_members(target: Target) -> list[str]:
    """Return the parameters of templated targets that are not of this one."""
    template = _TEMPLATES.get(target["Arn"].split(":")[2]) if target["Arn"].count(":") > 1 else None
    own = None if template is None else template.takes
    return sorted(name for name in target if name.endswith("Parameters") and name != own)


# ── templated targets ──


@dataclass(frozen=True, slots=True)
class _Call:
    """What a templated target's request is made of."""

    arn: Arn
    target: Target
    text: str
    occurrence: Occurrence


def _lambda(call: _Call) -> dict[str, Any]:  # Any: botocore-shaped
    return {"FunctionName": str(call.arn), "InvocationType": "Event", "Payload": call.text.encode()}


def _sqs(call: _Call) -> dict[str, Any]:  # Any: as above
    return {"QueueUrl": queue_url(call.arn), "MessageBody": call.text, **call.target.get("SqsParameters", {})}


def _sns(call: _Call) -> dict[str, Any]:  # Any: as above
    return {"TopicArn": str(call.arn), "Message": call.text}


def _events(call: _Call) -> dict[str, Any]:  # Any: as above
    entry = {
        "EventBusName": str(call.arn),
        "Detail": call.text,
        "Resources": [call.occurrence.schedule_arn],
        "Time": call.occurrence.scheduled,
        **call.target["EventBridgeParameters"],
    }
    return {"Entries": [entry]}


def _kinesis(call: _Call) -> dict[str, Any]:  # Any: as above
    name = call.arn.resource.partition("/")[2]
    return {"StreamName": name, "Data": call.text.encode(), **call.target["KinesisParameters"]}


def _firehose(call: _Call) -> dict[str, Any]:  # Any: as above
    return {"DeliveryStreamName": call.arn.resource.partition("/")[2], "Record": {"Data": call.text.encode()}}


def _states(call: _Call) -> dict[str, Any]:  # Any: as above
    return {"stateMachineArn": str(call.arn), "input": call.text}


@dataclass(frozen=True, slots=True)
class _Template:
    """How one kind of resource is called.

    `begins` is what its resource begins with, `takes` the member of Target that goes with it.
    """

    service: str
    operation: str
    action: str
    parameters: Callable[[_Call], dict[str, Any]]  # Any: botocore-shaped
    begins: str = ""
    takes: str | None = None
    is_needed: bool = True
    takes_json: bool = False

    def fits(self, arn: Arn) -> bool:
        return arn.resource.startswith(self.begins) and len(arn.resource) > len(self.begins)

    def problem(self, arn: Arn, target: Target) -> str | None:
        if self.takes is not None and self.is_needed and self.takes not in target:
            return f"{self.takes} must be specified for the target {arn}."
        if self.service == "sqs" and arn.resource.endswith(_FIFO) != (
            "MessageGroupId" in target.get("SqsParameters", {})
        ):
            return "A MessageGroupId must be specified for a FIFO queue, and for no other."
        # "If you are configuring a templated Lambda, AWS Step Functions, or Amazon EventBridge target, the input must
        # be a well-formed JSON": https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Target.html
        if self.takes_json and not _is_json(target.get("Input", "{}")):
            return "The Input of the target is not a well-formed JSON."
        return None


_TEMPLATES: Mapping[str, _Template] = {
    "lambda": _Template("lambda", "Invoke", "lambda:InvokeFunction", _lambda, "function:", takes_json=True),
    "sqs": _Template("sqs", "SendMessage", "sqs:SendMessage", _sqs, takes="SqsParameters", is_needed=False),
    "sns": _Template("sns", "Publish", "sns:Publish", _sns),
    "events": _Template(
        "events", "PutEvents", "events:PutEvents", _events, "event-bus/", "EventBridgeParameters", takes_json=True
    ),
    "kinesis": _Template("kinesis", "PutRecord", "kinesis:PutRecord", _kinesis, "stream/", "KinesisParameters"),
    "firehose": _Template("firehose", "PutRecord", "firehose:PutRecord", _firehose, "deliverystream/"),
    "states": _Template(
        "stepfunctions", "StartExecution", "states:StartExecution", _states, "stateMachine:", takes_json=True
    ),
}


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
