"""What AWS refuses of a function on Managed Instances, as far as its own settings tell.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
"""

from __future__ import annotations

from lambent.aws.managed_runtimes import runs_on_managed_instances
from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.model.function import Settings
from lambent.cloud.services.lambda_.model.managed_instances import ManagedInstances

LEAST_MEMORY_MB = 2_048
_RATIOS = (2.0, 4.0, 8.0)
_MOST_CONCURRENCY_PER_VCPU = 64


def check_managed(settings: Settings) -> None:
    """Raise as AWS does for settings that a function on Managed Instances cannot have; others are left alone."""
    managed = settings.managed
    if managed is None:
        return
    if settings.memory_mb < LEAST_MEMORY_MB:
        text = f"Lambda Managed Instance functions must have memory size greater than or equal to {LEAST_MEMORY_MB}"
        raise ServiceError("ValidationException", text)
    if settings.runtime is not None and not runs_on_managed_instances(settings.runtime):
        raise errors.invalid_parameter(
            f"Runtime Enum {settings.runtime} does not support specified feature: Lambda Managed Instances"
        )
    _check_exclusions(settings)
    _check_vcpus(settings.memory_mb, managed)


def _check_exclusions(settings: Settings) -> None:
    vpc = settings.recorded.get("VpcConfig")
    if isinstance(vpc, dict) and vpc.get("SubnetIds"):
        raise errors.not_with_managed_instances("VPC configurations")
    if settings.snap_start != "None":
        raise errors.not_with_managed_instances("SnapStart configurations")
    if settings.logging.format != "JSON":
        raise errors.not_with_managed_instances("the Text log format")
    for mounted in _listed(settings.recorded.get("FileSystemConfigs")):
        if isinstance(mounted, dict):
            # A file system wants the function in a VPC, and there it cannot be.
            raise errors.invalid_parameter(
                f"Function must be configured to execute in a VPC to reference access point {mounted.get('Arn')}."
            )


def _check_vcpus(memory_mb: int, managed: ManagedInstances) -> None:
    if managed.memory_gib_per_vcpu not in _RATIOS:
        raise errors.invalid_parameter(
            f"Value '{managed.memory_gib_per_vcpu}' at 'executionEnvironmentMemoryGiBPerVCpu' failed to satisfy "
            "constraint: Member must be one of: [2.0, 4.0, 8.0]"
        )
    share = managed.memory_mb_per_vcpu
    if memory_mb < share:
        raise errors.invalid_parameter(f"Memory ratio of {share}MB per CPU exceeds function's total memory")
    if memory_mb % share:
        raise errors.invalid_parameter(f"Memory size of {memory_mb}MB is not a multiple of {share}MB per CPU")
    most = int(managed.vcpus * _MOST_CONCURRENCY_PER_VCPU)
    if managed.max_concurrency > most:
        raise errors.invalid_parameter(
            f"PerExecutionEnvironmentMaxConcurrency {managed.max_concurrency} exceeds the maximum of {most} for "
            f"{managed.vcpus:.0f} vCPUs"
        )


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []
