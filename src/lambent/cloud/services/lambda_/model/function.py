"""A function and its versions as values: what AWS keeps of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import orjson

from lambent.aws import arn as arns
from lambent.cloud.services.lambda_.model.managed_instances import ManagedInstances
from lambent.cloud.services.lambda_.model.state import ACTIVE, PENDING, Status
from lambent.cloud.store.scope import Scope

LATEST = "$LATEST"
LATEST_PUBLISHED = "$LATEST.PUBLISHED"
"""On Managed Instances, what was last published without a number: the version that an unqualified ARN invokes."""
PUBLISHED_VERSIONS = "PublishedVersions"
"""What SnapStart applies to, where it applies."""
PackageType = Literal["Zip", "Image"]
Architecture = Literal["x86_64", "arm64"]
LogFormat = Literal["Text", "JSON"]
JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]


@dataclass(frozen=True, slots=True)
class Logging:
    """Where and how a function logs; the levels are set in the JSON format only."""

    group: str
    format: LogFormat = "Text"
    application_level: str | None = None
    system_level: str | None = None


@dataclass(frozen=True, slots=True)
class LayerReference:
    """A layer version as a function refers to it, with what running it needs.

    The reference outlives the layer version: AWS keeps serving functions whose layer was deleted.
    """

    arn: str
    digest: str
    code_size: int


@dataclass(frozen=True, slots=True)
class Code:
    """A deployment package: a zip (by its blob's digest) or an image's URI. `sha256` is base64, as AWS shows it."""

    sha256: str
    size: int
    digest: str = ""
    unzipped_size: int = 0
    image_uri: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything besides its code that a version freezes when it is published.

    `recorded` holds, in AWS's shape, the members that are kept and shown as they came; most change nothing here.
    """

    role: str
    logging: Logging
    package_type: PackageType = "Zip"
    runtime: str | None = None
    handler: str | None = None
    description: str = ""
    timeout_s: int = 3
    memory_mb: int = 128
    ephemeral_storage_mb: int = 512
    architecture: Architecture = "x86_64"
    environment: Mapping[str, str] | None = None
    tracing_mode: str = "PassThrough"
    snap_start: str = "None"
    layers: tuple[LayerReference, ...] = ()
    dead_letter_target: str | None = None
    kms_key_arn: str | None = None
    recorded: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def managed(self) -> ManagedInstances | None:
        """How the function runs on Managed Instances; None where it does not."""
        asked = self.recorded.get("CapacityProviderConfig")
        return None if asked is None else ManagedInstances.of(asked, memory_mb=self.memory_mb, runtime=self.runtime)


@dataclass(frozen=True, slots=True)
class FunctionVersion:
    """One version of a function: `$LATEST`, or a number with settings and code that never change.

    `source` is the fingerprint of `$LATEST` at the moment of publishing.
    """

    scope: Scope
    function: str
    version: str
    settings: Settings
    code: Code
    status: Status
    revision_id: str
    last_modified: float
    source: str = ""

    @property
    def function_arn(self) -> str:
        """The function's ARN without a qualifier."""
        return function_arn(self.scope, self.function)

    @property
    def arn(self) -> str:
        """The version's own, qualified ARN."""
        return f"{self.function_arn}:{self.version}"

    @property
    def has_snapshot(self) -> bool:
        """Whether its environments are restored from a snapshot: SnapStart is for published versions alone."""
        return self.settings.snap_start == PUBLISHED_VERSIONS and self.version != LATEST

    def fingerprint(self) -> str:
        """Return what publishing compares: equal for two versions that do not differ in code or settings."""
        facts = orjson.dumps([self.settings, self.code.sha256, self.code.image_uri], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(facts).hexdigest()

    def published(
        self, version: int | str, *, revision_id: str, description: str | None, now: float
    ) -> FunctionVersion:
        """Return this `$LATEST` as another version, active at once if the latest is settled.

        On Managed Instances a version is pending until it has capacity, with SnapStart until its snapshot is taken.
        """
        settings = self.settings if description is None else replace(self.settings, description=description)
        takes_time = settings.managed is not None or settings.snap_start == PUBLISHED_VERSIONS
        return replace(
            self,
            version=str(version),
            settings=settings,
            status=ACTIVE if self.status.is_settled and not takes_time else PENDING,
            revision_id=revision_id,
            last_modified=now,
            source=self.fingerprint(),
        )


@dataclass(frozen=True, slots=True)
class Function:
    """What belongs to a function as a whole, across its versions."""

    scope: Scope
    name: str
    next_version: int = 1
    reserved_concurrency: int | None = None
    recursive_loop: str = "Terminate"
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """The function's unqualified ARN."""
        return function_arn(self.scope, self.name)


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for a function version; `weights` sends the given shares of invocations to other versions."""

    scope: Scope
    function: str
    name: str
    version: str
    description: str
    weights: Mapping[str, float]
    revision_id: str

    @property
    def arn(self) -> str:
        """The alias's ARN."""
        return f"{function_arn(self.scope, self.function)}:{self.name}"

    def choose(self, fraction: float) -> str:
        """Return the version that serves an invocation which drew `fraction` in [0, 1).

        >>> Alias(Scope("1", "r"), "f", "live", "1", "", {"2": 0.25}, "").choose(0.2)
        '2'
        """
        for version, weight in self.weights.items():
            if fraction < weight:
                return version
            fraction -= weight
        return self.version


def function_arn(scope: Scope, name: str) -> str:
    """Return a function's unqualified ARN."""
    return arns.function_arn(scope.region, scope.account, name)


def is_version(qualifier: str) -> bool:
    """Tell whether a qualifier names a version, `$LATEST`, `$LATEST.PUBLISHED` or a number, rather than an alias."""
    return qualifier in {LATEST, LATEST_PUBLISHED} or re.fullmatch(r"[0-9]+", qualifier) is not None


def position(version: str) -> int:
    """Return where a version comes among its function's, in AWS's order.

    >>> sorted(["2", "10", "$LATEST.PUBLISHED", "$LATEST"], key=position)
    ['$LATEST', '$LATEST.PUBLISHED', '2', '10']
    """
    return 0 if version == LATEST else 1 if version == LATEST_PUBLISHED else int(version) + 1


def is_alias_name(qualifier: str) -> bool:
    """Tell whether a qualifier could be an alias's name."""
    return not qualifier.isdigit() and re.fullmatch(r"[a-zA-Z0-9-_]+", qualifier) is not None
