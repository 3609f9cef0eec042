"""A function that may change its compute type, as its source describes it: the one value that everything here reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from lambent.base.diagnostics import SourceSpan


class Compute(StrEnum):
    """The two compute types. A function keeps the one it was created with."""

    ON_DEMAND = "on-demand"
    MANAGED_INSTANCES = "managed-instances"


class SourceKind(StrEnum):
    """Where a function was read from."""

    MANIFEST = "manifest"
    TERRAFORM = "terraform"
    TEMPLATE = "template"
    STACK = "stack"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a function was read from: `name` is the file, stack or target, `address` the function's own name in it.

    An address is a manifest's key, a Terraform address, a logical id, or the function's name on a target.
    """

    kind: SourceKind
    name: str
    address: str
    stack: str = ""
    region: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.address})"


@dataclass(frozen=True, slots=True)
class CodePlace:
    """Where a function's code lies: a folder, a zip or one file, and the requirements that are packaged with it.

    What `requirements` names is still to be installed beside the code; a zip brings everything along.
    """

    path: Path
    requirements: Path | None = None

    @property
    def is_archive(self) -> bool:
        """Whether it is packaged already."""
        return self.path.is_file() and self.path.suffix in {".zip", ".jar"}


@dataclass(frozen=True, slots=True)
class Network:
    """Subnets and security groups, as ids or as the source's own references."""

    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alias:
    """An alias of the function, the version it points to, and the share of calls that others get."""

    name: str
    version: str = ""
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TriggerUse:
    """What invokes the function.

    `kind` is a word of the manifest's triggers (sqs, stream, schedule, s3, sns, event), `url`, `api`, `kafka` or
    `other`; `source` what it reads or is called by; `identifier` AWS's (the UUID of a mapping, a rule's name).
    `qualifier` is the alias or version that it names, "" for none.
    """

    kind: str
    source: str
    identifier: str = ""
    qualifier: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PermissionUse:
    """A statement of the function's resource policy: who may invoke it."""

    statement_id: str
    principal: str
    source_arn: str = ""
    action: str = "lambda:InvokeFunction"
    qualifier: str = ""


@dataclass(frozen=True, slots=True)
class CapacityUse:
    """How a function on Managed Instances uses its capacity provider."""

    provider: str
    memory_per_vcpu: float | None = None
    max_concurrency: int | None = None
    min_environments: int | None = None
    max_environments: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A function as its source describes it; sizes are in MB, times in seconds.

    `name` is the function's name on AWS. `runtime` and `handler` are None for a container image; `code` is None where
    the source does not say where it lies on this machine; `inline` is code that stands in a template. `places` tells
    where settings stand, by these fields' names. Environment variables, layers and roles are kept as the source has
    them, references included.
    """

    name: str
    source: Source
    runtime: str | None = None
    handler: str | None = None
    code: CodePlace | None = None
    inline: str = ""
    image: str = ""
    architecture: str = "x86_64"
    memory_mb: int = 128
    timeout_s: int = 3
    ephemeral_storage_mb: int = 512
    environment: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    role: str = ""
    description: str = ""
    log_format: str = "Text"
    log_level: str = ""
    log_group: str = ""
    tracing: str = ""
    kms_key: str = ""
    dead_letter: str = ""
    file_systems: tuple[str, ...] = ()
    snap_start: bool = False
    provisioned_concurrency: int | None = None
    reserved_concurrency: int | None = None
    vpc: Network | None = None
    durable: bool = False
    tenancy: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    capacity: CapacityUse | None = None
    aliases: tuple[Alias, ...] = ()
    triggers: tuple[TriggerUse, ...] = ()
    permissions: tuple[PermissionUse, ...] = ()
    on_success: str = ""
    on_failure: str = ""
    retry_attempts: int | None = None
    max_event_age_s: int | None = None
    places: Mapping[str, SourceSpan] = field(default_factory=dict)

    @property
    def compute(self) -> Compute:
        """The compute type it has now."""
        return Compute.ON_DEMAND if self.capacity is None else Compute.MANAGED_INSTANCES

    @property
    def language(self) -> str:
        """The runtime's family: python, nodejs, java, dotnet, ruby, provided, or "" for an image."""
        return (
            (self.runtime or "").rstrip("0123456789.x")
            if not (self.runtime or "").startswith("provided")
            else "provided"
        )
