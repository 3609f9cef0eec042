"""What a caller means by a FunctionName and a Qualifier: a name, a partial ARN or an ARN, perhaps qualified."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

# The groups of the FunctionName pattern in Lambda's service model.
_PARTS = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?"
    r"(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?"
    r"(?:(?P<account>\d{12}):)?"
    r"(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_.]+)"
    r"(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
_LAYER_VERSION = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):layer:(?P<name>[a-zA-Z0-9-_]+):(?P<version>\d+)"
)


@dataclass(frozen=True, slots=True)
class FunctionReference:
    """The parts of a FunctionName; None for each part the caller left out."""

    name: str
    account: str | None = None
    region: str | None = None
    qualifier: str | None = None


@dataclass(frozen=True, slots=True)
class LayerVersionReference:
    """The parts of a layer version's ARN."""

    region: str
    account: str
    name: str
    version: int


@lru_cache(maxsize=4096)
def parse_function_name(text: str) -> FunctionReference | None:
    """Return the parts of a FunctionName, or None if it matches none of AWS's forms.

    >>> parse_function_name("123456789012:function:f:live")
    FunctionReference(name='f', account='123456789012', region=None, qualifier='live')
    """
    matched = _PARTS.fullmatch(text)
    return None if matched is None else FunctionReference(**matched.groupdict())


def parse_layer_version_arn(text: str) -> LayerVersionReference | None:
    """Return the parts of a layer version's ARN, or None for anything else."""
    matched = _LAYER_VERSION.fullmatch(text)
    if matched is None:
        return None
    region, account, name, version = matched.group("region", "account", "name", "version")
    return LayerVersionReference(region, account, name, int(version))
