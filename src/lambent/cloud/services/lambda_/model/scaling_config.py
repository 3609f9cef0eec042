"""How many execution environments a version on Managed Instances keeps, at least and at most.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-scaling.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lambent.cloud.services.lambda_ import errors

DEFAULT_MINIMUM = 3


@dataclass(frozen=True, slots=True)
class ScalingConfig:
    """The bounds of a version's execution environments; without a maximum only the capacity provider bounds them."""

    minimum: int = DEFAULT_MINIMUM
    maximum: int | None = None

    @classmethod
    def of(cls, asked: Mapping[str, int] | None) -> ScalingConfig:
        """Return what a FunctionScalingConfig asks for; a bound that it leaves out goes back to its default.

        Raises InvalidParameterValueException for bounds that cannot both hold.

        >>> ScalingConfig.of({"MaxExecutionEnvironments": 200})
        ScalingConfig(minimum=3, maximum=200)
        """
        asked = asked or {}
        found = cls(asked.get("MinExecutionEnvironments", DEFAULT_MINIMUM), asked.get("MaxExecutionEnvironments"))
        if found.maximum is not None and found.minimum > found.maximum:
            raise errors.invalid_parameter(
                f"MinExecutionEnvironments ({found.minimum}) can't be greater than MaxExecutionEnvironments "
                f"({found.maximum})."
            )
        if found.minimum == 0 and found.maximum != 0:
            raise errors.invalid_parameter(
                "MinExecutionEnvironments can be set to 0 only when MaxExecutionEnvironments is set to 0."
            )
        return found

    @property
    def is_zero(self) -> bool:
        """Whether the version is to have no execution environment at all, and so is deactivated."""
        return self.maximum == 0

    def shape(self) -> dict[str, int]:
        """Return the FunctionScalingConfig as AWS shows it."""
        shape = {"MinExecutionEnvironments": self.minimum}
        return shape if self.maximum is None else {**shape, "MaxExecutionEnvironments": self.maximum}


NONE_AT_ALL = ScalingConfig(0, 0)


@dataclass(frozen=True, slots=True)
class VersionScaling:
    """A version's scaling: what is in effect, and what was asked for while it is not in effect yet."""

    applied: ScalingConfig | None = None
    requested: ScalingConfig | None = None

    def settled(self) -> VersionScaling:
        """Return it once what was asked for is in effect."""
        return VersionScaling(self.requested or self.applied or ScalingConfig())
