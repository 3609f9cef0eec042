"""OpenSky's state vectors: rows of a JSON answer as records, and the file names that belong to a moment.

https://openskynetwork.github.io/opensky-api/rest.html#response
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

FIELDS = (
    "icao24", "callsign", "origin_country", "time_position", "last_contact", "longitude", "latitude", "baro_altitude",
    "on_ground", "velocity", "true_track", "vertical_rate", "sensors", "geo_altitude", "squawk", "spi",
    "position_source",
)  # fmt: skip
_NUMBERS = frozenset({
    "time_position", "last_contact", "longitude", "latitude", "baro_altitude", "velocity", "true_track",
    "vertical_rate", "geo_altitude", "position_source",
})  # fmt: skip

_TIMES = frozenset({FIELDS.index("time_position"), FIELDS.index("last_contact")})


def record(row: object) -> dict[str, object] | None:
    """Return a row of `states` by its fields' names; None where it is no state vector, which Parquet could not hold."""
    if not isinstance(row, list) or len(row) < len(FIELDS):
        return None
    found = dict(zip(FIELDS, row, strict=False))
    for name in _NUMBERS:
        if found[name] is not None and (isinstance(found[name], bool) or not isinstance(found[name], int | float)):
            return None
    if not isinstance(found["icao24"], str) or not isinstance(found["on_ground"], bool):
        return None
    del found["sensors"]  # which receivers heard it: no business of those who analyse flights
    callsign = found["callsign"]
    found["callsign"] = callsign.strip() if isinstance(callsign, str) else None
    return found


def raw_key(moment: datetime) -> str:
    """Return the key of the raw file of a moment: the same however often that is ingested."""
    return f"{moment.astimezone(UTC):%Y/%m/%d/%H%M}.json"


def moment_of(text: str) -> datetime:
    """Return the moment that a schedule says, such as `2026-11-21T10:05:00Z`."""
    return datetime.fromisoformat(text)


def moved_to(snapshot: dict[str, Any], moment: int) -> dict[str, Any]:  # Any: OpenSky's JSON
    """Return an answer as if it had been given at another moment."""
    later = moment - snapshot["time"]
    rows = [
        [value + later if place in _TIMES and isinstance(value, int) else value for place, value in enumerate(row)]
        if isinstance(row, list)
        else row
        for row in snapshot["states"]
    ]
    return {"time": moment, "states": rows}
