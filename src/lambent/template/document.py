"""A CloudFormation template as values: sections, resources, parameters, outputs, each checked for its form.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

# Any: JSON-shaped: text, numbers, booleans, null, lists and mappings, with intrinsics among them
Value: TypeAlias = Any

_SECTIONS = frozenset({
    "AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions",
    "Transform", "Resources", "Outputs", "Hooks", "Globals",
})  # fmt: skip
_RESOURCE_KEYS = frozenset({
    "Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "UpdatePolicy",
    "CreationPolicy", "Metadata", "Description", "Version",
})  # fmt: skip
_LOGICAL_ID = re.compile(r"[A-Za-z0-9]+\Z")
_POLICIES = ("Delete", "Retain", "Snapshot", "RetainExceptOnCreate")


class TemplateError(Exception):
    """A template is not what AWS takes; the message is that of its ValidationError."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value given from outside; `default` is None where there is none."""

    name: str
    type: str
    default: str | None = None
    description: str = ""
    no_echo: bool = False
    allowed_values: tuple[str, ...] | None = None
    allowed_pattern: str | None = None
    constraint_description: str = ""
    min_length: int | None = None
    max_length: int | None = None
    min_value: float | None = None
    max_value: float | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as the template declares it; properties and policies may hold intrinsics."""

    logical_id: str
    type: str
    properties: Mapping[str, Value] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    deletion_policy: str | None = None
    update_replace_policy: str | None = None
    update_policy: Mapping[str, Value] = field(default_factory=dict)
    creation_policy: Mapping[str, Value] = field(default_factory=dict)
    metadata: Value = None


@dataclass(frozen=True, slots=True)
class Output:
    """A value that a stack tells; `export_name` may hold intrinsics."""

    name: str
    value: Value
    description: str = ""
    export_name: Value = None
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A template whose sections have the right form."""

    resources: Mapping[str, Resource]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    mappings: Mapping[str, Value] = field(default_factory=dict)
    conditions: Mapping[str, Value] = field(default_factory=dict)
    rules: Mapping[str, Value] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    transforms: tuple[Value, ...] = ()
    description: str = ""
    metadata: Mapping[str, Value] = field(default_factory=dict)


def read_template(document: Mapping[str, Value]) -> Template:
    """Return the template that a parsed document is. Raises TemplateError where AWS would refuse its form."""
    unknown = [key for key in document if key not in _SECTIONS]
    if unknown:
        raise TemplateError(f"Invalid template property or properties [{', '.join(unknown)}]")
    version = document.get("AWSTemplateFormatVersion", "2010-09-09")
    if str(version) != "2010-09-09":
        raise TemplateError(f"Template format error: {version} is not a supported value for AWSTemplateFormatVersion.")
    resources = _section(document, "Resources")
    transforms = document.get("Transform", ())
    if not resources and not transforms:
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    return Template(
        resources={name: _resource(name, body) for name, body in resources.items() if not _is_loop(name)},
        parameters={name: _parameter(name, body) for name, body in _section(document, "Parameters").items()},
        mappings=_section(document, "Mappings"),
        conditions=_section(document, "Conditions"),
        rules=_section(document, "Rules"),
        outputs={
            name: _output(name, body) for name, body in _section(document, "Outputs").items() if not _is_loop(name)
        },
        transforms=tuple(transforms)
        if isinstance(transforms, Sequence) and not isinstance(transforms, str)
        else (transforms,),
        description=_description(document),
        metadata=_section(document, "Metadata"),
    )


def _is_loop(name: str) -> bool:
    return name.startswith("Fn::")  # Fn::ForEach and Fn::Transform: gone once the transforms have run


def _section(document: Mapping[str, Value], name: str) -> Mapping[str, Value]:
    section = document.get(name)
    if section is None:
        return {}
    if not isinstance(section, Mapping):
        raise TemplateError(f"Template format error: {name} section is malformed; it must be a map.")
    return section


def _description(document: Mapping[str, Value]) -> str:
    text = document.get("Description", "")
    if not isinstance(text, str):
        raise TemplateError("Template format error: Description must be a string.")
    if len(text.encode()) > 1024:
        raise TemplateError("Template format error: 'Description' length is greater than 1024.")
    return text


def _resource(name: str, body: Value) -> Resource:
    if not _LOGICAL_ID.match(name):
        raise TemplateError(f"Template format error: Resource name {name} is non alphanumeric.")
    if not isinstance(body, Mapping):
        raise TemplateError(f"Template format error: Resource {name} must be an object.")
    unknown = [key for key in body if key not in _RESOURCE_KEYS]
    if unknown:
        raise TemplateError(f"Invalid template resource property '{unknown[0]}'")
    kind = body.get("Type")
    if kind is None:
        raise TemplateError(
            f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
        )
    if not isinstance(kind, str):
        raise TemplateError(f"Template format error: [/Resources/{name}/Type] must be a string.")
    properties = body.get("Properties") or {}
    if not isinstance(properties, Mapping):
        raise TemplateError(f"Template format error: Properties of resource {name} must be an object.")
    return Resource(
        logical_id=name,
        type=kind,
        properties=properties,
        depends_on=_depends_on(name, body.get("DependsOn")),
        condition=body.get("Condition"),
        deletion_policy=_policy(name, "DeletionPolicy", body),
        update_replace_policy=_policy(name, "UpdateReplacePolicy", body),
        update_policy=body.get("UpdatePolicy") or {},
        creation_policy=body.get("CreationPolicy") or {},
        metadata=body.get("Metadata"),
    )


def _depends_on(name: str, value: Value) -> tuple[str, ...]:
    if value is None:
        return ()
    names = (value,) if isinstance(value, str) else tuple(value)
    if not all(isinstance(one, str) for one in names):
        raise TemplateError(f"Template format error: DependsOn of resource {name} must be a string or list of strings.")
    return names


def _policy(name: str, key: str, body: Mapping[str, Value]) -> str | None:
    policy = body.get(key)
    if policy is None or (isinstance(policy, str) and policy in _POLICIES):
        return policy
    if isinstance(policy, Mapping):
        return None  # an intrinsic under AWS::LanguageExtensions, which the transform replaces by its value
    raise TemplateError(f"Template error: {key} must be one of {', '.join(_POLICIES)} in resource {name}.")


def _parameter(name: str, body: Value) -> Parameter:
    if not isinstance(body, Mapping) or "Type" not in body:
        raise TemplateError(
            f"Template format error: Every Parameters object must contain a Type member. [/Parameters/{name}]"
        )
    if not _LOGICAL_ID.match(name):
        raise TemplateError(f"Template format error: Parameter name {name} is non alphanumeric.")
    allowed = body.get("AllowedValues")
    default = body.get("Default")
    return Parameter(
        name=name,
        type=str(body["Type"]),
        default=None if default is None else as_text(default),
        description=str(body.get("Description", "")),
        no_echo=as_text(body.get("NoEcho", False)) == "true",
        allowed_values=None if allowed is None else tuple(as_text(one) for one in allowed),
        allowed_pattern=body.get("AllowedPattern"),
        constraint_description=str(body.get("ConstraintDescription", "")),
        min_length=_number(body, "MinLength", int),
        max_length=_number(body, "MaxLength", int),
        min_value=_number(body, "MinValue", float),
        max_value=_number(body, "MaxValue", float),
    )


def _number(body: Mapping[str, Value], key: str, kind: type[int | float]) -> Any:  # Any: of `kind`, or None
    return None if body.get(key) is None else kind(body[key])


def as_text(value: Value) -> str:
    """Return a scalar as CloudFormation writes it; a list is joined with commas."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(as_text(one) for one in value)
    return "" if value is None else str(value)


def _output(name: str, body: Value) -> Output:
    if not _LOGICAL_ID.match(name):
        raise TemplateError(f"Template format error: Output {name} is non alphanumeric.")
    if not isinstance(body, Mapping) or "Value" not in body:
        raise TemplateError(
            f"Template format error: Every Outputs member must contain a Value object. [/Outputs/{name}]"
        )
    export = body.get("Export")
    return Output(
        name=name,
        value=body["Value"],
        description=str(body.get("Description", "")),
        export_name=None if export is None else export.get("Name"),
        condition=body.get("Condition"),
    )
