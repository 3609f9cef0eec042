"""How a function's asynchronous invocations are treated: retries, maximum age, destinations.

https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lambent.aws.arn import Arn, MalformedArnError

MAXIMUM_RETRIES = 2
MAXIMUM_AGE_S = 6 * 3600
_SERVICES = frozenset({"lambda", "sns", "sqs", "events"})
_SERVICES_ON_FAILURE = _SERVICES | {"s3"}


@dataclass(frozen=True, slots=True)
class InvokeConfig:
    """One EventInvokeConfig; what is None was not said, and AWS's default holds."""

    maximum_retries: int | None = None
    maximum_age_s: int | None = None
    on_success: str | None = None
    on_failure: str | None = None
    last_modified: float = 0.0

    @property
    def retries(self) -> int:
        """How often an event is tried again after errors of the function."""
        return MAXIMUM_RETRIES if self.maximum_retries is None else self.maximum_retries

    @property
    def age_s(self) -> float:
        """How old an event may become before nobody tries it any more, in seconds."""
        return MAXIMUM_AGE_S if self.maximum_age_s is None else self.maximum_age_s

    def changed(self, parameters: Mapping[str, Any], now: float) -> InvokeConfig:  # Any: as the model has checked
        """Return this configuration with the members that a request says."""
        said = asked_config(parameters, now)
        destinations = "DestinationConfig" in parameters
        return replace(
            self,
            maximum_retries=self.maximum_retries if said.maximum_retries is None else said.maximum_retries,
            maximum_age_s=self.maximum_age_s if said.maximum_age_s is None else said.maximum_age_s,
            on_success=said.on_success if destinations else self.on_success,
            on_failure=said.on_failure if destinations else self.on_failure,
            last_modified=now,
        )


DEFAULT = InvokeConfig()


def asked_config(parameters: Mapping[str, Any], now: float) -> InvokeConfig:  # Any: as the model has checked
    """Return the configuration that a request describes."""
    destinations = parameters.get("DestinationConfig") or {}
    return InvokeConfig(
        maximum_retries=parameters.get("MaximumRetryAttempts"),
        maximum_age_s=parameters.get("MaximumEventAgeInSeconds"),
        on_success=(destinations.get("OnSuccess") or {}).get("Destination") or None,
        on_failure=(destinations.get("OnFailure") or {}).get("Destination") or None,
        last_modified=now,
    )


def problem_of(config: InvokeConfig) -> str | None:
    """Return AWS's words for destinations of services that cannot be one, or None."""
    if _is_of(config.on_success, _SERVICES) and _is_of(config.on_failure, _SERVICES_ON_FAILURE):
        return None
    success = f"OnSuccess(destination={config.on_success})" if config.on_success else "null"
    failure = f"OnFailure(destination={config.on_failure})" if config.on_failure else "null"
    shown = f"DestinationConfig(onSuccess={success}, onFailure={failure})"
    return f"The provided destination config {shown} is invalid."


def _is_of(destination: str | None, services: frozenset[str]) -> bool:
    if destination is None:
        return True
    try:
        arn = Arn.parse(destination)
    except MalformedArnError:
        return False
    # FIFO queues and topics need what a record does not say: in which group of messages it stands.
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    return arn.service in services and not destination.endswith(".fifo")
