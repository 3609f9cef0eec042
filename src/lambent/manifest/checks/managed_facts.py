"""What the rules of Managed Instances judge: a capacity provider and a function, as a manifest or a template says them.

What only deployment will tell (a reference, an intrinsic function) is None, and never found wrong. A place says where
things stand in the file, and what the file calls them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lambent.base.diagnostics import Diagnostic

DEFAULT_ARCHITECTURE = "x86_64"
DEFAULT_RATIO = 2.0
LEAST_MEMORY_MB = 2_048
RATIOS = (2, 4, 8)


class Told(Protocol):
    """A place in a file: how to say what is wrong there, in the file's own words."""

    def found(self, rule: str, message: str, advice: str, *inside: str | int, key: bool = False) -> Diagnostic:
        """Return a finding of a rule at what the manifest calls `inside`."""

    def called(self, *inside: str) -> str:
        """Return what the file calls what the manifest calls `inside`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A scaling policy: its metric, and the target in per cent."""

    metric: str | None
    target: float | None


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """A capacity provider; lists are None where they are known to deployment alone."""

    name: str | None
    subnets: Sequence[str | None] | None
    security_groups: Sequence[str | None] | None = ()
    vpc: str | None = None
    operator_role: str | None = None
    architectures: Sequence[str | None] = ()
    allowed: Sequence[str] = ()
    excluded: Sequence[str] = ()
    scaling: str | None = None
    policies: Sequence[Policy] | None = ()
    max_vcpus: float | None = None
    kms_key: str | None = None
    log_level: str | None = None
    log_group: str | None = None
    propagation: str | None = None
    propagated: Sequence[str] = ()
    tags: Sequence[str] = ()

    @property
    def architecture(self) -> str | None:
        """The instances' instruction set, None where it is not known or none."""
        one = self.architectures[0] if self.architectures else DEFAULT_ARCHITECTURE
        return one if one in {"x86_64", "arm64"} else None


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """A function on a capacity provider. `waits_for` names a caller that waits for it, "" for none that is known.

    `forbidden` are the settings, in the manifest's words, that a function on Managed Instances goes without.
    """

    memory_mb: float | None
    runtime: str | None
    provider: str | None = None
    architecture: str | None = DEFAULT_ARCHITECTURE
    timeout_s: float | None = None
    waits_for: str = ""
    logs_text: bool = False
    forbidden: Sequence[str] = ()
    ratio: float | None = None
    max_concurrency: float | None = None
    least: float | None = None
    most: float | None = None

    @property
    def effective_ratio(self) -> float:
        """GiB of memory for each vCPU."""
        return DEFAULT_RATIO if self.ratio is None else self.ratio

    @property
    def vcpus(self) -> float | None:
        """The vCPUs of one execution environment; None where its sizes do not go together, or are not known."""
        share = self.effective_ratio * 1024
        if self.memory_mb is None or self.effective_ratio not in RATIOS or self.memory_mb % share:
            return None
        return self.memory_mb / share if self.memory_mb >= LEAST_MEMORY_MB else None
