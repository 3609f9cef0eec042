"""A campaign: requests made from the service model, valid ones and broken ones by turns, and what they found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import botocore.session

from lambent.testing.platform import LocalPlatform
from tests.generated.breaks import Expected, breaks, broken_message
from tests.generated.chance import Chance
from tests.generated.known import REGION, ZIPS, Known
from tests.generated.observed import Observed, Observer
from tests.generated.values import Parameters, Values
from tests.generated.wire import Answer, Message, Wire, message_of

_VALID_IN_A_ROUND = 40
_BROKEN_IN_A_ROUND = 60
# What is made anew when it has become rare, so that there is always something to hit.
_FUNCTIONS = 3
_LAYERS = 2
_MANAGED_VERSIONS = 3
# And deleted when there are more, so that a look does not take ever longer.
_MANY = 8
_BY_MESSAGE = 0.08
_HOSTILE = 0.35
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
# The platform's way to say that it cannot run something, which AWS answers with these statuses too.
_NOT_RUN = {(502, "InvalidRuntimeException"), (502, "SnapStartException")}
# Answered by what stands in front of every operation; the model does not name them.
_DENIED = "AccessDeniedException"
_BY_THE_GATEWAY = {
    _DENIED,
    "UnknownOperationException",
    "SerializationException",
    "ValidationException",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be; `about` is the same for what probably has the same cause."""

    about: str
    number: int
    detail: str

    def __str__(self) -> str:
        return f"{self.about} (request {self.number})\n    {self.detail}"


@dataclass(slots=True)
class Result:
    """How a campaign went."""

    seed: int
    sent: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    """How often each operation took a valid request."""
    findings: dict[str, list[Finding]] = field(default_factory=dict)

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(self.answers.items()))
        lines = [f"seed {self.seed}: {self.sent} requests ({counts})"]
        for _, found in sorted(self.findings.items()):
            lines.append(f"{len(found)} x {found[0]}")
            lines += [f"    again: {each.detail}" for each in found[1:2]]
        return "\n".join(lines)


class Campaign:
    """Sends requests to a platform, in an account of their own."""

    def __init__(self, platform: LocalPlatform, account: str, seed: int) -> None:
        self._chance = Chance(seed)
        self._known = _prepared(platform, account)
        self._wire = Wire(platform.port, account)
        self._observer = Observer(self._wire, self._known)
        model = botocore.session.Session().get_service_model("lambda")
        self._operations = {name: model.operation_model(name) for name in model.operation_names}
        self.offered = _offered(platform)
        self._turns = [name for name in model.operation_names for _ in range(self._weight(name))]
        self._result = Result(seed)
        self._errors = {each.name for each in model.error_shapes} | _BY_THE_GATEWAY

    def run(self, requests: int, *, told: Callable[[Result], None] | None = None, pinpoint: bool = False) -> Result:
        """Send so many requests, and look at the account before and after each lot of broken ones, or each one."""
        before = self.look()
        while self._result.sent < requests:
            self._populate()
            for _ in range(_VALID_IN_A_ROUND):
                self._valid()
            before = self.look()
            said: list[str] = []
            for _ in range(_BROKEN_IN_A_ROUND):
                said.append(self._broken())
                if pinpoint:
                    before = self._unchanged(before, said[-1:])
            before = self._unchanged(before, said)
            if told is not None:
                told(self._result)
        self._wire.close()
        return self._result

    def _weight(self, name: str) -> int:
        """Return how often an operation comes: more than others where it makes what the others need."""
        if name not in self.offered:
            return 1
        return 12 if name.startswith(("Add", "Create", "Publish", "Put", "Update")) else 6

    def look(self) -> Observed:
        """Return all that the account tells of itself, and note where it contradicts itself."""
        return self._checked(self._observer.look())

    def compare(self, before: Observed, event: str) -> None:
        """Note what is told otherwise than before the event."""
        changed = before.differences(self.look())
        if changed:
            self._find(
                f"{event} changed {changed[0].split(':')[0]}", "\n      ".join(each[:1000] for each in changed[:5])
            )

    def _checked(self, seen: Observed) -> Observed:
        for each in seen.contradictions:
            self._find(f"contradiction: {each.split(':')[0][:60]}", each)
        return seen

    def _unchanged(self, before: Observed, said: list[str]) -> Observed:
        after = self.look()
        changed = before.differences(after)
        if changed:
            taken = [each for each in said if " -> 2" in each] or [
                f"one of {len(said)} refused requests; --pinpoint tells"
            ]
            whole = "\n      ".join([*(each[:1000] for each in changed[:3]), *(f"by: {each}" for each in taken[:5])])
            self._find(f"refused requests changed {changed[0].split(':')[0]}", whole)
        return after

    def _populate(self) -> None:
        """Make up for what was deleted, and delete what there is too much of."""
        known = self._known
        for name in known.functions[_MANY:]:
            self._made("DeleteFunction", {"FunctionName": name})
        for arn in known.layers[_MANY:]:
            layer, version = arn.split(":")[-2:]
            self._made("DeleteLayerVersion", {"LayerName": layer, "VersionNumber": int(version)})
        for arn in known.signing_configs[_MANY:]:
            self._made("DeleteCodeSigningConfig", {"CodeSigningConfigArn": arn})
        for uuid in known.mappings[_MANY:]:
            self._made("DeleteEventSourceMapping", {"UUID": uuid})
        self._make_up()

    def _make_up(self) -> None:
        known, chance = self._known, self._chance
        for number in range(_FUNCTIONS - len(known.functions)):
            self._made("CreateFunction", {**self._plain(f"f{number}"), "Publish": True})
        for number in range(_LAYERS - len(known.layers)):
            self._made("PublishLayerVersion", {"LayerName": f"l{number}", "Content": {"ZipFile": chance.one_of(ZIPS)}})
        if not known.providers:
            network = {"SubnetIds": known.subnets, "SecurityGroupIds": known.groups}
            permitted = {"PermissionsConfig": {"CapacityProviderOperatorRoleArn": known.role}}
            self._made("CreateCapacityProvider", {"CapacityProviderName": "p0", "VpcConfig": network, **permitted})
        elif "managed" not in known.functions:
            provider = {"CapacityProviderArn": known.arn(f"capacity-provider:{known.providers[0]}")}
            config = {"LambdaManagedInstancesCapacityProviderConfig": provider}
            plain = {**self._plain("managed"), "MemorySize": 2048, "CapacityProviderConfig": config}
            self._made("CreateFunction", plain)
        elif len(known.qualifiers["managed"]) < _MANAGED_VERSIONS:
            self._made("PublishVersion", {"FunctionName": "managed", "Description": str(chance.between(0, 99))})
        if not known.mappings and known.functions:
            mapping = {"FunctionName": chance.one_of(known.functions), "EventSourceArn": known.queue}
            self._made("CreateEventSourceMapping", mapping)

    def _plain(self, name: str) -> Parameters:
        code = {"ZipFile": self._chance.one_of(ZIPS)}
        how = {"Runtime": "python3.13", "Handler": "handler.handler"}
        return {"FunctionName": name, "Role": self._known.role, "Code": code, **how}

    def _made(self, name: str, parameters: Parameters) -> None:
        operation = self._operations[name]
        message = message_of(operation, parameters)
        self._check(name, "valid", message, self._send(message), Expected.ANSWERED)

    def _valid(self) -> None:
        operation = self._operations[self._chance.one_of(self._turns)]
        parameters = Values(operation, self._known, self._chance).parameters()
        kind, message = "valid", message_of(operation, parameters)
        if self._chance.happens(_HOSTILE):
            ways = [
                each for each in breaks(operation.input_shape, parameters, self._chance) if _is_answered(each.expected)
            ]
            if ways:
                way = self._chance.one_of(ways)
                kind, message = f"{way.kind} at {way.path}", message_of(operation, way.applied(parameters))
            else:
                kind, message, _ = broken_message(message, self._chance)
        answer = self._send(message)
        self._check(operation.name, kind, message, answer, Expected.ANSWERED)
        if kind == "valid" and 200 <= answer.status < 300:
            self._result.reached[operation.name] += 1

    def _broken(self) -> str:
        """Send one broken request and return what it was."""
        while True:
            operation = self._operations[self._chance.one_of(self._turns)]
            parameters = Values(operation, self._known, self._chance).parameters()
            made = self._one_broken(operation, parameters)
            if made is not None:
                break
        kind, message, expected = made
        answer = self._send(message)
        self._check(operation.name, kind, message, answer, expected)
        return f"{operation.name} {kind} {message} -> {answer.status}"

    def _one_broken(
        self,
        operation: Any,  # Any: botocore's OperationModel
        parameters: Parameters,
    ) -> tuple[str, Message, Expected] | None:
        if self._chance.happens(_BY_MESSAGE):
            kind, message, expected = broken_message(message_of(operation, parameters), self._chance)
            return None if _is_answered(expected) else (kind, message, expected)
        ways = [
            each for each in breaks(operation.input_shape, parameters, self._chance) if not _is_answered(each.expected)
        ]
        if not ways:
            return None
        way = self._chance.one_of(ways)
        return f"{way.kind} at {way.path}", message_of(operation, way.applied(parameters)), way.expected

    def _send(self, message: Message) -> Answer:
        answer = self._wire.send(message)
        self._result.sent += 1
        self._result.answers[str(answer.status)] += 1
        return answer

    def _check(self, name: str, kind: str, message: Message, answer: Answer, expected: Expected) -> None:
        if name not in self.offered:
            expected = Expected.REFUSED
        problem = self._problem(kind, answer, expected)
        if problem is not None:
            self._find(f"{problem}: {name}, {kind}", f"{message}\n    answered {answer}")

    def _problem(self, kind: str, answer: Answer, expected: Expected) -> str | None:
        if answer.status == 0:
            return "no answer"
        if answer.status >= 500 and (answer.status, answer.code) not in _NOT_RUN:
            return "a failure of the platform"
        if answer.status >= 400 and not self._has_shape(answer):
            return "no error of AWS's shape"
        if expected is not Expected.ANSWERED and not 400 <= answer.status < 500:
            return "not refused"
        if expected is Expected.UNREADABLE and answer.code not in {
            "SerializationException",
            "InvalidRequestContentException",
        }:
            return "not called unreadable"
        if expected is Expected.VIOLATION:
            return _told_otherwise(kind.partition(" at ")[2], answer)
        return None

    def _has_shape(self, answer: Answer) -> bool:
        # Some refusals of access are told with a message of null, as seen on AWS.
        is_told = answer.message is not None or (answer.code, answer.document) == (_DENIED, {"message": None})
        return is_told and answer.code in self._errors

    def _find(self, about: str, detail: str) -> None:
        self._result.findings.setdefault(about, []).append(Finding(about, self._result.sent, detail))


def _is_answered(expected: Expected) -> bool:
    return expected is Expected.ANSWERED


def _told_otherwise(path: str, answer: Answer) -> str | None:
    """Return what is wrong with the answer to a violated constraint, which names the place of it."""
    message = answer.message or ""
    if path == "runtime" or path.startswith("compatibleRuntimes"):
        return None  # Lambda itself refuses these, in words of its own
    if answer.code != "ValidationException" or " failed to satisfy constraint: " not in message:
        return "not told which constraint"
    return None if f"at '{path}' failed" in message else "told at another place"


def _offered(platform: LocalPlatform) -> set[str]:
    async def names(running: Any) -> set[str]:  # Any: the platform
        return set(running.registry.service("lambda").operations())

    return platform.on_loop(names)


def _prepared(platform: LocalPlatform, account: str) -> Known:
    """Make what requests refer to outside Lambda."""
    roles, ec2, queues = (platform.client(name, account=account) for name in ("iam", "ec2", "sqs"))
    made = roles.create_role(RoleName="generated", AssumeRolePolicyDocument=json.dumps(_TRUST))
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
    roles.put_role_policy(RoleName="generated", PolicyName="sqs", PolicyDocument=json.dumps(allowed))
    queues.create_queue(QueueName="generated", Attributes={"VisibilityTimeout": "300"})
    return Known(
        account,
        made["Role"]["Arn"],
        subnets=[each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]][:2],
        groups=[each["GroupId"] for each in ec2.describe_security_groups()["SecurityGroups"]][:1],
        queue=f"arn:aws:sqs:{REGION}:{account}:generated",
    )
