"""Capacity providers, where Lambda Managed Instances run."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.compiler.errors import CompileError
from lambent.compiler.intrinsics import Value, concatenate, resource_att
from lambent.compiler.names import logical_id, physical_name
from lambent.compiler.resources.policies import assumable_by
from lambent.compiler.resources.scope import Emitted, Scope, resource, said
from lambent.compiler.result import NetworkWanted, ProviderNetwork
from lambent.manifest.system import CapacityProvider

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-operator-role.html
OPERATOR_POLICY = "arn:${AWS::Partition}:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator"
DEFAULT_VPC = "default"
# Nobody connects to an instance; functions and their logs leave through the provider's network.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-networking.html
_OUTBOUND = {
    "IpProtocol": "-1",
    "CidrIp": "0.0.0.0/0",
    "Description": "Allow all outbound traffic for Lambda service communication",
}


def capacity_providers(scope: Scope) -> Iterator[Emitted]:
    """Yield the manifest's capacity providers, each with its operator role and security group where none is given."""
    for key, provider in scope.system.capacity_providers.items():
        yield from _with_its_own(scope, key, provider)


def network_wanted(provider: CapacityProvider) -> NetworkWanted | None:
    """Return what has to be looked up for a capacity provider, None where the manifest says everything.

    Subnets that are references are known to CloudFormation alone; what is wanted of them is refused by the compiler.
    """
    literals = tuple(one.literal for one in provider.subnets)
    known = tuple(one for one in literals if one is not None)
    if not provider.subnets:
        return NetworkWanted(provider.vpc) if provider.vpc is not None else None
    needs_vpc = provider.security_groups is None and not _names_its_vpc(provider)
    return NetworkWanted(provider.vpc, known) if needs_vpc and len(known) == len(literals) else None


def _with_its_own(scope: Scope, key: str, provider: CapacityProvider) -> Iterator[Emitted]:
    if provider.operator_role is None:
        properties = {
            "AssumeRolePolicyDocument": assumable_by(["lambda.amazonaws.com"]),
            "ManagedPolicyArns": [concatenate({"Fn::Sub": OPERATOR_POLICY})],
            "Tags": scope.tags(provider.tags),
        }
        yield logical_id(key, "CapacityProviderRole"), resource("AWS::IAM::Role", properties)
    if provider.security_groups is None:
        yield logical_id(key, "CapacityProviderSecurityGroup"), _security_group(scope, key, provider)
    yield logical_id(key, "CapacityProvider"), _provider(scope, key, provider)


def _security_group(scope: Scope, key: str, provider: CapacityProvider) -> Value:
    name = concatenate(physical_name(scope.system.stack, key), "-managed-instances")
    tags = scope.tags(provider.tags) or []
    properties = {
        "GroupDescription": "Security group for Lambda Managed Instances",
        "VpcId": _vpc(scope, key, provider),
        "SecurityGroupEgress": [_OUTBOUND],
        "Tags": tags if "Name" in provider.tags else [{"Key": "Name", "Value": name}, *tags],
    }
    return resource("AWS::EC2::SecurityGroup", properties)


def _vpc(scope: Scope, key: str, provider: CapacityProvider) -> Value:
    if _names_its_vpc(provider):
        return provider.vpc
    if key not in scope.networks and network_wanted(provider) is None:
        message = f"capacity_providers.{key}: the VPC of its subnets is not known before they are there"
        advice = "Name it beside them (`vpc: vpc-…`), or give `security_groups`."
        raise CompileError(message, advice=advice, path=("capacity_providers", key, "subnets"))
    return _network(scope, key).vpc


def _names_its_vpc(provider: CapacityProvider) -> bool:
    return provider.vpc is not None and provider.vpc != DEFAULT_VPC


def _network(scope: Scope, key: str) -> ProviderNetwork:
    if key not in scope.networks:
        message = f"capacity_providers.{key}: its network has not been looked up"
        advice = "Plan or deploy the system: what stands in a VPC is looked up at the target."
        raise CompileError(message, advice=advice, path=("capacity_providers", key, "vpc"))
    return scope.networks[key]


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
            "SubnetIds": scope.references.values(provider.subnets) or list(_network(scope, key).subnets),
            "SecurityGroupIds": _security_groups(scope, key, provider),
        },
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": role},
        "InstanceRequirements": requirements or None,
        "CapacityProviderScalingConfig": _scaling(provider),
        "KmsKeyArn": scope.value(provider.kms_key),
        "PropagateTags": _propagated(scope, provider),
        "TelemetryConfig": _telemetry(scope, provider),
        "Tags": scope.tags(provider.tags),
    }
    return resource("AWS::Lambda::CapacityProvider", properties)


def _security_groups(scope: Scope, key: str, provider: CapacityProvider) -> Value:
    if provider.security_groups is None:
        return [resource_att(key, "CapacityProviderSecurityGroup", "GroupId")]
    return scope.references.values(provider.security_groups)


def _propagated(scope: Scope, provider: CapacityProvider) -> Value:
    tags = scope.tags(provider.propagate_tags)
    return None if tags is None else {"Mode": "Explicit", "ExplicitTags": tags}


def _telemetry(scope: Scope, provider: CapacityProvider) -> Value:
    logs = provider.logs
    if logs is None:
        return None
    logging = said({"SystemLogLevel": logs.level, "LogGroup": scope.value(logs.group)})
    return {"LoggingConfig": logging} if logging else None


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
