"""The scripts of Lambda's tables, in order."""

from __future__ import annotations

from importlib.resources import files

# One that was released is never changed: what comes later is a further one.
_SCRIPTS = (
    "schema.sql",
    "schema_2.sql",
    "schema_3.sql",
    "schema_4.sql",
    "schema_5.sql",
    "schema_6.sql",
    "schema_7.sql",
    "schema_8.sql",
)


def scripts() -> list[str]:
    """Return the scripts: the first makes the tables, each further one brings those of an older version up to date."""
    return [files(__package__).joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS]
