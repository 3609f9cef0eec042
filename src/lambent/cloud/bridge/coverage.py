"""What moto answers of the operations that are not ours.

It is read from a file beside this one, made by `scripts/generate_coverage.py` from the locked moto, so
that neither an unknown operation nor `lambent doctor` has to start it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import orjson

# Services of which every operation is ours: what we do not offer there is refused, for moto's copy of such a service
# would know nothing of our resources.
OWN_SERVICES = frozenset({"dynamodb", "dynamodbstreams", "iam", "lambda", "logs", "scheduler", "sqs", "sts"})


class Coverage:
    """Which operations moto answers, by botocore's names."""

    @cached_property
    def _bridged(self) -> Mapping[str, frozenset[str]]:
        # Read when first asked for: most platforms never meet an operation that is not ours.
        return _read()

    def bridges(self, service: str, operation: str) -> bool:
        """Whether moto answers an operation."""
        return service not in OWN_SERVICES and operation in self._bridged.get(service, ())

    @property
    def bridged_services(self) -> list[str]:
        """The services that moto answers, sorted."""
        return sorted(service for service in self._bridged if service not in OWN_SERVICES)


def _read() -> dict[str, frozenset[str]]:
    text = Path(__file__).with_name("coverage.json").read_bytes()
    return {service: frozenset(operations) for service, operations in orjson.loads(text).items()}
