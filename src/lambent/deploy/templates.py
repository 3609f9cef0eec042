"""An existing CloudFormation or SAM template: what it names on this machine is packaged, the rest is left as it is.

`aws cloudformation package` does the same:
https://docs.aws.amazon.com/cli/latest/reference/cloudformation/package.html
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lambent.compiler.result import ArchiveKind, ArchiveWanted, CompiledSystem, NestedWanted
from lambent.deploy.document import resources_of
from lambent.deploy.errors import DeployError
from lambent.deploy.includes import with_includes
from lambent.deploy.sam_builds import built_on, bundle_of, layer_runtime, require_built, show_source_maps
from lambent.deploy.unpackaged import ELSEWHERE, refuse_unpackaged
from lambent.template.codec import parse
from lambent.template.document import Template, TemplateError, Value, as_text, read_template

# Of each type: the property that names code, and the keys of its place in S3 ("" twice: one s3:// text).
_CODE = {
    "AWS::Lambda::Function": ("Code", "S3Bucket", "S3Key", ArchiveKind.FUNCTION),
    "AWS::Lambda::LayerVersion": ("Content", "S3Bucket", "S3Key", ArchiveKind.LAYER),
    "AWS::Serverless::Function": ("CodeUri", "", "", ArchiveKind.FUNCTION),
    "AWS::Serverless::LayerVersion": ("ContentUri", "", "", ArchiveKind.LAYER),
}
_NESTED = {"AWS::CloudFormation::Stack": "TemplateURL", "AWS::Serverless::Application": "Location"}
_TELLING: Final = frozenset({"Resources", "AWSTemplateFormatVersion"})
_TOP: Final = re.compile(r"""^["']?(Resources|AWSTemplateFormatVersion)["']?\s*:""", re.MULTILINE)


def is_template(text: str) -> bool:
    """Return whether a text is a CloudFormation or SAM template rather than a manifest."""
    if not text.lstrip().startswith("{"):
        return _TOP.search(text) is not None
    try:
        return not _TELLING.isdisjoint(json.loads(text))
    except ValueError:
        return any(re.search(rf"[{{,\s\"']{name}[\"']?\s*:", text) for name in _TELLING)


def compile_template(
    text: str, base: Path, *, stack_name: str, parameters: Mapping[str, Value], within: tuple[Path, ...] = ()
) -> CompiledSystem:
    """Return a template as something deployable; `within` are the files that nest it, the outermost first.

    Raises DeployError where it is none, names what is not there, or has a parameter that nothing gives a value.
    """
    try:
        document, included = with_includes(parse(text, allow_aliases=True), base)
        template = read_template(document)
    except TemplateError as error:
        raise DeployError(f"{within[-1]}: {error}" if within else str(error)) from error
    values = _values(template, parameters, within)
    refuse_unpackaged(document)
    document = copy.deepcopy(document)
    archives = tuple(
        found
        for name, resource in resources_of(document)
        if (found := _archive(name, resource, document, _Known(base, values))) is not None
    )
    return CompiledSystem(
        stack_name=stack_name,
        template=document,
        parameters={name: as_text(value) for name, value in parameters.items() if not isinstance(value, dict | list)},
        capabilities=("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"),
        archives=archives,
        nested=tuple(_nested(document, base, within)),
        included=included,
    )


def _values(template: Template, given: Mapping[str, Value], within: tuple[Path, ...]) -> dict[str, Value]:
    """Return each parameter's value as far as it is known. Raises DeployError for one too many, and one without."""
    which = f"{within[-1]}" if within else "The template"
    unknown = [name for name in given if name not in template.parameters]
    if unknown:
        known = ", ".join(template.parameters) or "none"
        raise DeployError(f"{which} has no parameter {unknown[0]}.", f"Its parameters: {known}.")
    usual = {name: one.default for name, one in template.parameters.items() if not one.is_stored}
    missing = [name for name, one in template.parameters.items() if one.default is None and name not in given]
    if missing:
        how = " ".join(f"--set {name}=VALUE" for name in missing)
        raise DeployError(
            f"{which} needs a value for {', '.join(missing)}: no default says one.",
            "Give it in the Parameters of the resource that nests it." if within else f"Give it: {how}",
        )
    return {**usual, **given}


def _nested(document: Mapping[str, Value], base: Path, within: tuple[Path, ...]) -> Iterator[NestedWanted]:
    """Yield the templates on this machine that a template names as stacks of its own."""
    for name, resource in resources_of(document):
        key = _NESTED.get(str(resource.get("Type", "")))
        properties = resource.get("Properties") or {}
        said = properties.get(key) if key is not None else None
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
        given = properties.get("Parameters") or {}
        inner = compile_template(text, file.parent, stack_name=name, parameters=given, within=(*within, file.resolve()))
        yield NestedWanted(name, key, os.path.relpath(file.parent, base), inner)


@dataclass(frozen=True, slots=True)
class _Known:
    """Where paths begin, and what the template's parameters come to."""

    base: Path
    values: Mapping[str, Value]

    def plain(self, value: Value) -> Value:
        """Return a value with its references to parameters replaced; other intrinsics stay."""
        if isinstance(value, list):
            return [self.plain(one) for one in value]
        is_reference = isinstance(value, dict) and value.keys() == {"Ref"}
        return self.values.get(value["Ref"], value) if is_reference else value

    def texts(self, value: Value) -> list[str]:
        """Return the texts of a list as far as they are known."""
        plain = self.plain(value)
        listed = plain.split(",") if isinstance(plain, str) else plain
        return [one.strip() for one in listed if isinstance(one, str)] if isinstance(listed, list) else []


def _archive(
    name: str, resource: dict[str, Value], document: Mapping[str, Value], known: _Known
) -> ArchiveWanted | None:
    kind = str(resource.get("Type", ""))
    if kind not in _CODE:
        return None
    key, bucket_key, key_key, archive_kind = _CODE[kind]
    properties = resource.setdefault("Properties", {})
    usual = _globals(document) if kind == "AWS::Serverless::Function" else {}
    said = {**usual, **properties}
    source = known.plain(said.get(key))
    if said.get("PackageType") == "Image":
        require_built(name, resource, said)
    if "InlineCode" in properties or "ImageUri" in properties or said.get("PackageType") == "Image":
        return None
    if source is None and kind == "AWS::Serverless::Function":
        source = "."
    if not isinstance(source, str) or source.startswith("s3://"):
        return None
    if not (known.base / source).exists():
        raise DeployError(f"{name}: there is no {source} beside the template.", f"{key} is relative to it.")
    if archive_kind is ArchiveKind.LAYER:
        built_for = layer_runtime(name, resource, known.base)
        runtimes = known.texts(properties.get("CompatibleRuntimes")) or [built_for]
        architectures = known.texts(properties.get("CompatibleArchitectures")) or built_on(resource)
        bundle = None
    else:
        runtimes = known.texts([said.get("Runtime")])
        architectures = known.texts(said.get("Architectures"))
        bundle = bundle_of(name, resource, known.plain(said.get("Handler")), known.base)
    if bundle is not None:
        show_source_maps(bundle, properties, usual)
    return ArchiveWanted(
        logical_id=name,
        property_name=key,
        source=source,
        kind=archive_kind,
        runtime=runtimes[0] if runtimes else "",
        more_runtimes=" ".join(runtimes[1:]),
        architecture=architectures[0] if architectures else "x86_64",
        bucket_key=bucket_key,
        key_key=key_key,
        bundle=bundle,
    )


def _globals(document: Mapping[str, Value]) -> Mapping[str, Value]:
    found = document.get("Globals") or {}
    return found.get("Function") or {} if isinstance(found, Mapping) else {}
