"""New logical ids for versions whose function has changed.

CloudFormation publishes a version when a resource AWS::Lambda::Version is new, and Lambda publishes nothing (which
CloudFormation reports as a failure: "A version for this Lambda function exists") where nothing that a version freezes
has changed. So the digest covers just that: the function's frozen properties, and of what they refer to whatever makes
it another resource.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-version.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from lambent.compiler.intrinsics import SUB_TARGET, Value, targets
from lambent.compiler.result import VersionWanted

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
_NOT_FROZEN = frozenset({"FunctionScalingConfig", "PublishToLatestPublished", "ReservedConcurrentExecutions", "Tags"})
# The properties whose change replaces a resource, and with it what a reference to it gives. What is not here keeps its
# identity for good; any change of a layer makes another version of it.
_IDENTITY: Mapping[str, frozenset[str]] = {
    "AWS::IAM::Role": frozenset({"Path", "RoleName"}),
    "AWS::Lambda::Alias": frozenset({"FunctionName", "Name"}),
    "AWS::Lambda::CapacityProvider": frozenset({"CapacityProviderName"}),
    "AWS::Lambda::Function": frozenset({"FunctionName", "PackageType"}),
    "AWS::Lambda::LayerVersion": frozenset(
        {
            "CompatibleArchitectures",
            "CompatibleRuntimes",
            "Content",
            "Description",
            "LayerName",
            "LicenseInfo",
        }
    ),
    "AWS::Lambda::Url": frozenset({"Qualifier", "TargetFunctionArn"}),
    "AWS::Logs::LogGroup": frozenset({"LogGroupName"}),
}


def with_version_digests(
    template: Mapping[str, Value], versions: Sequence[VersionWanted], parameters: Mapping[str, str]
) -> dict[str, Value]:
    """Return `template`, its code places filled, with each version's logical id followed by its function's digest.

    `parameters` are the values of the template's parameters: a version is published when one that it uses changes.
    """
    resources = template["Resources"]
    names = {
        version.logical_id: version.logical_id + _Material(resources, parameters).digest(version.function_logical_id)
        for version in versions
    }
    resources = {
        names.get(logical_id, logical_id): _renamed(resource, names) for logical_id, resource in resources.items()
    }
    return {
        section: resources if section == "Resources" else _renamed(body, names) for section, body in template.items()
    }


class _Material:
    """What one version depends on, gathered from its function outwards."""

    def __init__(self, resources: Mapping[str, Value], parameters: Mapping[str, str]) -> None:
        self._resources = resources
        self._parameters = parameters
        self._seen: dict[str, Value] = {}

    def digest(self, function: str) -> str:
        """Return ten hexadecimal digits that are others when a version of `function` would be another."""
        frozen = self._frozen(function)
        self._follow(frozen)
        text = json.dumps([frozen, self._seen], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    def _frozen(self, function: str) -> dict[str, Value]:
        properties = self._resources[function]["Properties"]
        return {name: value for name, value in properties.items() if name not in _NOT_FROZEN}

    def _follow(self, value: Value) -> None:
        for target in targets(value):
            if target in self._seen:
                continue
            if target in self._parameters:
                self._seen[target] = self._parameters[target]
            elif target in self._resources:
                self._seen[target] = identity = self._identity(self._resources[target])
                self._follow(identity)

    def _identity(self, resource: Mapping[str, Value]) -> dict[str, Value]:
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Version":
            return self._frozen(properties["FunctionName"]["Ref"])
        names = _IDENTITY.get(resource["Type"], frozenset())
        return {name: value for name, value in properties.items() if name in names}


def _renamed(value: Value, names: Mapping[str, str]) -> Value:
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": str(target)}:
            return {"Ref": names.get(target, target)}
        case {"Fn::GetAtt": [str(target), attribute]}:
            return {"Fn::GetAtt": [names.get(target, target), attribute]}
        case {"Fn::Sub": str(text)}:
            return {"Fn::Sub": SUB_TARGET.sub(lambda found: f"${{{names.get(found[1], found[1])}", text)}
        case _:
            return {key: _renamed_item(key, item, names) for key, item in value.items()}


def _renamed_item(key: str, value: Value, names: Mapping[str, str]) -> Value:
    if key != "DependsOn":
        return _renamed(value, names)
    return names.get(value, value) if isinstance(value, str) else [names.get(item, item) for item in value]
