"""Code signing configurations: whose signatures a function accepts, and what becomes of a package without one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lambent.cloud.services.lambda_ import errors
from lambent.cloud.store.scope import Scope

UntrustedArtifactPolicy = Literal["Warn", "Enforce"]

_ARN = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):code-signing-config:(?P<id>csc-[a-z0-9]{17})"
)


@dataclass(frozen=True, slots=True)
class CodeSigningConfig:
    """The signing profiles that are trusted, and whether anything else is refused or only warned of."""

    scope: Scope
    id: str
    publishers: tuple[str, ...]
    last_modified: float
    policy: UntrustedArtifactPolicy = "Warn"
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """The configuration's ARN."""
        scope = self.scope
        return f"arn:{scope.partition}:lambda:{scope.region}:{scope.account}:code-signing-config:{self.id}"

    def check_unsigned(self, artifact: str) -> None:
        """Raise CodeVerificationFailedException where an unsigned function or layer may not be deployed."""
        if self.policy == "Enforce":
            raise errors.code_verification_failed(artifact)


def config_id(arn: str, scope: Scope) -> str | None:
    """Return the id in a configuration's ARN, or None for one that is not of this account and region."""
    matched = _ARN.fullmatch(arn)
    if matched is None or Scope(matched["account"], matched["region"]) != scope:
        return None
    return matched["id"]


def check_signable(package_type: str) -> None:
    """Raise InvalidParameterValueException for container images, which Lambda's code signing does not cover."""
    if package_type == "Image":
        raise errors.invalid_parameter("Code signing is not supported for functions created with container images.")
