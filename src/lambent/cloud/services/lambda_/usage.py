"""What an account takes of its limits in a region: sums that are kept, or over no more rows than a limit lets be."""

from __future__ import annotations

from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader


def usage(reader: Reader, scope: Scope) -> tuple[int, int]:
    """Return how many functions the scope has, and the bytes of all their versions' packages and of its layers'."""
    row = reader.one(
        "SELECT functions, code_bytes FROM lambda_usage WHERE account = ? AND region = ?", (scope.account, scope.region)
    )
    return (0, 0) if row is None else (int(row[0] or 0), int(row[1] or 0))


def concurrency_taken(reader: Reader, scope: Scope, *, other_than: str = "") -> int:
    """Return how much of the scope's concurrency is reserved or provisioned, one function left out."""
    return _reserved(reader, scope, other_than) + _provisioned(reader, scope, other_than)


def _reserved(reader: Reader, scope: Scope, other_than: str) -> int:
    row = reader.one(
        "SELECT coalesce(sum(reserved_concurrency), 0) FROM lambda_functions INDEXED BY lambda_functions_reserving"
        " WHERE account = ? AND region = ? AND name <> ? AND reserved_concurrency > 0",
        (scope.account, scope.region, other_than),
    )
    return int(row[0] or 0) if row is not None else 0


def _provisioned(reader: Reader, scope: Scope, other_than: str) -> int:
    """Return what is provisioned and no reservation covers."""
    row = reader.one(
        "SELECT coalesce(sum(document ->> 'requested'), 0) FROM lambda_provisioned AS p"
        " CROSS JOIN lambda_functions AS f USING (account, region)"
        " WHERE account = ? AND region = ? AND p.function <> ? AND f.name = p.function"
        " AND f.reserved_concurrency IS NULL",
        (scope.account, scope.region, other_than),
    )
    return int(row[0] or 0) if row is not None else 0
