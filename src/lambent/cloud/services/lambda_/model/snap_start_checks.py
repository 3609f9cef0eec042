"""What SnapStart excludes.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-runtimes
"""

from __future__ import annotations

import re
from typing import Final

from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.model.function import PUBLISHED_VERSIONS, Settings

_RUNTIMES: Final = re.compile(r"(java(11|17|2[0-9])|python3\.1[2-9]|dotnet([89]|1[0-9]))\Z")
_STORAGE_MB: Final = 512


def check_snap_start(settings: Settings) -> None:
    """Raise InvalidParameterValueException for a function that asks for SnapStart and cannot have it."""
    if settings.snap_start != PUBLISHED_VERSIONS:
        return
    if settings.runtime is not None and not _RUNTIMES.match(settings.runtime):
        raise not_with_snap_start(settings.runtime)
    if settings.ephemeral_storage_mb > _STORAGE_MB:
        raise not_with_snap_start(f"Ephemeral storage greater than {_STORAGE_MB} MB")
    if settings.recorded.get("FileSystemConfigs"):
        raise not_with_snap_start("FileSystemConfigs")


def not_with_snap_start(what: str) -> Exception:
    """Return AWS's error for what does not go together with SnapStart."""
    return errors.invalid_parameter(f"{what} is not supported for SnapStart enabled functions.")
