"""When items expire: what their table's time-to-live attribute says.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html
"""

from __future__ import annotations

from decimal import Decimal

from lambent.cloud.services.dynamodb.model.table import Table
from lambent.cloud.services.dynamodb.model.values import Item

# What lies further back than five years is taken for a mistake, and stays.
OLDEST_S = 5 * 365 * 86400.0
_FARTHEST = Decimal(10) ** 15


def expires_at(table: Table, item: Item) -> float | None:
    """Return the moment at which the item expires, or None."""
    value = None if table.ttl_attribute is None else item.get(table.ttl_attribute)
    if value is None or "N" not in value:
        return None
    moment = Decimal(value["N"])
    return float(moment) if 0 < moment < _FARTHEST else None


def is_expired(table: Table, item: Item, now: float) -> bool:
    """Return whether the item is to be removed."""
    moment = expires_at(table, item)
    return moment is not None and now - OLDEST_S < moment <= now
