"""Answers who it was told to greet."""

from __future__ import annotations

import os
from typing import Any


def handler(event: dict[str, Any], _context: Any) -> dict[str, str]:
    """Return a greeting for `name`, in the tone that the environment sets."""
    return {"greeting": f"{os.environ.get('GREETING', 'Hello')}, {event.get('name', 'world')}!"}
