"""`AWS::LanguageExtensions`: loops are unrolled here; its functions are known to the evaluation of intrinsics.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lambent.template.document import TemplateError, Value, as_text
from lambent.template.intrinsics import Environment, evaluate

_LOOP = "Fn::ForEach::"
_POLICIES = ("DeletionPolicy", "UpdateReplacePolicy")


def extended(document: Mapping[str, Value], around: Environment) -> dict[str, Value]:
    """Return the document without loops, and with policies that are values. Raises TemplateError."""
    environment = replace(around, mappings=document.get("Mappings") or {}, conditions=document.get("Conditions") or {})
    found = {key: unrolled(value, environment) for key, value in document.items()}
    resources = found.get("Resources")
    if isinstance(resources, dict):
        found["Resources"] = {name: _with_policies(body, environment) for name, body in resources.items()}
    return found


def _with_policies(body: Value, around: Environment) -> Value:
    if not isinstance(body, dict):
        return body
    policies = {key: evaluate(body[key], around) for key in _POLICIES if isinstance(body.get(key), Mapping)}
    return {**body, **policies}


def unrolled(value: Value, around: Environment) -> Value:
    """Return the value with every Fn::ForEach replaced by what it makes. Raises TemplateError for a malformed one."""
    if isinstance(value, list):
        return [unrolled(one, around) for one in value]
    if not isinstance(value, Mapping):
        return value
    found: dict[str, Value] = {}
    for key, inner in value.items():
        if key.startswith(_LOOP):
            found.update(_loop(key, inner, around))
        else:
            found[key] = unrolled(inner, around)
    return found


def _loop(name: str, argument: Value, around: Environment) -> dict[str, Value]:
    match argument:
        case [str(variable), collection, Mapping() as body] if len(body) >= 1:
            items = evaluate(collection, around)
        case _:
            raise TemplateError(f"Template error: {name} layout is incorrect.")
    if isinstance(items, str):
        items = items.split(",")
    found: dict[str, Value] = {}
    for item in items:
        for key, inner in body.items():
            made = unrolled({_put(key, variable, item): _deep(inner, variable, item)}, around)
            found.update(made)
    return found


def _put(text: str, variable: str, item: Any) -> str:  # Any: one scalar of the collection
    word = as_text(item)
    text = text.replace(f"${{{variable}}}", word)
    return re.sub(rf"&\{{{variable}\}}", lambda _: re.sub(r"[^A-Za-z0-9]", "", word), text)


def _deep(value: Value, variable: str, item: Value) -> Value:
    if isinstance(value, str):
        return _put(value, variable, item)
    if isinstance(value, list):
        return [_deep(one, variable, item) for one in value]
    if isinstance(value, Mapping):
        if value == {"Ref": variable}:
            return item
        return {_put(key, variable, item): _deep(inner, variable, item) for key, inner in value.items()}
    return value
