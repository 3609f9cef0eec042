"""Capacity providers, where Lambda Managed Instances run."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.compiler.intrinsics import Value, concatenate, resource_att
from lambent.compiler.names import logical_id, physical_name
from lambent.compiler.resources.policies import assumable_by
from lambent.compiler.resources.scope import Emitted, Scope, resource, said
from lambent.manifest.system import CapacityProvider

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-operator-role.html
OPERATOR_POLICY = "arn:${AWS::Partition}:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator"


def capacity_providers(scope: Scope) -> Iterator[Emitted]:
    """Yield the capacity providers of the manifest, each with its operator role where none is given."""
    for key, provider in scope.system.capacity_providers.items():
        if provider.operator_role is None:
            properties = {
                "AssumeRolePolicyDocument": assumable_by(["lambda.amazonaws.com"]),
                "ManagedPolicyArns": [concatenate({"Fn::Sub": OPERATOR_POLICY})],
                "Tags": scope.tags(provider.tags),
            }
            yield logical_id(key, "CapacityProviderRole"), resource("AWS::IAM::Role", properties)
        yield logical_id(key, "CapacityProvider"), _provider(scope, key, provider)


def _provider(scope: Scope, key: str, provider: CapacityProvider) -> Value:
    role = scope.value(provider.operator_role) or resource_att(key, "CapacityProviderRole", "Arn")
    requirements = said(
        {
            "Architectures": [provider.architecture] if provider.architecture else None,
            "AllowedInstanceTypes": list(provider.instance_types) or None,
            "ExcludedInstanceTypes": list(provider.excluded_instance_types) or None,
        }
    )
    name = physical_name(scope.system.stack, key) if provider.name is None else scope.value(provider.name)
    properties = {
        "CapacityProviderName": name,
        "VpcConfig": {
            "SubnetIds": scope.references.values(provider.subnets),
            "SecurityGroupIds": scope.references.values(provider.security_groups),
        },
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": role},
        "InstanceRequirements": requirements or None,
        "CapacityProviderScalingConfig": _scaling(provider),
        "KmsKeyArn": scope.value(provider.kms_key),
        "Tags": scope.tags(provider.tags),
    }
    return resource("AWS::Lambda::CapacityProvider", properties)


def _scaling(provider: CapacityProvider) -> Value:
    policies = None
    if provider.target_cpu is not None:
        metric = "LambdaCapacityProviderAverageCPUUtilization"
        policies = [{"PredefinedMetricType": metric, "TargetValue": provider.target_cpu}]
    config = {
        "MaxVCpuCount": provider.max_vcpus,
        # A target of one's own is what Manual means; Auto refuses policies.
        "ScalingMode": provider.scaling or ("Manual" if policies else None),
        "ScalingPolicies": policies,
    }
    return said(config) or None
