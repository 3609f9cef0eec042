"""Where code comes from: what the template says itself, and what deployment is to package."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.compiler.errors import CompileError
from lambent.compiler.intrinsics import Value
from lambent.compiler.names import logical_id
from lambent.compiler.resources.scope import Scope, said
from lambent.compiler.result import ArchiveKind, ArchiveWanted, BundleWanted
from lambent.manifest.handlers import node_module
from lambent.manifest.system import Code, Function, Layer

DEFAULT_ARCHITECTURE = "x86_64"


def code_place(scope: Scope, code: Code) -> Value:
    """Return a function's `Code`, or None where an archive has to be made first."""
    if code.s3 is not None:
        return _object(scope, code)
    if code.image is not None:
        return {"ImageUri": scope.references.value(code.image)}
    return None if code.inline is None else {"ZipFile": code.inline}


def layer_content(scope: Scope, key: str, layer: Layer) -> Value:
    """Return a layer's `Content`, or None where an archive has to be made first."""
    code = layer.code
    if code is None or code.path is not None:
        return None
    if code.s3 is None:
        advice = "Give a folder, a zip, or an object in S3."
        message = f"layers.{key}: a layer is neither an image nor inline code"
        raise CompileError(message, advice=advice, path=("layers", key, "code"))
    return _object(scope, code)


def archives(scope: Scope) -> Iterator[ArchiveWanted]:
    """Yield the archives that deployment has to make, those of layers first."""
    for key, layer in scope.system.layers.items():
        if layer.code is None or layer.code.path is not None:
            yield ArchiveWanted(
                logical_id=logical_id(key, "Layer"),
                property_name="Content",
                source=(layer.code.path or "") if layer.code is not None else "",
                kind=ArchiveKind.LAYER,
                runtime=layer.runtimes[0] if layer.runtimes else scope.system.defaults.runtime or "",
                architecture=layer.architecture or scope.system.defaults.architecture or DEFAULT_ARCHITECTURE,
                requirements=layer.requirements or "",
                more_runtimes=" ".join(layer.runtimes[1:]),
            )
    for key, function in scope.functions.items():
        if function.code.path is not None:
            yield ArchiveWanted(
                logical_id=logical_id(key, "Function"),
                property_name="Code",
                source=function.code.path,
                runtime=function.runtime or "",
                architecture=function.architecture or DEFAULT_ARCHITECTURE,
                requirements=function.requirements or "",
                bundle=_bundle(function) if function.bundle else None,
            )


def _bundle(function: Function) -> BundleWanted:
    # Who lets Node.js read source maps is to have them.
    reads_maps = "--enable-source-maps" in str(function.environment.get("NODE_OPTIONS", ""))
    return BundleWanted(node_module(function.handler or ""), options=("--sourcemap",) if reads_maps else ())


def _object(scope: Scope, code: Code) -> Value:
    place = code.s3
    if place is None:
        return None
    return said(
        {
            "S3Bucket": scope.references.value(place.bucket),
            "S3Key": scope.references.value(place.key),
            "S3ObjectVersion": scope.value(place.version),
        }
    )
