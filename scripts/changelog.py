#!/usr/bin/env python3
"""Moves the fragments of changes/ under a version's heading in CHANGELOG.md: scripts/changelog.py VERSION DATE."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("added", "changed", "fixed", "removed", "security")


def main() -> int:
    """Write the changelog and delete what went into it; return 1, having changed nothing, if a fragment is misnamed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("version")
    arguments.add_argument("date", help="the day of the release, as 2026-01-31")
    asked = arguments.parse_args()
    fragments = [path for path in sorted((ROOT / "changes").glob("*.md")) if path.name != "README.md"]
    misnamed = [path.name for path in fragments if path.name.split(".")[1:-1] not in [[kind] for kind in KINDS]]
    if misnamed or not fragments:
        print("misnamed: " + ", ".join(misnamed) if misnamed else "changes/ holds no fragment", file=sys.stderr)
        return 1
    changelog = ROOT / "CHANGELOG.md"
    preface, separator, releases = changelog.read_text().partition("\n## ")
    section = _section(f"## {asked.version} ({asked.date})", fragments)
    changelog.write_text(f"{preface.rstrip()}\n\n{section}{separator}{releases}")
    for path in fragments:
        path.unlink()
    return 0


def _section(heading: str, fragments: list[Path]) -> str:
    lines = [heading]
    for kind in KINDS:
        entries = [path for path in fragments if path.name.endswith(f".{kind}.md")]
        if entries:
            lines += ["", f"### {kind.capitalize()}", ""]
            lines += ["- " + path.read_text().strip().replace("\n", "\n  ") for path in entries]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
