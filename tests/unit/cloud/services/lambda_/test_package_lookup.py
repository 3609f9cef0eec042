"""Whether a digest is named is answered from an index, however many versions there are."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.resources import files

import pytest

from lambent.cloud.services.lambda_.downloads import NAMING


@pytest.mark.parametrize("query", NAMING)
def test_digest_is_looked_up_in_an_index(query: str) -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        for script in ("schema.sql", "schema_3.sql"):
            database.executescript(files("lambent.cloud.services.lambda_").joinpath(script).read_text())
        plan = database.execute(f"EXPLAIN QUERY PLAN {query}", ("0" * 64,)).fetchall()
    assert ["USING INDEX" in str(step) for step in plan] == [True]
