"""Template text → document: JSON or YAML, with the short tags of intrinsics, in the order of the text.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import yaml

from lambent.base.yaml_bounds import MOST_LEVELS, YamlBoundError, require_bounded
from lambent.template.document import TemplateError, Value

# `!Sub` stands for `Fn::Sub`, and so on; these two have no prefix.
_BARE = frozenset({"Ref", "Condition"})
_NO_ALIASES = "Template error: YAML aliases are not allowed in CloudFormation templates"
_TOO_DEEP = f"Template format error: lists and mappings stand more than {MOST_LEVELS} levels deep in each other"


class _Loader(yaml.CSafeLoader):
    """YAML as CloudFormation reads it: dates stay text, keys are not said twice."""


def parse(text: str, *, allow_aliases: bool = False) -> dict[str, Value]:
    """Return the document that a template's text is, short tags written out.

    CloudFormation takes no aliases; `aws cloudformation package` and SAM write them out before they send a template,
    and whoever does as they do allows them.
    Raises TemplateError for text that is neither JSON nor YAML, whose top is not a map, or that is nested without end.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        # JSON is a part of YAML, but for tabs; and its own parser is twenty times as quick.
        if text.lstrip().startswith("{"):
            found = json.loads(text, object_pairs_hook=_object)
            _require_shallow(found)
        else:
            require_bounded(text, allow_aliases=allow_aliases)
            found = yaml.load(text, _Loader)  # noqa: S506 - a safe loader with tags of our own
    except RecursionError as error:
        raise TemplateError(_TOO_DEEP) from error
    except YamlBoundError as error:
        if error.is_alias and not allow_aliases:
            raise TemplateError(_NO_ALIASES) from error
        place = f"(line {error.line}, column {error.column})"
        raise TemplateError(f"Template format error: {error.message} {place}") from error
    except json.JSONDecodeError as error:
        place = f"(line {error.lineno}, column {error.colno})"
        raise TemplateError(f"Template format error: JSON not well-formed. {place}") from error
    except yaml.YAMLError as error:
        raise TemplateError(f"Template format error: YAML not well-formed. {_place(error)}") from error
    if not isinstance(found, dict):
        raise TemplateError("Template format error: unsupported structure.")
    return found


def _require_shallow(document: Value) -> None:
    """Raise TemplateError for a document so deep that whoever walks it would run out of stack."""
    level: list[Value] = [document]
    for _ in range(MOST_LEVELS + 1):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return
    raise TemplateError(_TOO_DEEP)


def _inside(value: Value) -> Iterable[Value]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _object(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise TemplateError(f"Template format error: duplicate key '{twice}'")
    return found


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f"(line {mark.line + 1}, column {mark.column + 1})"


def _mapping(loader: yaml.CSafeLoader, node: yaml.MappingNode) -> dict[str, Value]:
    loader.flatten_mapping(node)
    found: dict[str, Value] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        name = key if isinstance(key, str) else str(key_node.value)
        if name in found:
            line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
            raise TemplateError(f"Template format error: duplicate key '{name}' (line {line}, column {column})")
        found[name] = loader.construct_object(value_node, deep=True)
    return found


def _short(loader: yaml.CSafeLoader, suffix: str, node: yaml.Node) -> dict[str, Value]:
    name = suffix if suffix in _BARE else f"Fn::{suffix}"
    value: Value
    match node:
        case yaml.ScalarNode():
            value = loader.construct_scalar(node)
            if suffix == "GetAtt":
                value = list(value.split(".", 1))
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case _:
            value = loader.construct_object(_untagged(node), deep=True)
    return {name: value}


def _untagged(node: yaml.Node) -> yaml.Node:
    return yaml.MappingNode("tag:yaml.org,2002:map", node.value, node.start_mark, node.end_mark)


def _without_timestamps() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    return {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.yaml_implicit_resolvers = _without_timestamps()
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_multi_constructor("!", _short)
