"""What CloudFormation's resource schemas say of the types that the platform makes, as one compact file.

    python scripts/generate_resource_schemas.py            # write it
    python scripts/generate_resource_schemas.py --check    # fail where it is not fresh

The schemas are AWS's own, as cfn-lint carries them.
"""

from __future__ import annotations

import argparse
import json
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint

from lambent.cloud.services.cloudformation.resources.table import TYPE_NAMES

TARGET = Path(__file__).parent.parent / "src/lambent/cloud/services/cloudformation/resources/schemas.json"
SCHEMAS = Path(cfnlint.__file__).parent / "data/schemas"


def _names(schema: dict[str, Any], key: str) -> list[str]:
    return sorted(path.removeprefix("/properties/") for path in schema.get(key, []))


@cache
def _files() -> dict[str, str]:
    found: dict[str, str] = json.loads((SCHEMAS / "providers/us-east-1.json").read_text(encoding="utf-8"))
    return found


def compact(name: str) -> dict[str, list[str]]:
    """Return what the platform needs to know of a type's properties."""
    schema = json.loads((SCHEMAS / "resources" / f"{_files()[name]}.json").read_text(encoding="utf-8"))
    return {
        "properties": sorted(schema["properties"]),
        "required": sorted(schema.get("required", [])),
        "create_only": _names(schema, "createOnlyProperties"),
        "conditional": _names(schema, "conditionalCreateOnlyProperties"),
        "read_only": [path.replace("/", ".") for path in _names(schema, "readOnlyProperties")],
    }


def text() -> str:
    """Return the whole file."""
    found = {name: compact(name) for name in sorted(TYPE_NAMES)}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(body, separators=(',', ':'))}" for name, body in found.items())
    return f"{{\n{lines}\n}}\n"


def main() -> None:
    """Write the file, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say whether it is fresh")
    if parser.parse_args().check:
        raise SystemExit(0 if TARGET.read_text(encoding="utf-8") == text() else f"{TARGET} is not fresh")
    TARGET.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
