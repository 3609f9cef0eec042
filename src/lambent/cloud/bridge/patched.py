"""What the mends replace or call of moto: looked for before its process starts.

Most are private to moto. Were one renamed, every request for its service would fail, each with an error of its own.
They are looked for in the text: to import moto's services takes seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_PATCHED: Mapping[str, tuple[str, ...]] = {
    "cloudwatch/models.py": (
        "class CloudWatchBackend", "def get_metric_statistics", "def get_filtered_metrics", "def get_all_metrics",
        "def filter",
    ),
    "ec2/exceptions.py": ("class InvalidVPCIdError", "class InvalidSecurityGroupNotFoundError"),
    "ec2/models/internet_gateways.py": (
        "def create_internet_gateway", "def attach_internet_gateway", "def describe_internet_gateways",
    ),
    "ec2/models/route_tables.py": ("def create_route", "def describe_route_tables"),
    "ec2/models/vpcs.py": ("class VPCBackend", "def create_default_vpc", "def get_default_vpc"),
    "kms/models.py": ("class KmsBackend", "def _generate_default_keys"),
    "moto_api/_internal/moto_random.py": ("class MotoRandom",),
    "utilities/utils.py": ("def load_resource",),
}  # fmt: skip


def missing(moto: Path) -> list[str]:
    """Return what the moto installed in a folder lacks of all that is patched, as `file: definition`."""
    return [
        f"{file}: {definition}"
        for file, definitions in _PATCHED.items()
        for text in [_text(moto / file)]
        for definition in definitions
        if re.search(rf"^ *{definition}\b", text, re.MULTILINE) is None
    ]


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""
