"""A CloudFormation template as values: sections, resources, parameters, outputs, each checked for its form.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

# Any: JSON-shaped: text, numbers, booleans, null, lists and mappings, with intrinsics among them
Value: TypeAlias = Any

_SECTIONS = frozenset({
    "AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions",
    "Transform", "Resources", "Outputs", "Hooks",
})  # fmt: skip
_MADE_BY_TRANSFORMS = frozenset({"Globals"})  # SAM's: gone once its transform has run
_RESOURCE_KEYS = frozenset({
    "Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "UpdatePolicy",
    "CreationPolicy", "Metadata", "Description", "Version",
})  # fmt: skip
_TRANSFORMED_KEYS = frozenset({"Connectors", "IgnoreGlobals"})  # SAM's: as above
_PARAMETER_KEYS = frozenset({
    "Type", "Default", "NoEcho", "AllowedValues", "AllowedPattern", "MaxLength", "MinLength", "MaxValue", "MinValue",
    "Description", "ConstraintDescription",
})  # fmt: skip
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
AWS_PARAMETER_TYPES = frozenset({
    "AWS::EC2::AvailabilityZone::Name", "AWS::EC2::Image::Id", "AWS::EC2::Instance::Id", "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName", "AWS::EC2::SecurityGroup::Id", "AWS::EC2::Subnet::Id", "AWS::EC2::Volume::Id",
    "AWS::EC2::VPC::Id", "AWS::Route53::HostedZone::Id",
})  # fmt: skip
_INNER_TYPES = AWS_PARAMETER_TYPES | {"String"}
_STORED = "AWS::SSM::Parameter::Value<"
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
_LIMITS = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
_LONGEST_NAME = 255
_LOGICAL_ID = re.compile(r"[A-Za-z0-9]+\Z")
_POLICIES = {
    "DeletionPolicy": ("Delete", "Retain", "Snapshot", "RetainExceptOnCreate"),
    "UpdateReplacePolicy": ("Delete", "Retain", "Snapshot"),
}


class TemplateError(Exception):
    """A template is not what AWS takes; the message is that of its ValidationError."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value given from outside; `default` is None where there is none.

    >>> Parameter("P", "AWS::SSM::Parameter::Value<List<AWS::EC2::Subnet::Id>>").item_type
    'AWS::EC2::Subnet::Id'
    """

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

    @property
    def is_stored(self) -> bool:
        """Whether its value names an SSM parameter that holds the value proper."""
        return self.type.startswith(_STORED)

    @property
    def is_list(self) -> bool:
        """Whether Ref returns a list."""
        return "List<" in self.type or "CommaDelimitedList" in self.type

    @property
    def item_type(self) -> str:
        """The type of the value proper, or of each item where it is a list."""
        inner = self.type.removeprefix(_STORED).removesuffix(">") if self.is_stored else self.type
        if inner.startswith("List<"):
            return inner.removeprefix("List<").removesuffix(">")
        return "String" if inner == "CommaDelimitedList" else inner


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
    transforms = read_transforms(document)
    _check_sections(document, has_transforms=bool(transforms))
    resources = _section(document, "Resources")
    if not resources and not transforms:
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    parameters = read_parameters(document)
    common = ", ".join(name for name in resources if name in parameters)
    if common:
        raise TemplateError(
            f"Template error: all resources and parameters must have unique names. Common name(s):[{common}]"
        )
    return Template(
        resources={
            name: _resource(name, body, is_final=not transforms)
            for name, body in resources.items()
            if not _is_loop(name)
        },
        parameters=parameters,
        mappings=_mappings(document),
        conditions=_section(document, "Conditions"),
        rules=_section(document, "Rules"),
        outputs={
            name: _output(name, body) for name, body in _section(document, "Outputs").items() if not _is_loop(name)
        },
        transforms=transforms,
        description=_description(document),
        metadata=_section(document, "Metadata"),
    )


def read_parameters(document: Mapping[str, Value]) -> dict[str, Parameter]:
    """Return the parameters that a document declares; the rest of it may still be a transform's to rewrite."""
    return {name: _parameter(name, body) for name, body in _section(document, "Parameters").items()}


def read_transforms(document: Mapping[str, Value]) -> tuple[Value, ...]:
    """Return the document's own transforms, in their order. Raises TemplateError for one whose name is no text."""
    section = document.get("Transform")
    listed = () if section is None else tuple(section) if isinstance(section, list) else (section,)
    for one in listed:
        if not isinstance(one.get("Name") if isinstance(one, Mapping) else one, str):
            raise TemplateError("Key Name of transform definition must be a string.")
    return listed


def _check_sections(document: Mapping[str, Value], *, has_transforms: bool) -> None:
    known = _SECTIONS | _MADE_BY_TRANSFORMS if has_transforms else _SECTIONS
    unknown = [key for key in document if key not in known]
    if unknown:
        raise TemplateError(f"Invalid template property or properties [{', '.join(unknown)}]")
    _check_version(document)
    for place in _nulls(document, ""):
        raise TemplateError(f"[{place}] 'null' values are not allowed in templates")
    for name, most in _LIMITS.items():
        number = len(_section(document, name))
        if number > most:
            raise TemplateError(
                f"Template format error: Number of {name.lower()}, {number}, is greater than maximum allowed, {most}"
            )


def _check_version(document: Mapping[str, Value]) -> None:
    version = document.get("AWSTemplateFormatVersion", "2010-09-09")
    if str(version) != "2010-09-09":
        raise TemplateError(f"Template format error: {version} is not a supported value for AWSTemplateFormatVersion.")


def _nulls(value: Value, place: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _nulls(inner, f"{place}/{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _nulls(inner, f"{place}/{number}")
    elif value is None and place.count("/") > 1:  # a section without anything in it is none at all
        yield place


def _is_loop(name: str) -> bool:
    return name.startswith("Fn::")  # Fn::ForEach and Fn::Transform: gone once the transforms have run


def _section(document: Mapping[str, Value], name: str) -> Mapping[str, Value]:
    section = document.get(name)
    if section is None:
        return {}
    if not isinstance(section, Mapping):
        raise TemplateError(f"Template format error: {name} section is malformed; it must be a map.")
    return section


def _mappings(document: Mapping[str, Value]) -> Mapping[str, Value]:
    mappings = _section(document, "Mappings")
    for name, table in mappings.items():
        if not isinstance(table, Mapping):
            raise TemplateError(f"Template format error: Every Mappings member {name} must be a map")
        if _is_loop(name):
            continue
        for key, entry in table.items():
            if not isinstance(entry, Mapping):
                raise TemplateError(f"Template format error: Every Mappings member {key} must be a map")
            if not all(_is_mapped(value) for value in entry.values()):
                raise TemplateError("Template format error: Every Mappings attribute must be a String or a List.")
    return mappings


def _is_mapped(value: Value) -> bool:
    return not any(isinstance(one, Mapping | list) for one in (value if isinstance(value, list) else [value]))


def _description(document: Mapping[str, Value]) -> str:
    text = document.get("Description", "")
    if not isinstance(text, str):
        raise TemplateError("Template format error: Description must be a string.")
    if len(text.encode()) > 1024:
        raise TemplateError("Template format error: 'Description' length is greater than 1024.")
    return text


def _resource(name: str, body: Value, *, is_final: bool) -> Resource:
    _check_name("Resource name", name)
    if not isinstance(body, Mapping):
        raise TemplateError("Template format error: Any Resources member must be an object.")
    kind = body.get("Type")
    if kind is None:
        raise TemplateError(
            f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
        )
    known = _RESOURCE_KEYS if is_final else _RESOURCE_KEYS | _TRANSFORMED_KEYS
    unknown = [key for key in body if key not in known]
    if unknown:
        raise TemplateError(f"Invalid template resource property '{unknown[0]}'")
    if not isinstance(kind, str):
        raise TemplateError(f"Template format error: [/Resources/{name}/Type] must be a string.")
    return Resource(
        logical_id=name,
        type=kind,
        properties=_inner(name, "Properties", body),
        depends_on=_depends_on(body.get("DependsOn")),
        condition=_condition_of(body),
        deletion_policy=_policy(name, "DeletionPolicy", body, is_final=is_final),
        update_replace_policy=_policy(name, "UpdateReplacePolicy", body, is_final=is_final),
        update_policy=_inner(name, "UpdatePolicy", body),
        creation_policy=_inner(name, "CreationPolicy", body),
        metadata=body.get("Metadata"),
    )


def _check_name(what: str, name: str) -> None:
    if not _LOGICAL_ID.match(name):
        raise TemplateError(f"Template format error: {what} {name} is non alphanumeric.")
    if len(name) > _LONGEST_NAME:
        raise TemplateError(f"Template format error: {what} {name} is longer than {_LONGEST_NAME} characters.")


def _inner(name: str, key: str, body: Mapping[str, Value]) -> Mapping[str, Value]:
    found = body.get(key) or {}
    if not isinstance(found, Mapping):
        raise TemplateError(f"Template format error: [/Resources/{name}/{key}] must be an object.")
    return found


def _condition_of(body: Mapping[str, Value]) -> str | None:
    condition = body.get("Condition")
    if condition is not None and not isinstance(condition, str):
        raise TemplateError("Template format error: Every Condition member must be a string.")
    return condition


def _depends_on(value: Value) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, str | list):
        raise TemplateError("Template format error: DependsOn must be a string or list of strings.")
    names = (value,) if isinstance(value, str) else tuple(value)
    if not all(isinstance(one, str) for one in names):
        raise TemplateError("Template format error: Every DependsOn value must be a string.")
    return names


def _policy(name: str, key: str, body: Mapping[str, Value], *, is_final: bool) -> str | None:
    policy = body.get(key)
    if policy is None or (isinstance(policy, str) and policy in _POLICIES[key]):
        return policy
    if isinstance(policy, str):
        raise TemplateError(f"Template error: {key} must be one of {', '.join(_POLICIES[key])} in resource {name}.")
    if isinstance(policy, Mapping) and not is_final:
        return None  # an intrinsic, which AWS::LanguageExtensions replaces by its value
    raise TemplateError(f"Template format error: Every {key} member must be a string.")


def _parameter(name: str, body: Value) -> Parameter:
    if not isinstance(body, Mapping) or "Type" not in body:
        raise TemplateError("Template format error: Every Parameters object must contain a Type member.")
    _check_name("Parameter name", name)
    unknown = [key for key in body if key not in _PARAMETER_KEYS]
    if unknown:
        raise TemplateError(f"Invalid template parameter property '{unknown[0]}'")
    if not _is_parameter_type(body["Type"]):
        raise TemplateError(f"Template format error: Unrecognized parameter type: {as_text(body['Type'])}")
    allowed = body.get("AllowedValues")
    if allowed is not None and not isinstance(allowed, list):
        raise TemplateError(f"Template format error: AllowedValues of parameter {name} must be a list.")
    default = body.get("Default")
    if isinstance(default, Mapping | list):
        raise TemplateError("Template format error: Every Default member must be a string.")
    return Parameter(
        name=name,
        type=body["Type"],
        default=None if default is None else as_text(default),
        description=as_text(body.get("Description", "")),
        no_echo=as_text(body.get("NoEcho", False)).lower() == "true",
        allowed_values=None if allowed is None else tuple(as_text(one) for one in allowed),
        allowed_pattern=_pattern(name, body.get("AllowedPattern")),
        constraint_description=as_text(body.get("ConstraintDescription", "")),
        **_bounds(name, body),
    )


def _is_parameter_type(kind: Value) -> bool:
    if kind in {"String", "Number", "List<Number>", "CommaDelimitedList", "AWS::SSM::Parameter::Name"}:
        return True
    if not isinstance(kind, str):
        return False
    inner = kind.removeprefix(_STORED).removesuffix(">") if kind.startswith(_STORED) else kind
    is_stored = inner != kind
    if inner.startswith("List<"):
        return inner.removeprefix("List<").removesuffix(">") in (_INNER_TYPES if is_stored else AWS_PARAMETER_TYPES)
    return inner in AWS_PARAMETER_TYPES or (is_stored and inner in {"String", "CommaDelimitedList"})


def _pattern(name: str, pattern: Value) -> str | None:
    if pattern is None:
        return None
    try:
        re.compile(as_text(pattern))
    except re.error as error:
        raise TemplateError(f"Parameter '{name}' AllowedPattern must be a valid regular expression.") from error
    return as_text(pattern)


def _bounds(name: str, body: Mapping[str, Value]) -> dict[str, Any]:  # Any: the bounds of a Parameter, by field
    found: dict[str, Any] = {}  # Any: as above
    for low, high, kind, types in (
        ("MinLength", "MaxLength", int, _is_text),
        ("MinValue", "MaxValue", float, _is_number),
    ):
        given = {key: body[key] for key in (low, high) if key in body}
        if given and not types(body["Type"]):
            wanted = "String" if kind is int else "Number"
            raise TemplateError(f"Template error: Parameter '{name}' {next(iter(given))} must be on a parameter of type {wanted}")  # fmt: skip  # noqa: E501 - a message in one piece
        try:
            numbers = {key: kind(as_text(value)) for key, value in given.items()}
        except ValueError as error:
            raise TemplateError(f"Template format error: {low} and {high} of parameter {name} must be numbers.") from error  # fmt: skip  # noqa: E501 - a message in one piece
        if len(numbers) > 1 and numbers[low] > numbers[high]:
            raise TemplateError(f"Template error: Parameter '{name}' {low} must be less than {high}.")
        found |= {f"{key[:3].lower()}_{key[3:].lower()}": value for key, value in numbers.items()}
    return found


def _is_text(kind: str) -> bool:
    return kind not in {"Number", "List<Number>", "CommaDelimitedList"}


def _is_number(kind: str) -> bool:
    return kind in {"Number", "List<Number>"}


def as_text(value: Value) -> str:
    """Return a scalar as CloudFormation writes it; a list is joined with commas."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(as_text(one) for one in value)
    return "" if value is None else str(value)


def _output(name: str, body: Value) -> Output:
    _check_name("Output", name)
    if not isinstance(body, Mapping) or "Value" not in body:
        raise TemplateError("Template format error: Every Outputs member must contain a Value object")
    export = body.get("Export")
    if export is not None and not (isinstance(export, Mapping) and set(export) == {"Name"}):
        raise TemplateError(f"Template format error: Output {name} is malformed. The Export object must contain a Name.")  # fmt: skip  # noqa: E501 - a message in one piece
    return Output(
        name=name,
        value=body["Value"],
        description=as_text(body.get("Description", "")),
        export_name=None if export is None else export["Name"],
        condition=_condition_of(body),
    )
