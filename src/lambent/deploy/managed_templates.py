"""Templates judged by the rules of Managed Instances: CloudFormation's and SAM's resources, in the words of both."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lambent.base.diagnostics import Diagnostic, Severity, SourceSpan
from lambent.deploy.document import resources_of
from lambent.deploy.managed_template_facts import Template, function_facts, provider_facts
from lambent.manifest.checks.managed import all_findings, architecture_findings, function_findings
from lambent.manifest.checks.managed_facts import FunctionFacts, ProviderFacts
from lambent.manifest.checks.permissions import (
    OPERATOR_POLICY,
    OPERATOR_PROBLEM,
    OPERATOR_SERVICE,
    managed_policy_problem,
)
from lambent.manifest.checks.rules import RULES
from lambent.template.document import Value

# What templates call what manifests have a key for; a capacity provider's VPC is that of its subnets.
_CALLED: Final[Mapping[str, str]] = {
    "name": "CapacityProviderName", "subnets": "SubnetIds", "security_groups": "SecurityGroupIds", "vpc": "",
    "operator_role": "CapacityProviderOperatorRoleArn", "architecture": "Architectures",
    "instance_types": "AllowedInstanceTypes", "excluded_instance_types": "ExcludedInstanceTypes",
    "scaling": "ScalingMode", "target_cpu": "ScalingPolicies", "max_vcpus": "MaxVCpuCount", "kms_key": "KmsKeyArn",
    "level": "SystemLogLevel", "group": "LogGroup", "propagate_tags": "PropagateTags", "tags": "Tags",
    "memory": "MemorySize", "runtime": "Runtime", "timeout": "Timeout", "format": "LogFormat", "json": "JSON",
    "provider": "CapacityProviderArn", "memory_per_vcpu": "ExecutionEnvironmentMemoryGiBPerVCpu",
    "max_concurrency": "PerExecutionEnvironmentMaxConcurrency", "min_environments": "MinExecutionEnvironments",
    "max_environments": "MaxExecutionEnvironments", "capacity_provider": "CapacityProviderConfig",
    "snap_start": "SnapStart", "provisioned_concurrency": "ProvisionedConcurrencyConfig",
    "file_systems": "FileSystemConfigs", "reserved_concurrency": "ReservedConcurrentExecutions",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TemplatePlace:
    """A resource of a template, where its properties are found by their names."""

    name: str
    text: str
    file: Path
    is_function: bool = False

    def found(self, rule: str, message: str, advice: str, *inside: str | int, key: bool = False) -> Diagnostic:
        """Return a finding at a property, or at the resource where it does not have it."""
        del key  # properties are found by their names either way
        name = next((self.called(one) for one in reversed(inside) if isinstance(one, str)), "")
        line = self._line(name)
        found = RULES[rule].found(message, SourceSpan(str(self.file), line, 1, line, 1), advice)
        # CloudFormation deploys a template of one zone as it is written; a manifest asks Lambent for more.
        return replace(found, severity=Severity.WARNING) if rule == "provider-zones" else found

    def called(self, *inside: str) -> str:
        """Return the property that is meant."""
        if self.is_function and inside[-1] == "vpc":
            return "VpcConfig"
        return _CALLED.get(inside[-1], inside[-1])

    def _line(self, name: str) -> int:
        start = re.search(rf"^([ \t]*)[\"']?{re.escape(self.name)}[\"']?[ \t]*:", self.text, re.MULTILINE)
        if start is None:
            return 1
        end = re.search(rf"^[ \t]{{0,{len(start[1])}}}[^\s#]", self.text[start.end() :], re.MULTILINE)
        until = len(self.text) if end is None else start.end() + end.start()
        inner = (
            re.search(rf"[\"']?\b{re.escape(name)}\b[\"']?[ \t]*:", self.text[start.end() : until]) if name else None
        )
        at = start.start() if inner is None else start.end() + inner.start()
        return self.text.count("\n", 0, at) + 1


def managed_findings(document: Mapping[str, Value], text: str, file: Path) -> Iterator[Diagnostic]:
    """Yield what the rules of Managed Instances find in a template, as far as it says it itself."""
    template = Template(document)
    providers: dict[str, ProviderFacts] = {}
    users: dict[str, list[FunctionFacts]] = {}
    for name, _ in resources_of(document):
        if (provider := provider_facts(template, name)) is not None:
            providers[name] = provider
            yield from _operator_role(template, name, TemplatePlace(name, text, file))
    for name, _ in resources_of(document):
        found = function_facts(template, name)
        if found is None:
            continue
        function, on = found
        place = TemplatePlace(name, text, file, is_function=True)
        yield from function_findings(function, place)
        if on in providers:
            users.setdefault(on, []).append(function)
            yield from architecture_findings(function, providers[on], place)
        yield from _around(template, name, function, place)
    for name, provider in providers.items():
        yield from all_findings(provider, users.get(name, []), TemplatePlace(name, text, file))


def _around(template: Template, name: str, function: FunctionFacts, place: TemplatePlace) -> Iterator[Diagnostic]:
    """Yield what other resources of a template ask of a function, and it cannot give."""
    if template.is_unpublished(name):
        message = "nothing publishes this function, and what is not published does not run"
        advice = "Take `PublishToLatestPublished: false` out, or add an AWS::Lambda::Version of it."
        yield place.found("managed-unpublished", message, advice, "PublishToLatestPublished")
    if template.leads_to_latest(name):
        message = "an alias of this function leads to $LATEST, which is not published and does not run"
        advice = "Let it lead to a version, or to $LATEST.PUBLISHED."
        yield place.found("managed-unpublished", message, advice)
    for queue, hidden_s in template.visibilities_s(name):
        timeout_s = function.timeout_s or 0
        if hidden_s < timeout_s:
            message = f"Queue visibility timeout: {hidden_s} seconds is less than Function timeout: {timeout_s} seconds"
            advice = f"Write {timeout_s} s at least; AWS advises {6 * timeout_s} s."
            yield replace(place, name=queue).found("queue-visibility", message, advice, "VisibilityTimeout")


def _operator_role(template: Template, provider: str, place: TemplatePlace) -> Iterator[Diagnostic]:
    name, role = template.operator_role(provider)
    if role is None:
        return
    there = replace(place, name=name)
    rule = "provider-operator-role"
    policies = template.listed(role.get("ManagedPolicyArns"))
    texts = [template.text(one) for one in policies or ()]
    for one in texts:
        problem = None if one is None else managed_policy_problem(one)
        if problem is not None and "AWSLambda" in str(one):
            yield there.found("managed-policy", *problem, "ManagedPolicyArns")
            return
    if OPERATOR_SERVICE not in str(role.get("AssumeRolePolicyDocument", OPERATOR_SERVICE)):
        message = "Lambda cannot assume the operator role: its trust policy does not name Lambda"
        advice = f"Let {OPERATOR_SERVICE} assume it."
        yield there.found(rule, message, advice, "AssumeRolePolicyDocument")
    is_known = policies is not None and None not in texts
    has_it = any(str(one).rpartition("/")[2] == OPERATOR_POLICY for one in texts)
    if is_known and not has_it and not role.get("Policies") and not template.has_policies_of_others(name):
        advice = f"Give it arn:aws:iam::aws:policy/{OPERATOR_POLICY}."
        yield there.found(rule, OPERATOR_PROBLEM, advice, "ManagedPolicyArns")
