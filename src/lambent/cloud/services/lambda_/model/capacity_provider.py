"""A capacity provider as a value: what AWS keeps of it, its defaults, its states, and what it refuses.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-capacity-providers.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from lambent.aws.quotas import DEFAULT_PROVIDER_VCPUS
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.store.scope import Scope

Members = Mapping[str, Any]  # Any: a request's members, as the framework hands them over

_AUTO, _MANUAL = "Auto", "Manual"
_CPU_METRIC = "LambdaCapacityProviderAverageCPUUtilization"
# C, M and R from .large up; G and P carry the accelerators that a function may ask for.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-quotas.html
_INSTANCE_TYPE = re.compile(r"[cmrgp]\d+[a-z0-9-]*\.(large|(\d+)?xlarge|metal(-[a-z0-9]+)?)\Z")


class ProviderState(StrEnum):
    """Whether functions can be put on a capacity provider."""

    PENDING = "Pending"
    ACTIVE = "Active"
    FAILED = "Failed"
    DELETING = "Deleting"

    @property
    def is_settled(self) -> bool:
        """Whether nothing is under way."""
        return self in {ProviderState.ACTIVE, ProviderState.FAILED}


class ProviderEvent(StrEnum):
    """What can happen to a capacity provider."""

    PREPARED = "prepared"
    DELETED = "deleted"


class IllegalProviderMove(Exception):
    """The state machine was asked for a move it does not know."""


_MOVES = {
    (ProviderState.PENDING, ProviderEvent.PREPARED): ProviderState.ACTIVE,
    (ProviderState.PENDING, ProviderEvent.DELETED): ProviderState.DELETING,
    (ProviderState.ACTIVE, ProviderEvent.DELETED): ProviderState.DELETING,
    (ProviderState.FAILED, ProviderEvent.DELETED): ProviderState.DELETING,
}


def move(state: ProviderState, event: ProviderEvent) -> ProviderState:
    """Return the state after `event`; raises IllegalProviderMove if it cannot happen in this state."""
    target = _MOVES.get((state, event))
    if target is None:
        raise IllegalProviderMove(f"{event} in {state}")
    return target


@dataclass(frozen=True, slots=True)
class Scaling:
    """How a capacity provider scales: who chooses the targets, up to how many vCPUs; policies as AWS writes them."""

    max_vcpus: int = DEFAULT_PROVIDER_VCPUS
    mode: str = _AUTO
    policies: Sequence[Members] = ()

    def changed(self, asked: Members | None) -> Scaling:
        """Return the scaling after a request; what it leaves out stays. Raises InvalidParameterValueException."""
        if not asked:
            return self
        mode = asked.get("ScalingMode") or self.mode
        policies = asked.get("ScalingPolicies")
        if mode == _AUTO:
            if policies:
                raise _policies("can't be specified", _AUTO)
            policies = ()
        elif policies is None:
            policies = self.policies
        if mode == _MANUAL and not policies:
            raise _policies("must be specified", _MANUAL)
        return Scaling(asked.get("MaxVCpuCount") or self.max_vcpus, mode, tuple(dict(each) for each in policies))

    @property
    def target_cpu(self) -> float | None:
        """The share of their vCPUs, in percent, that its policies keep environments at; None where Lambda chooses."""
        targets = [each["TargetValue"] for each in self.policies if each["PredefinedMetricType"] == _CPU_METRIC]
        return float(targets[0]) if targets else None

    def shape(self) -> dict[str, Any]:  # Any: AWS's shape
        """Return the CapacityProviderScalingConfig as AWS shows it."""
        shape: dict[str, Any] = {"MaxVCpuCount": self.max_vcpus, "ScalingMode": self.mode}  # Any: as above
        if self.policies:
            shape["ScalingPolicies"] = [dict(each) for each in self.policies]
        return shape


@dataclass(frozen=True, slots=True)
class Place:
    """One of a capacity provider's subnets, and where it lies."""

    subnet_id: str
    zone: str
    vpc_id: str
    cidr: str


@dataclass(frozen=True, slots=True)
class CapacityProvider:
    """One capacity provider. `requirements`, `propagate_tags` and `telemetry` are in AWS's shape."""

    scope: Scope
    name: str
    state: ProviderState
    subnets: Sequence[str]
    security_groups: Sequence[str]
    operator_role: str
    requirements: Members
    scaling: Scaling
    last_modified: float
    kms_key_arn: str | None = None
    propagate_tags: Members | None = None
    telemetry: Members | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    places: Sequence[Place] = ()
    """Where its subnets lie, in their order; empty where it was made before that was kept."""
    default_group: str | None = None
    """The default security group of their VPC, which its instances are in where no other is given."""

    @property
    def propagated_tags(self) -> Mapping[str, str]:
        """The tags that its instances carry beside Lambda's own."""
        asked = self.propagate_tags or {}
        return dict(asked.get("ExplicitTags") or {}) if asked.get("Mode") == "Explicit" else {}

    @property
    def groups_in_effect(self) -> Sequence[str]:
        """The security groups that its instances are in."""
        return self.security_groups or ([] if self.default_group is None else [self.default_group])

    def located(self, places: Sequence[Place], default_group: str | None) -> CapacityProvider:
        """Return the capacity provider with where its subnets lie, and the default group there."""
        return replace(self, places=tuple(places), default_group=default_group)

    @property
    def arn(self) -> str:
        """The capacity provider's ARN."""
        return provider_arn(self.scope, self.name)

    @property
    def architecture(self) -> str:
        """The instruction set of its instances."""
        return str(self.requirements["Architectures"][0])

    def updated(self, asked: Members, now: float) -> CapacityProvider:
        """Return the capacity provider after UpdateCapacityProvider; raises InvalidParameterValueException."""
        propagated, telemetry = asked.get("PropagateTags"), asked.get("TelemetryConfig")
        check_propagated_tags(propagated)
        return replace(
            self,
            scaling=self.scaling.changed(asked.get("CapacityProviderScalingConfig")),
            propagate_tags=self.propagate_tags if propagated is None else dict(propagated),
            telemetry=self.telemetry if telemetry is None else dict(telemetry) or None,
            last_modified=now,
        )


def new_provider(scope: Scope, name: str, asked: Members, now: float) -> CapacityProvider:
    """Return the capacity provider that CreateCapacityProvider asks for, with AWS's defaults.

    Raises InvalidParameterValueException.
    """
    vpc = asked["VpcConfig"]
    check_propagated_tags(asked.get("PropagateTags"))
    return CapacityProvider(
        scope=scope,
        name=name,
        state=ProviderState.PENDING,
        subnets=tuple(vpc["SubnetIds"]),
        security_groups=tuple(vpc["SecurityGroupIds"]),
        operator_role=asked["PermissionsConfig"]["CapacityProviderOperatorRoleArn"],
        requirements=_requirements(asked.get("InstanceRequirements") or {}),
        scaling=Scaling().changed(asked.get("CapacityProviderScalingConfig")),
        last_modified=now,
        kms_key_arn=asked.get("KmsKeyArn") or None,
        propagate_tags=asked.get("PropagateTags"),
        telemetry=asked.get("TelemetryConfig") or None,
        tags=dict(asked.get("Tags") or {}),
    )


def check_propagated_tags(asked: Members | None) -> None:
    """Raise InvalidParameterValueException unless tags are given exactly where they are to be propagated.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-tag-propagation.html
    """
    if asked is None:
        return
    mode, tags = asked.get("Mode"), asked.get("ExplicitTags")
    if mode is None:
        raise errors.invalid_parameter("Mode is required in PropagateTags")
    if mode == "Explicit" and not tags:
        raise errors.invalid_parameter("ExplicitTags must be specified when the PropagateTags mode is set to Explicit")
    if mode == "None" and tags:
        raise errors.invalid_parameter("ExplicitTags can't be specified when the PropagateTags mode is set to None")


def provider_arn(scope: Scope, name: str) -> str:
    """Return a capacity provider's ARN.

    >>> provider_arn(Scope("123456789012", "us-east-1"), "pool")
    'arn:aws:lambda:us-east-1:123456789012:capacity-provider:pool'
    """
    return f"arn:{scope.partition}:lambda:{scope.region}:{scope.account}:capacity-provider:{name}"


def named(name_or_arn: str, scope: Scope) -> tuple[Scope, str]:
    """Return whose capacity provider is meant, and its name: requests give a name or an ARN."""
    if not name_or_arn.startswith("arn:"):
        return scope, name_or_arn
    _, _, _, region, account, _, name = name_or_arn.split(":")
    return Scope(account, region), name


def _policies(rule: str, mode: str) -> Exception:
    return errors.invalid_parameter(f"A scaling policy {rule} when the scalingMode is set to {mode}")


def _requirements(asked: Members) -> dict[str, Any]:  # Any: AWS's shape
    allowed, excluded = asked.get("AllowedInstanceTypes") or [], asked.get("ExcludedInstanceTypes") or []
    if allowed and excluded:
        raise errors.invalid_parameter("You can specify only one of AllowedInstanceTypes or ExcludedInstanceTypes.")
    for each in allowed:
        if "*" not in each and _INSTANCE_TYPE.match(each) is None:
            raise errors.invalid_parameter(f"The instance type {each} isn't supported by Lambda Managed Instances.")
    found: dict[str, Any] = {"Architectures": list(asked.get("Architectures") or ["x86_64"])}  # Any: as above
    if allowed:
        found["AllowedInstanceTypes"] = list(allowed)
    if excluded:
        found["ExcludedInstanceTypes"] = list(excluded)
    return found
