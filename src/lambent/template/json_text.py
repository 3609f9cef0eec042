"""A document → JSON text; apart from the YAML codec, whose parser not everybody needs to load."""

from __future__ import annotations

import json

from lambent.template.document import Value


def to_json(document: Value, *, indent: int | None = None) -> str:
    """Return the document as JSON, in its order."""
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(document, indent=indent, separators=separators, ensure_ascii=False)
