"""Layers."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.compiler.names import logical_id, physical_name
from lambent.compiler.resources.code import layer_content
from lambent.compiler.resources.scope import RETAINED, Emitted, Scope, resource


def layers(scope: Scope) -> Iterator[Emitted]:
    """Yield the layer versions of the manifest's `layers`; whatever changes makes a new version."""
    for key, layer in scope.system.layers.items():
        name = physical_name(scope.system.stack, key) if layer.name is None else scope.value(layer.name)
        properties = {
            "LayerName": name,
            "Description": scope.value(layer.description),
            "Content": layer_content(scope, key, layer),
            "CompatibleRuntimes": list(layer.runtimes) or None,
            "CompatibleArchitectures": [layer.architecture] if layer.architecture else None,
            "LicenseInfo": layer.license,
        }
        yield (
            logical_id(key, "Layer"),
            resource("AWS::Lambda::LayerVersion", properties, **(RETAINED if layer.retain else {})),
        )
