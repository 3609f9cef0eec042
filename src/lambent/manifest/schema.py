"""The manifest's JSON Schema, for editors: generated from the model, checked in, and proved fresh by a test.

python -m lambent.manifest.schema > src/lambent/manifest/lambent.schema.json
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

from lambent.manifest import event_sources, node, system

Schema = dict[str, Any]  # Any: JSON
# Mappings that may be written as one text, by the model's class.
_SHORT = (
    "Alias", "Code", "Managed", "ObjectTrigger", "Output", "QueueTrigger", "Schedule", "StreamTrigger", "Target",
    "TopicTrigger",
)  # fmt: skip
_REFERENCE = {"type": "string", "pattern": r"\$\{[^}]+\}"}


def schema() -> Schema:
    """Return the schema of `lambent.yaml`."""
    found: Schema = system.System.model_json_schema()
    told = _docstrings()
    definitions: Schema = found["$defs"]
    for name, body in [*definitions.items(), ("System", found)]:
        for field, one in body.get("properties", {}).items():
            one["description"] = told.get((name, field)) or told.get(("FunctionDefaults", field), "")
            one.pop("title", None)
            _loosen(one)
        body.pop("title", None)
    for name in _SHORT:
        definitions[f"{name}Mapping"] = definitions.pop(name)
        definitions[name] = {"anyOf": [{"type": "string"}, {"$ref": f"#/$defs/{name}Mapping"}]}
    # An overlay says any part of the manifest; what it comes to is checked by `lambent check --env`.
    found["properties"]["environments"] = {
        "type": "object",
        "description": "What is different in each environment, laid over the rest with --env.",
        "additionalProperties": {"type": ["object", "null"]},
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A Lambent manifest"}
    return {**head, **found}


def _loosen(field: Schema) -> None:
    """Allow what the model reads in other forms: one text for a list, `30s` for seconds, a reference for a number."""
    for one in [field, *field.get("anyOf", ())]:
        if one.get("type") == "array" and one.get("items", {}).get("type") == "string":
            items = {key: one.pop(key) for key in [*one] if key not in {"description", "default"}}
            one["anyOf"] = [items, {"type": "string"}]
        elif one.get("type") in {"integer", "number", "boolean"}:
            plain = {"type": one.pop("type")}
            one["anyOf"] = [plain, _REFERENCE, {"type": "string", "pattern": "^[0-9]+[smhd]$"}]
    if isinstance(field.get("additionalProperties"), dict) and field["additionalProperties"].get("type") == "string":
        field["additionalProperties"] = {"type": ["string", "number", "boolean"]}


def _docstrings() -> dict[tuple[str, str], str]:
    """Return what stands beneath each field of the model's source, by class and field."""
    files = [file for module in (node, event_sources, system) if (file := module.__file__) is not None]
    trees = [ast.parse(Path(file).read_text(encoding="utf-8")) for file in files]
    found = {}
    for one in [each for tree in trees for each in tree.body]:
        if not isinstance(one, ast.ClassDef):
            continue
        for field, told in zip(one.body, one.body[1:], strict=False):
            match field, told:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[one.name, name] = " ".join(text.split())
                case _:
                    pass
    return found


def text() -> str:
    """Return the schema as it is checked in."""
    return json.dumps(schema(), indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
