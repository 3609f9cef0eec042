"""The pages that the code can write: docs/rules.md, and the tables of docs/manifest-reference.md.

python scripts/generate_reference.py            # write them
python scripts/generate_reference.py --check    # fail where they are not fresh
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from lambent.manifest.checks.rules import RULES
from lambent.manifest.schema import schema

DOCS = Path(__file__).parent.parent / "docs"
BEGIN, END = "<!-- {name}: begin -->", "<!-- {name}: end -->"
# The mappings of a manifest, by the heading under which the reference has them.
SECTIONS = {
    "System": "System", "Parameter": "Parameter", "Function": "Function", "Code": "CodeMapping", "S3Code": "S3Code",
    "Vpc": "Vpc", "Logs": "Logs", "Url": "Url", "Cors": "Cors", "Alias": "AliasMapping", "Retry": "Retry",
    "Managed": "ManagedMapping", "Layer": "Layer", "Role": "Role", "LogGroup": "LogGroup", "Key": "Key",
    "CapacityProvider": "CapacityProvider", "ProviderLogs": "ProviderLogs", "Output": "OutputMapping",
    "Trigger": "Trigger",
    "Schedule": "ScheduleMapping", "ObjectTrigger": "ObjectTriggerMapping", "QueueTrigger": "QueueTriggerMapping",
    "TopicTrigger": "TopicTriggerMapping", "EventTrigger": "EventTrigger", "Transformer": "Transformer",
    "StreamTrigger": "StreamTriggerMapping", "Grant": "Grant", "Bucket": "Bucket", "Lifecycle": "Lifecycle",
    "Notification": "Notification", "Queue": "Queue", "Topic": "Topic", "Subscription": "Subscription",
    "Table": "Table", "Index": "Index", "Bus": "Bus", "Rule": "Rule", "Target": "TargetMapping",
}  # fmt: skip


def rules() -> str:
    """Return the page of rules."""
    lines = [
        "# The rules of `lambent check`",
        "",
        "Each finding names its rule. An error is what AWS refuses, a warning what is legal but wrong, a note what has",
        "no effect on the platform here. `lambent check --explain RULE` tells one of them.",
        "",
        "| rule | | what it says |",
        "|---|---|---|",
    ]
    lines += [f"| `{one.id}` | {one.severity.value} | [{one.title}]({one.source}) |" for one in RULES.values()]
    return "\n".join(lines) + "\n"


def tables(page: str) -> str:
    """Return the reference with its tables written anew."""
    found = schema()
    for name, definition in SECTIONS.items():
        body = found if name == "System" else found["$defs"][definition]
        rows = ["| key | meaning |", "|---|---|"]
        rows += [f"| `{key}` | {_meaning(key, one, body)} |" for key, one in body["properties"].items()]
        begin, end = BEGIN.format(name=name), END.format(name=name)
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(page):
            raise SystemExit(f"docs/manifest-reference.md has no markers of {name}")
        table = "\n".join([begin, *rows, end]).replace("\\", r"\\")
        page = pattern.sub(table, page)
    return page


def _meaning(key: str, one: dict[str, Any], body: dict[str, Any]) -> str:  # Any: JSON Schema
    words = _words(one)
    needed = " Needed." if key in body.get("required", ()) else ""
    listed = f" One of {', '.join(f'`{word}`' for word in words)}." if words else ""
    return f"{one.get('description', '')}{listed}{needed}".replace("|", "\\|")


def _words(one: dict[str, Any]) -> list[str]:  # Any: JSON Schema
    return [word for each in [one, *one.get("anyOf", ())] for word in each.get("enum", ())]


def main() -> None:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say whether they are fresh")
    reference = DOCS / "manifest-reference.md"
    wanted = {DOCS / "rules.md": rules(), reference: tables(reference.read_text(encoding="utf-8"))}
    if parser.parse_args().check:
        stale = [path.name for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
        raise SystemExit(f"not fresh: {', '.join(stale)}" if stale else 0)
    for path, text in wanted.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
