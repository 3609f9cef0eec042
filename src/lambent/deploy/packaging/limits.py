"""What packages may weigh together: a function with the layers of its own stack.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from lambent.aws.quotas import CODE_SIZE_UNZIPPED_BYTES
from lambent.compiler.result import ArchiveWanted, CompiledSystem
from lambent.deploy.errors import DeployError


class Sized(Protocol):
    """What has a size when it is unpacked."""

    @property
    def unzipped(self) -> int:
        """Its size in bytes."""


def check_together(compiled: CompiledSystem, packages: Mapping[str, Sized]) -> None:
    """Refuse a function that unpacks to too much with the layers that the template makes; others are AWS's to weigh.

    `packages` are by logical id and property. Raises DeployError with AWS's own text.
    """
    sizes = {one.logical_id: packages[_name(one)].unzipped for one in compiled.archives}
    for logical_id, size in sizes.items():
        layers = [name for name in _layers(compiled, logical_id) if name in sizes]
        total = size + sum(sizes[name] for name in layers)
        if layers and total > CODE_SIZE_UNZIPPED_BYTES:
            each = ", ".join(f"{name} {sizes[name]}" for name in (logical_id, *layers))
            raise DeployError(
                f"{logical_id}: Function code combined with layers exceeds the maximum allowed size of "
                f"{CODE_SIZE_UNZIPPED_BYTES} bytes. The actual size is {total} bytes.",
                f"Unzipped bytes: {each}.",
            )


def _name(wanted: ArchiveWanted) -> str:
    return f"{wanted.logical_id}.{wanted.property_name}"


def _layers(compiled: CompiledSystem, logical_id: str) -> Iterator[str]:
    """Yield the logical ids of a function's layers that are resources of its own template."""
    resource = compiled.template["Resources"].get(logical_id)
    properties = resource.get("Properties") if isinstance(resource, Mapping) else None
    named = properties.get("Layers") if isinstance(properties, Mapping) else None
    for one in named if isinstance(named, list) else ():
        if isinstance(one, Mapping) and isinstance(one.get("Ref"), str):
            yield one["Ref"]
