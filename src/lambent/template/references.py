"""What a template's sections refer to: all of it has to be there, and to be of the right kind.

Found before anything is evaluated, whatever the parameters are; AWS's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Literal

from lambent.template.document import Resource, Template, TemplateError, Value
from lambent.template.graph import dependencies, in_order, mentioned
from lambent.template.intrinsics import FUNCTIONS, unsupported

HasAttribute = Callable[[Resource, str], bool]
PSEUDO = frozenset({
    "AWS::AccountId", "AWS::NotificationARNs", "AWS::NoValue", "AWS::Partition", "AWS::Region", "AWS::StackId",
    "AWS::StackName", "AWS::URLSuffix",
})  # fmt: skip
_OF_LANGUAGE_EXTENSIONS = frozenset({"Fn::Length", "Fn::ToJsonString"})
_BOOLEAN = frozenset({"Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals", "Condition"})
_PLACEHOLDER = re.compile(r"\$\{(?!!)\s*([^}]*?)\s*\}")


@dataclass(frozen=True, slots=True)
class Mention:
    """One reference: by which function, to what, and to which attribute of it."""

    by: Literal["Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If", "Condition", "Fn::FindInMap"]
    name: str
    attribute: str = ""


def check_references(template: Template, has_attribute: HasAttribute, *, has_extensions: bool = False) -> None:
    """Raise TemplateError for the first thing that is referred to and is not there, or goes in a circle.

    `has_extensions` says that the template used AWS::LanguageExtensions, whose functions it may have then.
    """
    _check_functions(template, has_extensions=has_extensions)
    _check_conditions(template)
    resources = template.resources.values()
    for resource in resources:
        _check_condition_of(resource.condition, template, "Resources")
    values = [
        value
        for one in resources
        for value in (one.properties, one.metadata, one.update_policy, one.creation_policy)
        if value
    ]
    _check_block(values, template, has_attribute, "Resources")
    names = [name for one in resources for name in one.depends_on if name not in template.resources]
    if names:
        raise TemplateError(_unresolved(names, "Resources"))
    for output in template.outputs.values():
        _check_condition_of(output.condition, template, "Outputs")
    told = [value for one in template.outputs.values() for value in (one.value, one.export_name)]
    _check_block(told, template, has_attribute, "Outputs")
    _check_imports(template)
    for resource in resources:
        if resource.logical_id in (*resource.depends_on, *mentioned(resource.properties)):
            raise TemplateError(f"Circular dependency between resources: [{resource.logical_id}]")
    in_order(dependencies(template.resources))


def mentions(value: Value) -> Iterator[Mention]:
    """Yield every reference in a value, in the order of the text."""
    if isinstance(value, list):
        for one in value:
            yield from mentions(one)
    elif isinstance(value, Mapping) and len(value) == 1:
        yield from _of_function(*next(iter(value.items())))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from mentions(inner)


def _of_function(name: str, argument: Value) -> Iterator[Mention]:
    match name, argument:
        case "Ref", str():
            yield Mention("Ref", argument)
            return
        case "Condition", str():
            yield Mention("Condition", argument)
            return
        case "Fn::GetAtt", str():
            target, _, attribute = argument.partition(".")
            yield Mention("Fn::GetAtt", target, attribute)
            return
        case "Fn::GetAtt", [str(target), attribute]:
            yield Mention("Fn::GetAtt", target, attribute if isinstance(attribute, str) else "")
        case "Fn::If", [str(condition), *_]:
            yield Mention("Fn::If", condition)
        case "Fn::FindInMap", [str(table), *_]:
            yield Mention("Fn::FindInMap", table)
        case "Fn::Sub", str() | [str(), *_]:
            yield from _of_substitution(argument)
    yield from mentions(argument)


def _of_substitution(argument: Value) -> Iterator[Mention]:
    text = argument if isinstance(argument, str) else argument[0]
    given = argument[1] if isinstance(argument, list) and len(argument) > 1 else {}
    for placeholder in _PLACEHOLDER.findall(text):
        if placeholder not in given:
            target, _, attribute = placeholder.partition(".")
            yield Mention("Fn::Sub", target, attribute)


def _check_functions(template: Template, *, has_extensions: bool) -> None:
    known = FUNCTIONS.keys() if has_extensions else FUNCTIONS.keys() - _OF_LANGUAGE_EXTENSIONS
    values = [
        *(one.properties for one in template.resources.values()),
        *(one.value for one in template.outputs.values()),
        *template.conditions.values(),
    ]
    for name, argument in _calls(values):
        if name not in known:
            raise TemplateError(unsupported(name))
        # A fourth, a value for where there is nothing in the map, is the language extensions' own.
        if name == "Fn::FindInMap" and isinstance(argument, list) and len(argument) > 3 and not has_extensions:
            raise TemplateError(
                "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the "
                "attribute for return value"
            )


def _calls(value: Value) -> Iterator[tuple[str, Value]]:
    if isinstance(value, list):
        for one in value:
            yield from _calls(one)
    elif isinstance(value, Mapping):
        if len(value) == 1 and next(iter(value)).startswith("Fn::"):
            yield next(iter(value.items()))
        for inner in value.values():
            yield from _calls(inner)


def _check_block(values: Iterable[Value], template: Template, has_attribute: HasAttribute, block: str) -> None:
    found = [one for value in values for one in mentions(value)]
    known = PSEUDO | template.resources.keys() | template.parameters.keys()
    dangling = [
        one.name for one in found if one.by in {"Ref", "Fn::Sub"} and not one.attribute and one.name not in known
    ]
    if dangling:
        raise TemplateError(_unresolved(dangling, block))
    for one in found:
        _check_mention(one, template, has_attribute)


def _check_mention(one: Mention, template: Template, has_attribute: HasAttribute) -> None:
    resource = template.resources.get(one.name)
    fits = resource is not None and (not one.attribute or has_attribute(resource, one.attribute))
    match one.by:
        case "Fn::GetAtt" if resource is None:
            raise TemplateError(f"Template error: instance of Fn::GetAtt references undefined resource {one.name}")
        case "Fn::GetAtt" if not fits:
            raise TemplateError(
                f"Template error: resource {one.name} does not support attribute type {one.attribute} in Fn::GetAtt"
            )
        case "Fn::Sub" if one.attribute and not fits:
            raise TemplateError(
                f"Template error: instance of Fn::Sub references invalid resource attribute {one.name}.{one.attribute}"
            )
        case "Fn::If" | "Condition" if one.name not in template.conditions:
            raise TemplateError(f"Template error: unresolved condition dependency {one.name} in {one.by}")
        case "Fn::FindInMap" if one.name not in template.mappings:
            raise TemplateError(
                f"Template error: Mapping named '{one.name}' is not present in the 'Mappings' section of template."
            )


def _check_condition_of(condition: str | None, template: Template, block: str) -> None:
    if condition is not None and condition not in template.conditions:
        raise TemplateError(
            f"Template format error: Unresolved condition dependency {condition} in the {block} block of the template"
        )


def _check_conditions(template: Template) -> None:
    allowed = PSEUDO | template.parameters.keys()
    needs: dict[str, set[str]] = {}
    for name, condition in template.conditions.items():
        if not (isinstance(condition, Mapping) and len(condition) == 1 and condition.keys() <= _BOOLEAN):
            raise TemplateError(
                "Template format error: Conditions can only be boolean operations on parameters and other conditions"
            )
        found = list(mentions(condition))
        foreign = [one.name for one in found if one.by in {"Ref", "Fn::GetAtt", "Fn::Sub"} and one.name not in allowed]
        if foreign:
            raise TemplateError(
                f"Template format error: Unresolved dependencies [{', '.join(dict.fromkeys(foreign))}]. Cannot "
                "reference resources in the Conditions block of the template"
            )
        needs[name] = {one.name for one in found if one.by in {"Condition", "Fn::If"}}
        for needed in sorted(needs[name]):
            _check_condition_of(needed, template, "Conditions")
        for one in found:
            if one.by == "Fn::FindInMap":
                _check_mention(one, template, lambda _resource, _attribute: True)
    _check_circles(needs)


def _check_circles(needs: Mapping[str, set[str]]) -> None:
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        circle = ", ".join(sorted(set(error.args[1])))
        raise TemplateError(f"Template format error: Circular dependency between conditions: [{circle}]") from error


def _check_imports(template: Template) -> None:
    values = [one.properties for one in template.resources.values()] + [one.value for one in template.outputs.values()]
    for argument in _imported(values):
        is_live = any(one.by == "Fn::GetAtt" or one.name in template.resources for one in mentions(argument))
        if is_live or {"Fn::ImportValue", "Fn::GetAZs"} & {name for name, _ in _calls(argument)}:
            raise TemplateError(
                "Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, "
                "or Fn::GetAZs"
            )


def _imported(value: Value) -> Iterator[Value]:
    if isinstance(value, list):
        for one in value:
            yield from _imported(one)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "Fn::ImportValue":
                yield inner
            yield from _imported(inner)


def _unresolved(names: Iterable[str], block: str) -> str:
    listed = ", ".join(dict.fromkeys(names))
    return f"Template format error: Unresolved resource dependencies [{listed}] in the {block} block of the template"
