"""An existing CloudFormation or SAM template: what it names on this machine is packaged, the rest is left as it is.

`aws cloudformation package` does the same:
https://docs.aws.amazon.com/cli/latest/reference/cloudformation/package.html
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from lambent.compiler.result import ArchiveKind, ArchiveWanted, CompiledSystem, NestedWanted
from lambent.deploy.errors import DeployError
from lambent.deploy.sam_builds import bundle_of, layer_runtime, show_source_maps
from lambent.deploy.unpackaged import ELSEWHERE, refuse_unpackaged
from lambent.template.codec import parse
from lambent.template.document import TemplateError, Value, as_text, read_template

# Of each type: the property that names code, and the keys of its place in S3 ("" twice: one s3:// text).
_CODE = {
    "AWS::Lambda::Function": ("Code", "S3Bucket", "S3Key", ArchiveKind.FUNCTION),
    "AWS::Lambda::LayerVersion": ("Content", "S3Bucket", "S3Key", ArchiveKind.LAYER),
    "AWS::Serverless::Function": ("CodeUri", "", "", ArchiveKind.FUNCTION),
    "AWS::Serverless::LayerVersion": ("ContentUri", "", "", ArchiveKind.LAYER),
}
_NESTED = {"AWS::CloudFormation::Stack": "TemplateURL", "AWS::Serverless::Application": "Location"}


def is_template(text: str) -> bool:
    """Return whether a text is a CloudFormation or SAM template rather than a manifest."""
    return any(line.startswith(("Resources", '"Resources"', "AWSTemplateFormatVersion")) for line in _tops(text))


def _tops(text: str) -> list[str]:
    if text.lstrip().startswith("{"):
        return [line.strip() for line in text.splitlines()] + [text.lstrip("{ \n")]
    return text.splitlines()


def compile_template(
    text: str, base: Path, *, stack_name: str, parameters: Mapping[str, str], within: tuple[Path, ...] = ()
) -> CompiledSystem:
    """Return a template as something deployable; `within` are the files that nest it, the outermost first.

    Raises DeployError where it is none, or names what is not there.
    """
    try:
        document = parse(text, allow_aliases=True)
        template = read_template(document)
    except TemplateError as error:
        raise DeployError(f"{within[-1]}: {error}" if within else str(error)) from error
    unknown = [name for name in parameters if name not in template.parameters]
    if unknown:
        known = ", ".join(template.parameters) or "none"
        raise DeployError(f"The template has no parameter {unknown[0]}.", f"Its parameters: {known}.")
    refuse_unpackaged(document)
    document = copy.deepcopy(document)
    archives = tuple(
        found
        for name, resource in (document.get("Resources") or {}).items()
        if isinstance(resource, dict) and (found := _archive(name, resource, document, base)) is not None
    )
    return CompiledSystem(
        stack_name=stack_name,
        template=document,
        parameters={name: as_text(value) for name, value in parameters.items()},
        capabilities=("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"),
        archives=archives,
        nested=tuple(_nested(document, base, within)),
    )


def _nested(document: Mapping[str, Value], base: Path, within: tuple[Path, ...]) -> Iterator[NestedWanted]:
    """Yield the templates on this machine that a template names as stacks of its own."""
    for name, resource in (document.get("Resources") or {}).items():
        kind = str(resource.get("Type", "")) if isinstance(resource, dict) else ""
        key = _NESTED.get(kind)
        said = (resource.get("Properties") or {}).get(key) if key is not None else None
        if key is None or not isinstance(said, str) or said.startswith(ELSEWHERE):
            continue
        file = base / said
        if file.resolve() in within:
            raise DeployError(f"{name}: {said} nests itself.", "A stack cannot be a part of its own.")
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise DeployError(
                f"{name}: {said} cannot be read: {error}", f"{key} is relative to the template."
            ) from error
        inner = compile_template(text, file.parent, stack_name=name, parameters={}, within=(*within, file.resolve()))
        yield NestedWanted(name, key, os.path.relpath(file.parent, base), inner)


def _archive(name: str, resource: dict[str, Value], document: Mapping[str, Value], base: Path) -> ArchiveWanted | None:
    kind = str(resource.get("Type", ""))
    if kind not in _CODE:
        return None
    key, bucket_key, key_key, archive_kind = _CODE[kind]
    properties = resource.setdefault("Properties", {})
    usual = _globals(document) if kind.startswith("AWS::Serverless::Function") else {}
    source = properties.get(key, usual.get(key))
    has_other = "InlineCode" in properties or "ImageUri" in properties or usual.get("PackageType") == "Image"
    if source is None and kind.startswith("AWS::Serverless::Function") and not has_other:
        source = "."
    if not isinstance(source, str) or source.startswith("s3://"):
        return None
    if not (base / source).exists():
        raise DeployError(f"{name}: there is no {source} beside the template.", f"{key} is relative to it.")
    is_function = archive_kind is ArchiveKind.FUNCTION
    runtimes: Value
    if is_function:
        runtimes = [properties.get("Runtime", usual.get("Runtime", ""))]
        architectures = properties.get("Architectures", usual.get("Architectures"))
    else:
        built_for = layer_runtime(name, resource, base)
        runtimes = properties.get("CompatibleRuntimes") or [built_for]
        architectures = properties.get("CompatibleArchitectures")
    known = [one for one in runtimes if isinstance(one, str)] if isinstance(runtimes, list) else []
    first = architectures[0] if isinstance(architectures, list) and architectures else None
    bundle = bundle_of(name, resource, properties.get("Handler", usual.get("Handler")), base) if is_function else None
    if bundle is not None:
        show_source_maps(bundle, properties, usual)
    return ArchiveWanted(
        logical_id=name,
        property_name=key,
        source=source,
        kind=archive_kind,
        runtime=known[0] if known else "",
        more_runtimes=" ".join(known[1:]),
        architecture=first if isinstance(first, str) else "x86_64",
        bucket_key=bucket_key,
        key_key=key_key,
        bundle=bundle,
    )


def _globals(document: Mapping[str, Value]) -> Mapping[str, Value]:
    found = document.get("Globals") or {}
    return found.get("Function") or {} if isinstance(found, Mapping) else {}
