"""Typed results → one JSON document on stdout, for programs."""

from __future__ import annotations

import json
import sys


def document(value: object) -> None:
    """Print `value` as one indented JSON document with a final newline."""
    json.dump(value, sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")


def record(value: object) -> None:
    """Print `value` as one line of JSON, for results that keep coming."""
    json.dump(value, sys.stdout, default=str)
    sys.stdout.write("\n")
    sys.stdout.flush()
