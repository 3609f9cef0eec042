"""Logical ids and physical names: what a key of the manifest is called in the template and on AWS."""

from __future__ import annotations

import re

from lambent.manifest.names import pascal

__all__ = ["export_name", "logical_id", "pascal", "physical_name"]

_NO_LETTER_OR_DIGIT = re.compile(r"[^A-Za-z0-9]+")


def logical_id(key: str, kind: str) -> str:
    """Return the logical id of the resource of `kind` that stands for `key`: `ResizeFunction`, `ResizeFunctionRole`."""
    return pascal(key) + kind


def physical_name(stack: str, key: str) -> str:
    """Return the name on AWS of what the manifest calls `key` and gives no name."""
    return f"{stack}-{key}"


def export_name(stack: str, output: str) -> str:
    """Return the export's name of a stack's output.

    AWS takes "only alphanumeric characters, colons, or hyphens", so everything else in the output's name is a hyphen.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/outputs-section-structure.html

    >>> export_name("network", "subnet_a")
    'network:subnet-a'
    """
    return f"{stack}:{_NO_LETTER_OR_DIGIT.sub('-', output)}"
