"""A layer version as AWS keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from lambent.cloud.services.lambda_.model.function import Code, LayerReference
from lambent.cloud.store.scope import Scope


@dataclass(frozen=True, slots=True)
class Compatibility:
    """What a layer version is asked to name as compatible; None is not asked for."""

    runtime: str | None = None
    architecture: str | None = None


@dataclass(frozen=True, slots=True)
class LayerVersion:
    """One immutable version of a layer. `architectures` and `runtimes` are None where the publisher named none."""

    scope: Scope
    layer: str
    version: int
    description: str
    license: str | None
    runtimes: tuple[str, ...] | None
    architectures: tuple[str, ...] | None
    code: Code
    created_at: float

    @property
    def layer_arn(self) -> str:
        """The layer's ARN, without a version."""
        return layer_arn(self.scope, self.layer)

    @property
    def arn(self) -> str:
        """The layer version's ARN."""
        return f"{self.layer_arn}:{self.version}"

    def reference(self) -> LayerReference:
        """Return what a function keeps of this layer version."""
        return LayerReference(arn=self.arn, digest=self.code.digest, code_size=self.code.size)


def layer_arn(scope: Scope, name: str) -> str:
    """Return a layer's ARN, without a version."""
    return f"arn:{scope.partition}:lambda:{scope.region}:{scope.account}:layer:{name}"
