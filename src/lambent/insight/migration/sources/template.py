"""A function of a CloudFormation or SAM template, read as it stands, parameters by their defaults or as given.

What is only known in a stack stays a reference, as `${Queue.Arn}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lambent.base.diagnostics import SourceSpan
from lambent.insight.migration.candidate import (
    Alias,
    Candidate,
    CapacityUse,
    CodePlace,
    Network,
    PermissionUse,
    Source,
    SourceKind,
    TriggerUse,
)
from lambent.insight.migration.sources.choosing import SourceUnreadableError, choose
from lambent.template.codec import parse
from lambent.template.document import Parameter, Resource, Template, TemplateError, read_template
from lambent.template.intrinsics import Environment, evaluate

FUNCTIONS = ("AWS::Lambda::Function", "AWS::Serverless::Function")
_SAM = "AWS::Serverless::Function"
Value = Any  # Any: a property, JSON-shaped
_EVENTS = {
    "SQS": "sqs", "Kinesis": "stream", "DynamoDB": "stream", "S3": "s3", "SNS": "sns", "Schedule": "schedule",
    "ScheduleV2": "schedule", "EventBridgeRule": "event", "CloudWatchEvent": "event", "Api": "api", "HttpApi": "api",
    "MSK": "kafka", "SelfManagedKafka": "kafka",
}  # fmt: skip


class _Named:
    """Resources that stand for themselves: what a stack would know is told by name."""

    def __init__(self, template: Template) -> None:
        self._template = template

    def __contains__(self, logical_id: object, /) -> bool:
        return logical_id in self._template.resources

    def ref(self, logical_id: str) -> str:
        """Return the resource's name, as a reference."""
        return f"${{{logical_id}}}"

    def attribute(self, logical_id: str, name: str) -> str:
        """Return the attribute's name, as a reference."""
        return f"${{{logical_id}.{name}}}"


def of_template(text: str, file: str, wanted: str, base: Path, given: Mapping[str, str]) -> Candidate:
    """Return the function that is called `wanted`, by its logical id or its name.

    Raises SourceUnreadableError where the text is no template, FunctionChoiceError where it has no such function.
    """
    try:
        document = parse(text, allow_aliases=True)
        template = read_template(document)
    except TemplateError as error:
        raise SourceUnreadableError(f"{file}: {error}") from error
    reader = _Reader(template, document, given)
    functions = {name: one for name, one in template.resources.items() if one.type in FUNCTIONS}
    names = {name: [str(found)] for name in functions if (found := reader.of(name).get("FunctionName"))}
    resource = choose(wanted, functions, names, file)
    return _candidate(reader, resource, file, base, _line(text, resource.logical_id, file))


class _Reader:
    """Reads properties with what the template's parameters say."""

    def __init__(self, template: Template, document: Mapping[str, Value], given: Mapping[str, str]) -> None:
        self.template = template
        self.globals = (document.get("Globals") or {}).get("Function") or {}
        values = {name: _value(one, given) for name, one in template.parameters.items()}
        self._environment = Environment(
            parameters={
                "AWS::Region": "${AWS::Region}", "AWS::AccountId": "${AWS::AccountId}", "AWS::Partition": "aws",
                "AWS::StackName": "${AWS::StackName}", "AWS::URLSuffix": "amazonaws.com",
                "AWS::StackId": "${AWS::StackId}",
                **values,
            },
            mappings=template.mappings,
            conditions=template.conditions,
            resources=_Named(template),
            export=lambda name: f"${{imported {name}}}",
        )  # fmt: skip

    def of(self, logical_id: str) -> Mapping[str, Value]:
        """Return a resource's properties; one that cannot be evaluated is left out."""
        resource = self.template.resources[logical_id]
        own = resource.properties
        if resource.type == _SAM:
            own = {**self.globals, **own, **_both(self.globals, own)}
        found = {}
        for name, value in own.items():
            try:
                found[name] = evaluate(value, self._environment)
            except TemplateError:
                continue
        return {name: value for name, value in found.items() if value is not None}

    def all_of(self, kind: str) -> Iterator[Mapping[str, Value]]:
        """Yield the properties of all resources of a type."""
        for name, one in self.template.resources.items():
            if one.type == kind:
                yield self.of(name)


def _both(usual: Mapping[str, Value], own: Mapping[str, Value]) -> dict[str, Value]:
    """Return what SAM puts together of the globals and a function: environment variables by name, lists in order."""
    found: dict[str, Value] = {}
    if "Environment" in usual and "Environment" in own:
        first, then = (one["Environment"].get("Variables") or {} for one in (usual, own))
        found["Environment"] = {"Variables": {**first, **then}}
    if isinstance(usual.get("Layers"), list) and isinstance(own.get("Layers"), list):
        found["Layers"] = [*usual["Layers"], *own["Layers"]]
    return found


def _value(parameter: Parameter, given: Mapping[str, str]) -> Value:
    text = given.get(parameter.name, parameter.default)
    if text is None:
        text = f"${{{parameter.name}}}"
    return str(text).split(",") if parameter.is_list else text


def _candidate(reader: _Reader, resource: Resource, file: str, base: Path, place: SourceSpan | None) -> Candidate:
    given = reader.of(resource.logical_id)
    logging = given.get("LoggingConfig") or {}
    name = str(given.get("FunctionName") or resource.logical_id)
    uses = _Uses(reader, resource.logical_id, given)
    vpc = given.get("VpcConfig") or {}
    fields = (
        "runtime",
        "memory_mb",
        "snap_start",
        "vpc",
        "log_format",
        "provisioned_concurrency",
        "reserved_concurrency",
    )
    return Candidate(
        name=name,
        source=Source(SourceKind.TEMPLATE, file, resource.logical_id),
        runtime=given.get("Runtime"),
        handler=given.get("Handler"),
        code=_code(given, base),
        inline=str(given.get("InlineCode") or _mapping(given.get("Code")).get("ZipFile") or ""),
        image=str(given.get("ImageUri") or _mapping(given.get("Code")).get("ImageUri") or ""),
        architecture=next(iter(given.get("Architectures") or ()), "x86_64"),
        memory_mb=_number(given.get("MemorySize"), 128),
        timeout_s=_number(given.get("Timeout"), 3),
        ephemeral_storage_mb=_number(_mapping(given.get("EphemeralStorage")).get("Size"), 512),
        environment={
            key: str(value) for key, value in _mapping(_mapping(given.get("Environment")).get("Variables")).items()
        },
        layers=tuple(str(one) for one in given.get("Layers") or ()),
        role=str(given.get("Role") or ""),
        description=str(given.get("Description") or ""),
        log_format=str(logging.get("LogFormat") or "Text"),
        log_level=str(logging.get("ApplicationLogLevel") or ""),
        log_group=str(logging.get("LogGroup") or ""),
        tracing="active"
        if "Active" in (given.get("Tracing"), _mapping(given.get("TracingConfig")).get("Mode"))
        else "",
        kms_key=str(given.get("KmsKeyArn") or ""),
        dead_letter=str(_mapping(given.get("DeadLetterConfig") or given.get("DeadLetterQueue")).get("TargetArn") or ""),
        file_systems=tuple(str(_mapping(one).get("Arn")) for one in given.get("FileSystemConfigs") or ()),
        snap_start=_mapping(given.get("SnapStart")).get("ApplyOn") == "PublishedVersions",
        provisioned_concurrency=uses.provisioned(),
        reserved_concurrency=_maybe(given.get("ReservedConcurrentExecutions")),
        vpc=Network(tuple(vpc["SubnetIds"]), tuple(vpc.get("SecurityGroupIds") or ()))
        if vpc.get("SubnetIds")
        else None,
        durable=bool(given.get("DurableConfig")),
        tenancy=bool(given.get("TenancyConfig")),
        tags=_tags(given.get("Tags")),
        capacity=_capacity(given),
        aliases=tuple(uses.aliases()),
        triggers=tuple(uses.triggers()),
        permissions=tuple(uses.permissions()),
        places={} if place is None else dict.fromkeys(fields, place),
    )


def _line(text: str, logical_id: str, file: str) -> SourceSpan | None:
    """Return where a resource begins in the template's text."""
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(rf"\s*\"?({re.escape(logical_id)})\"?\s*:", line)
        if found:
            return SourceSpan(file, number, found.start(1) + 1, number, found.end(1) + 1)
    return None


def _mapping(value: Value) -> Mapping[str, Value]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Value, usual: int) -> int:
    found = _maybe(value)
    return usual if found is None else found


def _maybe(value: Value) -> int | None:
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdigit()) else None


def _tags(value: Value) -> dict[str, str]:
    if isinstance(value, list):
        return {str(one["Key"]): str(one["Value"]) for one in value if isinstance(one, Mapping) and "Key" in one}
    return {str(name): str(one) for name, one in _mapping(value).items()}


def _code(given: Mapping[str, Value], base: Path) -> CodePlace | None:
    """Return the folder or zip that the template names on this machine."""
    named = given.get("CodeUri", given.get("Code"))
    if not isinstance(named, str) or named.startswith(("s3:", "$", "https:")):
        return None
    path = base / named
    requirements = path / "requirements.txt"
    return CodePlace(path, requirements if requirements.is_file() else None)


def _capacity(given: Mapping[str, Value]) -> CapacityUse | None:
    config = _mapping(given.get("CapacityProviderConfig"))
    inner = _mapping(config.get("LambdaManagedInstancesCapacityProviderConfig")) or config
    provider = inner.get("CapacityProviderArn") or inner.get("Arn")
    scaling = _mapping(given.get("FunctionScalingConfig"))
    if not provider:
        return None
    return CapacityUse(
        str(provider),
        inner.get("ExecutionEnvironmentMemoryGiBPerVCpu"),
        inner.get("PerExecutionEnvironmentMaxConcurrency"),
        scaling.get("MinExecutionEnvironments"),
        scaling.get("MaxExecutionEnvironments"),
    )


class _Uses:
    """What the template has besides that belongs to one function."""

    def __init__(self, reader: _Reader, logical_id: str, given: Mapping[str, Value]) -> None:
        self._reader = reader
        self._given = given
        name = given.get("FunctionName")
        self._names = {f"${{{logical_id}}}", f"${{{logical_id}.Arn}}", *([name] if isinstance(name, str) else [])}

    def _of(self, kind: str, *names: str) -> Iterator[Mapping[str, Value]]:
        for one in self._reader.all_of(kind):
            if any(one.get(name) in self._names for name in names if isinstance(one.get(name), str)):
                yield one

    def aliases(self) -> Iterator[Alias]:
        if self._given.get("AutoPublishAlias"):
            yield Alias(str(self._given["AutoPublishAlias"]))
        for one in self._of("AWS::Lambda::Alias", "FunctionName"):
            yield Alias(str(one.get("Name")), str(one.get("FunctionVersion") or ""))

    def provisioned(self) -> int | None:
        kinds = ("AWS::Lambda::Alias", "AWS::Lambda::Version")
        configs = [self._given, *(one for kind in kinds for one in self._of(kind, "FunctionName"))]
        found = (
            _mapping(one.get("ProvisionedConcurrencyConfig")).get("ProvisionedConcurrentExecutions") for one in configs
        )
        return sum(_maybe(one) or 0 for one in found) or None

    def triggers(self) -> Iterator[TriggerUse]:
        for name, event in _mapping(self._given.get("Events")).items():
            properties = _mapping(event.get("Properties"))
            wanted = ("Queue", "Stream", "Bucket", "Topic", "Schedule", "ScheduleExpression", "EventBusName", "Path")
            source = next((str(properties[one]) for one in wanted if properties.get(one)), name)
            # What SAM calls the mapping or rule that it makes is not AWS's name of it.
            alias = str(self._given.get("AutoPublishAlias") or "")
            yield TriggerUse(_EVENTS.get(str(event.get("Type")), "other"), source, qualifier=alias)
        for one in self._of("AWS::Lambda::EventSourceMapping", "FunctionName"):
            source = str(one.get("EventSourceArn") or "")
            kinds = {"AWS::SQS::Queue": "sqs", "AWS::Kinesis::Stream": "stream", "AWS::DynamoDB::Table": "stream"}
            referred = self._reader.template.resources.get(source.strip("${}").partition(".")[0])
            yield TriggerUse("other" if referred is None else kinds.get(referred.type, "other"), source)
        for one in self._of("AWS::Lambda::Url", "TargetFunctionArn"):
            yield TriggerUse("url", f"auth {'none' if one.get('AuthType') == 'NONE' else 'iam'}")
        if self._given.get("FunctionUrlConfig"):
            kind = _mapping(self._given["FunctionUrlConfig"]).get("AuthType")
            yield TriggerUse("url", f"auth {'none' if kind == 'NONE' else 'iam'}")
        for one in self._reader.all_of("AWS::Events::Rule"):
            if any(_mapping(target).get("Arn") in self._names for target in one.get("Targets") or ()):
                yield TriggerUse("event", str(one.get("ScheduleExpression") or one.get("Name") or "rule"))
        for one in self._of("AWS::SNS::Subscription", "Endpoint"):
            yield TriggerUse("sns", str(one.get("TopicArn") or ""))
        for one in self._reader.all_of("AWS::Scheduler::Schedule"):
            if _mapping(one.get("Target")).get("Arn") in self._names:
                yield TriggerUse("schedule", str(one.get("ScheduleExpression") or ""), str(one.get("Name") or ""))

    def permissions(self) -> Iterator[PermissionUse]:
        for one in self._of("AWS::Lambda::Permission", "FunctionName"):
            yield PermissionUse("", str(one.get("Principal") or ""), str(one.get("SourceArn") or ""))
