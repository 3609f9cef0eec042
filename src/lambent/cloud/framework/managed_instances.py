"""EC2 instances that another service runs for its users: what EC2 shows of them, and who is asked for them.

The service that runs them offers them, EC2 shows them; neither knows the other.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/amazon-ec2-managed-instances.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lambent.cloud.store.scope import Scope


@dataclass(frozen=True, slots=True)
class ManagedInstance:
    """One instance as EC2 shows it; `state` is in EC2's words, `launched_at` in seconds since the epoch.

    `operator` is the service principal that manages it.
    """

    scope: Scope
    instance_id: str
    instance_type: str
    vcpus: int
    architecture: str
    state: str
    zone: str
    vpc_id: str
    subnet_id: str
    private_address: str
    security_groups: Sequence[str]
    launched_at: float
    operator: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """The instance's ARN."""
        scope = self.scope
        return f"arn:{scope.partition}:ec2:{scope.region}:{scope.account}:instance/{self.instance_id}"


ManagedInstances = Callable[[Scope], Sequence[ManagedInstance]]
"""Whoever runs instances for others: asked on the loop, answers at once with those of an account and region."""
