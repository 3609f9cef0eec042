"""Function URLs in their table: one for the function itself and one for each of its aliases, at most."""

from __future__ import annotations

from dataclasses import asdict

from lambent.cloud.services.lambda_.documents import URLS
from lambent.cloud.services.lambda_.model.function import LATEST, function_arn
from lambent.cloud.services.lambda_.model.url import FunctionUrl, kept_url
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction


def urls(reader: Reader, scope: Scope, name: str) -> dict[str, FunctionUrl]:
    """Return a function's URLs by qualifier, "" being the function itself, which comes first."""
    found = {key[1]: kept_url(document) for key, document in URLS.under(reader, scope, name).items()}
    return {_without_latest(qualifier): url for qualifier, url in sorted(found.items(), key=_function_first)}


def url(reader: Reader, scope: Scope, name: str, qualifier: str) -> FunctionUrl | None:
    """Return the URL of a function ("") or of one of its aliases, or None."""
    found = URLS.one(reader, scope, name, qualifier or LATEST)
    return None if found is None else kept_url(found)


def owner_of(reader: Reader, url_id: str) -> tuple[Scope, str] | None:
    """Return the function that has the URL of an id, or None."""
    row = reader.one(
        "SELECT account, region, function FROM lambda_urls WHERE json_extract(document, '$.url_id') = ?", (url_id,)
    )
    return None if row is None else (Scope(str(row[0]), str(row[1])), str(row[2]))


def all_urls(reader: Reader) -> list[tuple[str, str, str]]:
    """Return the function's ARN, the qualifier (`$LATEST` without one) and the id of every URL."""
    rows = reader.all(
        "SELECT account, region, function, qualifier, json_extract(document, '$.url_id') FROM lambda_urls"
    )
    return [
        (function_arn(Scope(str(account), str(region)), str(name)), str(qualifier), str(url_id))
        for account, region, name, qualifier, url_id in rows
    ]


def put_url(transaction: Transaction, scope: Scope, name: str, qualifier: str, value: FunctionUrl) -> None:
    """Add the URL or replace it."""
    URLS.put(transaction, scope, (name, qualifier or LATEST), asdict(value))


def delete_url(transaction: Transaction, scope: Scope, name: str, qualifier: str) -> bool:
    """Remove the URL; return whether there was one."""
    return URLS.delete(transaction, scope, name, qualifier or LATEST) > 0


def _without_latest(qualifier: str) -> str:
    return "" if qualifier == LATEST else qualifier


def _function_first(entry: tuple[str, FunctionUrl]) -> str:
    return _without_latest(entry[0])
