"""What a definition would make of a stack, told beforehand: the changes of a change set.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from lambent.cloud.services.cloudformation.engine.display import displayed
from lambent.cloud.services.cloudformation.engine.surroundings import surroundings
from lambent.cloud.services.cloudformation.model.masking import shown
from lambent.cloud.services.cloudformation.model.replacement import changed_properties, must_replace, recreation
from lambent.cloud.services.cloudformation.model.stack import Definition, ResourceStatus, Stack, StackResource
from lambent.cloud.services.cloudformation.resources.table import ResourceTypes
from lambent.template.document import Resource, Template, Value, as_text
from lambent.template.graph import dependencies, in_order
from lambent.template.intrinsics import UNKNOWN, Environment, evaluate, holds

Change = dict[str, Any]  # Any: a Change of the API
_GONE = frozenset({ResourceStatus.DELETE_COMPLETE, ResourceStatus.DELETE_SKIPPED, ResourceStatus.CREATE_FAILED})


def planned(  # noqa: PLR0913, PLR0917 - all that a plan depends on
    template: Template,
    stack: Stack,
    definition: Definition,
    resources: Mapping[str, StackResource],
    types: ResourceTypes,
    export: Callable[[str], Value],
) -> list[Change]:
    """Return the changes, in the order in which they would be made; removals last. Raises TemplateError."""
    live = {name: row for name, row in resources.items() if row.status not in _GONE}
    around = surroundings(template, replace(stack, definition=definition), live, types, export)
    active = {
        name: one for name, one in template.resources.items() if one.condition is None or holds(one.condition, around)
    }
    changes: list[Change] = []
    before = dict(live)
    for name in in_order(dependencies(active)):
        change = _of_resource(active[name], before.get(name), around, types, definition)
        if change is not None:
            changes.append(change)
            if change["ResourceChange"].get("Replacement") == "True":
                live.pop(name, None)  # its new ids are not known to those that refer to it
            elif name in live:
                live[name] = replace(live[name], status=ResourceStatus.UPDATE_IN_PROGRESS)
    for name, row in reversed(list(before.items())):
        if name not in active:
            changes.append(_removal(row))
    return changes


def changed_types(template: Template, resources: Mapping[str, StackResource]) -> list[str]:
    """Return the resources that are there and of which the template makes another type: AWS permits none."""
    return [
        name
        for name, row in resources.items()
        if row.status not in _GONE and name in template.resources and template.resources[name].type != row.type
    ]


def _of_resource(
    resource: Resource, row: StackResource | None, around: Environment, types: ResourceTypes, definition: Definition
) -> Change | None:
    kind = types.get(resource.type)
    after = evaluate(resource.properties, around)
    told = displayed(resource, after, around, definition)
    if row is None or kind is None:
        return _change(
            {
                "Action": "Add",
                "LogicalResourceId": resource.logical_id,
                "ResourceType": resource.type,
                "Scope": [],
                "Details": [],
                "AfterContext": _context(told),
            }
        )
    was = shown(row.properties, row.masked)
    after = {name: _as_written(value, row.properties.get(name), was.get(name)) for name, value in after.items()}
    names = changed_properties(row.properties, after)
    if not names and row.type == resource.type:
        return None
    replaces = row.type != resource.type or must_replace(kind, row.properties, after)
    details = [
        _with_values(
            _detail(name, resource, row, after, recreation(name, kind, row.properties, after)),
            before=_shown(was.get(name)),
            after=_shown(told.get(name)),
        )
        for name in names
    ]
    conditional = any(one["Target"]["RequiresRecreation"] == "Conditionally" for one in details)
    return _change(
        {
            "PolicyAction": _policy_action(row) if replaces else None,
            "Action": "Modify",
            "LogicalResourceId": resource.logical_id,
            "PhysicalResourceId": row.physical_id,
            "ResourceType": resource.type,
            "Replacement": "True" if replaces else "Conditional" if conditional else "False",
            "Scope": _scope(names),
            "Details": details,
            "BeforeContext": _context(was),
            "AfterContext": _context(told),
        }
    )


def _as_written(after: Value, before: Value, was: Value) -> Value:
    """Return a value with what a dynamic reference stood for, wherever it is written as it was (`was`).

    What it stands for now is not looked at: AWS takes such a property to be unchanged.
    """
    if isinstance(after, str):
        return before if "{{resolve:" in after and was == after else after
    if isinstance(after, Mapping) and isinstance(before, Mapping) and isinstance(was, Mapping):
        return {name: _as_written(value, before.get(name), was.get(name)) for name, value in after.items()}
    lists = isinstance(after, list) and isinstance(before, list) and isinstance(was, list)
    if lists and len(after) == len(before) == len(was):
        return [_as_written(*three) for three in zip(after, before, was, strict=True)]
    return after


def _removal(row: StackResource) -> Change:
    policy = "Retain" if row.deletion_policy.startswith("Retain") else "Delete"
    return _change(
        {
            "PolicyAction": policy,
            "Action": "Remove",
            "LogicalResourceId": row.logical_id,
            "PhysicalResourceId": row.physical_id,
            "ResourceType": row.type,
            "Scope": [],
            "Details": [],
            "BeforeContext": _context(shown(row.properties, row.masked)),
        }
    )


def _policy_action(row: StackResource) -> str:
    return "ReplaceAndRetain" if row.replace_policy.startswith("Retain") else "ReplaceAndDelete"


def _scope(names: tuple[str, ...]) -> list[str]:
    found = {"Tags" if name == "Tags" else "Properties" for name in names}
    return sorted(found)


def _detail(name: str, resource: Resource, row: StackResource, after: Mapping[str, Value], how: str) -> Change:
    value = after.get(name)
    entity = _entity(resource.properties.get(name))
    is_dynamic = UNKNOWN in json.dumps(value)
    target = {
        "Attribute": "Tags" if name == "Tags" else "Properties",
        "Name": name,
        "RequiresRecreation": how,
        "Path": f"/Properties/{name}",
        "AttributeChangeType": "Add" if name not in row.properties else "Remove" if name not in after else "Modify",
    }
    found: Change = {
        "Target": target,
        "Evaluation": "Dynamic" if is_dynamic else "Static",
        "ChangeSource": entity[0],
    }
    if entity[1]:
        found["CausingEntity"] = entity[1]
    return found


def _with_values(detail: Change, **values: str | None) -> Change:
    told = {f"{side.capitalize()}Value": value for side, value in values.items() if value is not None}
    return {**detail, "Target": {**detail["Target"], **told}}


def _entity(value: Value) -> tuple[str, str]:
    match value:
        case {"Ref": str(name)}:
            return "ResourceReference", name
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return "ResourceAttribute", f"{name}.{attribute}"
        case _:
            return "DirectModification", ""


def _shown(value: Value) -> str | None:
    if value is None:
        return None
    return json.dumps(value, separators=(",", ":")) if isinstance(value, Mapping | list) else as_text(value)


def _context(properties: Mapping[str, Value]) -> str:
    return json.dumps({"Properties": properties}, separators=(",", ":"))


def _change(members: Mapping[str, Any]) -> Change:  # Any: as above
    return {
        "Type": "Resource",
        "ResourceChange": {name: value for name, value in members.items() if value is not None},
    }
