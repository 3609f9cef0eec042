"""Numbered upgrades of each component's tables.

A component (a service, or the store itself) gives its scripts in order: the first makes its tables, each further one
upgrades them. Which were applied is kept beside the tables and changes in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from lambent.cloud.store.errors import NewerFormat
from lambent.cloud.store.unit_of_work import Reader, Transaction

_TABLE = """
CREATE TABLE IF NOT EXISTS applied_migrations (
    component TEXT NOT NULL,
    version INTEGER NOT NULL,
    applied_at REAL NOT NULL,
    PRIMARY KEY (component, version)
) WITHOUT ROWID
"""


def apply_migrations(
    transaction: Transaction,
    component: str,
    scripts: Sequence[str],
    *,
    now: float,
    statements: Callable[[str], Iterable[str]],
) -> int:
    """Bring the component's tables to version `len(scripts)`; return how many scripts that took.

    Raises NewerFormat when a later version of them is in place already.
    """
    transaction.execute(_TABLE)
    row = transaction.one("SELECT max(version) FROM applied_migrations WHERE component = ?", (component,))
    applied = row[0] if row is not None and isinstance(row[0], int) else 0
    if applied > len(scripts):
        raise NewerFormat(
            f"The tables of {component} are at version {applied}; this version of Lambent knows up to {len(scripts)}. "
            "Use the version that wrote them, or another data directory."
        )
    for version, script in enumerate(scripts[applied:], start=applied + 1):
        for statement in statements(script):
            transaction.execute(statement)
        transaction.execute("INSERT INTO applied_migrations VALUES (?, ?, ?)", (component, version, now))
    return len(scripts) - applied


def has_migrations(reader: Reader, component: str) -> bool:
    """Return whether any script of a component was applied."""
    return reader.one("SELECT 1 FROM applied_migrations WHERE component = ?", (component,)) is not None
