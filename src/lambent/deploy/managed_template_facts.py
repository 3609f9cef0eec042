"""What a template says of capacity providers and of functions on them, as the rules of Managed Instances judge it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-capacityprovider.html and
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-capacityprovider.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from lambent.deploy.document import resources_of
from lambent.manifest.checks.managed_facts import DEFAULT_ARCHITECTURE, FunctionFacts, Policy, ProviderFacts
from lambent.template.document import Value

_SERVERLESS: Final = "AWS::Serverless::"
_DEFAULT_MEMORY_MB, _DEFAULT_TIMEOUT_S = 128, 3
_DEFAULT_VISIBILITY_S: Final = 30
_CPU: Final = "LambdaCapacityProviderAverageCPUUtilization"


class Template:
    """A template's resources, with its parameters' defaults put in where nothing else is asked of CloudFormation."""

    def __init__(self, document: Mapping[str, Value]) -> None:
        self._document = document
        self._resources = dict(resources_of(document))
        declared = _mapping(document.get("Parameters"))
        self._usual = {name: _mapping(one).get("Default") for name, one in declared.items()}

    def resource(self, name: str, *types: str) -> dict[str, Value] | None:
        """Return the properties of a resource where it is of one of these types; SAM's with its Globals."""
        one = self._resources.get(name, {})
        if one.get("Type") not in types:
            return None
        kind = str(one["Type"]).removeprefix(_SERVERLESS)
        usual = _mapping(_mapping(self._document.get("Globals")).get(kind)) if one["Type"] != kind else {}
        return {**usual, **_mapping(one.get("Properties"))}

    def plain(self, value: Value) -> Value:
        """Return a value, None where CloudFormation alone knows it; parameters are their defaults."""
        match value:
            case {"Ref": str(name)} if name in self._usual:
                return self._usual[name]
            case {"Fn::Sub": str(text)} if "${" not in text.replace("${AWS::Partition}", ""):
                return text.replace("${AWS::Partition}", "aws")
            case dict() if any(name == "Ref" or name.startswith("Fn::") for name in value):
                return None
            case _:
                return value

    def text(self, value: Value) -> str | None:
        """Return a text, None for everything else."""
        plain = self.plain(value)
        return plain if isinstance(plain, str) else None

    def number(self, value: Value) -> float | None:
        """Return a number, which templates may write as text; None for everything else."""
        plain = self.plain(value)
        try:
            number = float(plain) if isinstance(plain, int | float | str) and not isinstance(plain, bool) else None
        except ValueError:
            return None
        return int(number) if number is not None and number.is_integer() else number

    def listed(self, value: Value) -> list[Value] | None:
        """Return a list, () for none; None where CloudFormation alone knows it. Text is a list with commas."""
        plain = self.plain(value)
        if value is None:
            return []
        if isinstance(plain, str):
            return [one.strip() for one in plain.split(",")]
        return list(plain) if isinstance(plain, list) else None

    def texts(self, value: Value) -> tuple[str, ...]:
        """Return the texts of a list as far as they are known."""
        return tuple(one for one in map(self.text, self.listed(value) or ()) if one is not None)

    def target(self, value: Value) -> str | None:
        """Return the resource that a value refers to."""
        match value:
            case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]} if name in self._resources:
                return name
            case _:
                return None

    def operator_role(self, provider: str) -> tuple[str, Mapping[str, Value] | None]:
        """Return the role of the template that a capacity provider is run with, and its properties."""
        said = self.resource(provider, "AWS::Lambda::CapacityProvider", "AWS::Serverless::CapacityProvider") or {}
        permissions = _mapping(said.get("PermissionsConfig"))
        name = self.target(permissions.get("CapacityProviderOperatorRoleArn", said.get("OperatorRole"))) or ""
        return name, self.resource(name, "AWS::IAM::Role")

    def has_policies_of_others(self, role: str) -> bool:
        """Return whether a policy of the template is attached to a role from the policy's side."""
        kinds = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy")
        others = (self.resource(name, *kinds) or {} for name in self._resources)
        named = (one for said in others for one in (*(self.listed(said.get("Roles")) or ()), said.get("RoleName")))
        return any(self.target(one) == role for one in named)

    def is_unpublished(self, function: str) -> bool:
        """Return whether a function says that it is not published, and no version of the template is of it."""
        said = self.resource(function, "AWS::Lambda::Function") or {}
        if str(self.plain(said.get("PublishToLatestPublished"))).lower() != "false":
            return False
        return not any(True for _ in self._of(function, "FunctionName", "AWS::Lambda::Version"))

    def visibilities_s(self, function: str) -> Iterator[tuple[str, float]]:
        """Yield each queue of the template that a function reads, with how long it hides messages."""
        for mapping in self._of(function, "FunctionName", "AWS::Lambda::EventSourceMapping"):
            queue = self.target(mapping.get("EventSourceArn")) or ""
            said = self.resource(queue, "AWS::SQS::Queue")
            hidden = None if said is None else self.number(said.get("VisibilityTimeout", _DEFAULT_VISIBILITY_S))
            if hidden is not None:
                yield queue, hidden

    def leads_to_latest(self, function: str) -> bool:
        """Return whether an alias of the template leads to what of a function is not published."""
        aliases = self._of(function, "FunctionName", "AWS::Lambda::Alias")
        return any(self.text(one.get("FunctionVersion")) == "$LATEST" for one in aliases)

    def _of(self, function: str, member: str, *types: str) -> Iterator[Mapping[str, Value]]:
        for name in self._resources:
            said = self.resource(name, *types)
            if said is not None and self.target(said.get(member)) == function:
                yield said

    def keeps_provisioned(self, function: str) -> bool:
        """Return whether a version or an alias of a function has provisioned concurrency."""
        kinds = ("AWS::Lambda::Version", "AWS::Lambda::Alias")
        return any("ProvisionedConcurrencyConfig" in one for one in self._of(function, "FunctionName", *kinds))

    def waits_for(self, function: str) -> str:
        """Return who waits for a function's answer for 900 seconds at most, "" for nobody that the template says."""
        if any(True for _ in self._of(function, "TargetFunctionArn", "AWS::Lambda::Url")):
            return "a call of its URL"
        for mapping in self._of(function, "FunctionName", "AWS::Lambda::EventSourceMapping"):
            if "DocumentDBEventSourceConfig" in mapping:
                return "an event source mapping of DocumentDB"
            if ":mq:" in str(self.text(mapping.get("EventSourceArn"))) or "Queues" in mapping:
                return "an event source mapping of Amazon MQ"
        return ""


def provider_facts(template: Template, name: str) -> ProviderFacts | None:
    """Return what is said of a capacity provider; None for another resource."""
    said = template.resource(name, "AWS::Lambda::CapacityProvider", "AWS::Serverless::CapacityProvider")
    if said is None:
        return None
    network, wanted = _mapping(said.get("VpcConfig")), _mapping(said.get("InstanceRequirements"))
    scaling = _mapping(said.get("CapacityProviderScalingConfig", said.get("ScalingConfig")))
    logging = _mapping(_mapping(said.get("TelemetryConfig")).get("LoggingConfig"))
    policies = _policies(template, scaling)
    mode = template.text(scaling.get("ScalingMode"))
    if "AverageCPUUtilization" in scaling:
        mode = "Manual"
    subnets, groups = template.listed(network.get("SubnetIds")), template.listed(network.get("SecurityGroupIds"))
    permissions = _mapping(said.get("PermissionsConfig"))
    propagated = _mapping(said.get("PropagateTags"))
    return ProviderFacts(
        name=template.text(said.get("CapacityProviderName")),
        subnets=None if subnets is None else tuple(template.text(one) for one in subnets),
        security_groups=None if groups is None else tuple(template.text(one) for one in groups),
        operator_role=template.text(permissions.get("CapacityProviderOperatorRoleArn")),
        architectures=tuple(template.text(one) for one in template.listed(wanted.get("Architectures")) or ()),
        allowed=template.texts(wanted.get("AllowedInstanceTypes", wanted.get("AllowedTypes"))),
        excluded=template.texts(wanted.get("ExcludedInstanceTypes", wanted.get("ExcludedTypes"))),
        scaling=mode,
        policies=policies,
        max_vcpus=template.number(scaling.get("MaxVCpuCount")),
        kms_key=template.text(said.get("KmsKeyArn")),
        log_level=template.text(logging.get("SystemLogLevel")),
        log_group=template.text(logging.get("LogGroup")),
        propagation=template.text(propagated.get("Mode")),
        propagated=_tags(template, propagated.get("ExplicitTags")),
        tags=_tags(template, said.get("Tags")),
    )


def function_facts(template: Template, name: str) -> tuple[FunctionFacts, str] | None:
    """Return what is said of a function on a capacity provider, and which one of the template that is ("": another)."""
    said = template.resource(name, "AWS::Lambda::Function", "AWS::Serverless::Function")
    config = _mapping((said or {}).get("CapacityProviderConfig"))
    if said is None or not config:
        return None
    managed = _mapping(config.get("LambdaManagedInstancesCapacityProviderConfig")) or config
    provider = managed.get("CapacityProviderArn", managed.get("Arn"))
    scaling = _mapping(said.get("FunctionScalingConfig"))
    architectures = template.listed(said.get("Architectures"))
    architecture = template.text((architectures or [None])[0]) if architectures != [] else DEFAULT_ARCHITECTURE
    facts = FunctionFacts(
        memory_mb=template.number(said.get("MemorySize", _DEFAULT_MEMORY_MB)),
        runtime=template.text(said.get("Runtime")),
        provider=template.text(provider),
        architecture=architecture,
        timeout_s=template.number(said.get("Timeout", _DEFAULT_TIMEOUT_S)),
        waits_for=template.waits_for(name),
        logs_text=template.text(_mapping(said.get("LoggingConfig")).get("LogFormat")) == "Text",
        forbidden=tuple(_forbidden(template, name, said)),
        ratio=template.number(managed.get("ExecutionEnvironmentMemoryGiBPerVCpu")),
        max_concurrency=template.number(managed.get("PerExecutionEnvironmentMaxConcurrency")),
        least=template.number(scaling.get("MinExecutionEnvironments")),
        most=template.number(scaling.get("MaxExecutionEnvironments")),
    )
    return facts, template.target(provider) or ""


def _forbidden(template: Template, name: str, said: Mapping[str, Value]) -> Iterator[str]:
    if template.text(_mapping(said.get("SnapStart")).get("ApplyOn")) == "PublishedVersions":
        yield "snap_start"
    if "ProvisionedConcurrencyConfig" in said or template.keeps_provisioned(name):
        yield "provisioned_concurrency"
    if _mapping(said.get("VpcConfig")).get("SubnetIds"):
        yield "vpc"
    if said.get("ReservedConcurrentExecutions") is not None:
        yield "reserved_concurrency"
    if said.get("FileSystemConfigs"):
        yield "file_systems"


def _policies(template: Template, scaling: Mapping[str, Value]) -> tuple[Policy, ...] | None:
    if "AverageCPUUtilization" in scaling:
        return (Policy(_CPU, template.number(scaling["AverageCPUUtilization"])),)
    listed = template.listed(scaling.get("ScalingPolicies"))
    if listed is None:
        return None
    members = [_mapping(one) for one in listed]
    return tuple(
        Policy(template.text(one.get("PredefinedMetricType")), template.number(one.get("TargetValue")))
        for one in members
    )


def _tags(template: Template, value: Value) -> tuple[str, ...]:
    if isinstance(value, dict):
        return tuple(value)
    keys = (template.text(_mapping(one).get("Key")) for one in template.listed(value) or ())
    return tuple(one for one in keys if one is not None)


def _mapping(value: Value) -> Mapping[str, Value]:
    return value if isinstance(value, dict) else {}
