"""What a caller means by a layer version's ARN."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LAYER_VERSION = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):layer:(?P<name>[a-zA-Z0-9-_]+):(?P<version>\d+)"
)


@dataclass(frozen=True, slots=True)
class LayerVersionReference:
    """The parts of a layer version's ARN."""

    region: str
    account: str
    name: str
    version: int


def parse_layer_version_arn(text: str) -> LayerVersionReference | None:
    """Return the parts of a layer version's ARN, or None for anything else."""
    matched = _LAYER_VERSION.fullmatch(text)
    if matched is None:
        return None
    region, account, name, version = matched.group("region", "account", "name", "version")
    return LayerVersionReference(region, account, name, int(version))
