"""CloudFormation's intrinsic functions as the compiler writes them."""

from __future__ import annotations

import re
from typing import Any

from lambent.compiler.names import logical_id

Value = Any  # Any: a template's value: text, number, list, or the mapping of an intrinsic function

SUB_TARGET = re.compile(r"\$\{([A-Za-z0-9]+)")  # the logical id that begins a variable of Fn::Sub


def ref(target: str) -> Value:
    """Return a Ref."""
    return {"Ref": target}


def get_att(target: str, attribute: str) -> Value:
    """Return a Fn::GetAtt."""
    return {"Fn::GetAtt": [target, attribute]}


def resource_ref(key: str, kind: str) -> Value:
    """Return a Ref to the resource of `kind` that stands for `key`."""
    return ref(logical_id(key, kind))


def resource_att(key: str, kind: str, attribute: str) -> Value:
    """Return an attribute of the resource of `kind` that stands for `key`."""
    return get_att(logical_id(key, kind), attribute)


def concatenate(*parts: Value) -> Value:
    """Return the parts as one text: plain where all are, else Fn::Sub, else (where that cannot be) Fn::Join.

    >>> concatenate("a-", {"Ref": "B"})
    {'Fn::Sub': 'a-${B}'}
    """
    kept = [part for part in parts if part != ""]
    if len(kept) <= 1:
        return kept[0] if kept else ""
    if all(isinstance(part, str) for part in kept):
        return "".join(kept)
    pieces = [_in_sub(part) for part in kept]
    if all(piece is not None for piece in pieces):
        return {"Fn::Sub": "".join(piece for piece in pieces if piece is not None)}
    return {"Fn::Join": ["", kept]}


def arn(service: str, resource: Value, *, regional: bool = True) -> Value:
    """Return the ARN of a resource of this account (and region), in whatever partition the stack stands."""
    place = "${AWS::Region}:${AWS::AccountId}" if regional else ":${AWS::AccountId}"
    return concatenate({"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:{place}:"}, resource)


def targets(value: Value) -> set[str]:
    """Return the logical ids that `value` refers to."""
    found: set[str] = set()
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, dict):
            if len(item) == 1 and (target := _target(*next(iter(item.items())))):
                found.update(target)
            else:
                pending.extend(item.values())
    return found


def _target(function: str, argument: Value) -> tuple[str, ...]:
    if function == "Ref" and isinstance(argument, str):
        return (argument,)
    if function == "Fn::GetAtt":
        return (argument[0],)
    return tuple(SUB_TARGET.findall(argument)) if function == "Fn::Sub" and isinstance(argument, str) else ()


def _in_sub(part: Value) -> str | None:
    """Return `part` as text of a Fn::Sub, or None where it cannot be written in one."""
    if isinstance(part, str):
        # Escaping (`${!`) helps only where a brace closes; text with `${` is joined instead.
        return None if "${" in part else part
    match part:
        case {"Ref": str(target)}:
            return f"${{{target}}}"
        case {"Fn::GetAtt": [str(target), str(attribute)]}:
            return f"${{{target}.{attribute}}}"
        case {"Fn::Sub": str(text)}:
            return text
        case _:
            return None
