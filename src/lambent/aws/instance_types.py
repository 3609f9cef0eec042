"""The EC2 instance types that Lambda Managed Instances run on: families C, M and R, from `.large` up, no bare metal.

vCPUs and memory are those of https://docs.aws.amazon.com/ec2/latest/instancetypes/co.html (compute optimized),
gp.html (general purpose) and mo.html (memory optimized), as of 2026-11. Variants with disks or more network (`c7gd`,
`m6in`) are left out: Lambda shows functions neither.

>>> instance_type("m7g.xlarge")
InstanceType(name='m7g.xlarge', vcpus=4, memory_mb=16384, architecture='arm64')
>>> [each.name for each in matching("arm64", allowed=("c7g.*large",))][:3]
['c7g.large', 'c7g.xlarge', 'c7g.2xlarge']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

SYSTEM_VCPUS: Final = 1
SYSTEM_MEMORY_MB: Final = 1_024
"""What each managed instance keeps for the system, out of reach for execution environments (with SYSTEM_VCPUS)."""


@dataclass(frozen=True, slots=True)
class InstanceType:
    """One EC2 instance type."""

    name: str
    vcpus: int
    memory_mb: int
    architecture: str

    @property
    def family(self) -> str:
        """The part before the dot: `m7g`."""
        return self.name.partition(".")[0]

    @property
    def generation(self) -> int:
        """The number in the family's name: 7 of `m7g`."""
        return int(self.name[1])

    @property
    def room_vcpus(self) -> int:
        """The vCPUs that execution environments share."""
        return self.vcpus - SYSTEM_VCPUS

    @property
    def room_mb(self) -> int:
        """The memory that execution environments share."""
        return self.memory_mb - SYSTEM_MEMORY_MB


_GIB_PER_VCPU: Final = {"c": 2, "m": 4, "r": 8}
_SIZES: Final = {
    "large": 2,
    "xlarge": 4,
    "2xlarge": 8,
    "4xlarge": 16,
    "8xlarge": 32,
    "12xlarge": 48,
    "16xlarge": 64,
    "24xlarge": 96,
    "32xlarge": 128,
    "48xlarge": 192,
    "96xlarge": 384,
}
# Which sizes above 16xlarge a processor's families come in; below it they all come in every size.
_LARGER_SIZES: Final = {
    "6i": ("24xlarge", "32xlarge"),
    "6a": ("24xlarge", "32xlarge", "48xlarge"),
    "6g": (),
    "7i": ("24xlarge", "48xlarge"),
    "7a": ("24xlarge", "32xlarge", "48xlarge"),
    "7g": (),
    "8i": ("24xlarge", "32xlarge", "48xlarge", "96xlarge"),
    "8a": ("24xlarge", "48xlarge"),
    "8g": ("24xlarge", "48xlarge"),
}
_COMMON_SIZES: Final = tuple(_SIZES)[:7]


def _table() -> tuple[InstanceType, ...]:
    return tuple(
        InstanceType(
            name=f"{letter}{processor}.{size}",
            vcpus=_SIZES[size],
            memory_mb=_SIZES[size] * ratio * 1_024,
            architecture="arm64" if processor.endswith("g") else "x86_64",
        )
        for letter, ratio in _GIB_PER_VCPU.items()
        for processor, larger in _LARGER_SIZES.items()
        for size in (*_COMMON_SIZES, *larger)
    )


INSTANCE_TYPES: Final[tuple[InstanceType, ...]] = tuple(
    sorted(_table(), key=lambda each: (each.vcpus, each.memory_mb, each.name))
)
"""Every type, the smallest first."""

_BY_NAME: Final = {each.name: each for each in INSTANCE_TYPES}


def instance_type(name: str) -> InstanceType | None:
    """Return the type of this name; None for one that managed instances are never of, as far as is known here."""
    return _BY_NAME.get(name)


def matching(
    architecture: str, *, allowed: Sequence[str] = (), excluded: Sequence[str] = ()
) -> tuple[InstanceType, ...]:
    """Return the types that a capacity provider's InstanceRequirements leave, the smallest first.

    Patterns are EC2's: `*` stands for any characters, all else for itself. Of the two lists one is empty at least.
    https://docs.aws.amazon.com/lambda/latest/api/API_InstanceRequirements.html

    >>> [each.name for each in matching("x86_64", allowed=("m7i.large", "r7i.large", "m7g.large"))]
    ['m7i.large', 'r7i.large']
    >>> any(each.family == "c7i" for each in matching("x86_64", excluded=("c7*",)))
    False
    """
    return tuple(
        each
        for each in INSTANCE_TYPES
        if each.architecture == architecture
        and (not allowed or _matches(each.name, allowed))
        and not _matches(each.name, excluded)
    )


def _matches(name: str, patterns: Sequence[str]) -> bool:
    # Only the asterisk is special to EC2; fnmatch knows brackets and question marks besides.
    return any(fnmatchcase(name, pattern.replace("[", "[[]").replace("?", "[?]")) for pattern in patterns)
