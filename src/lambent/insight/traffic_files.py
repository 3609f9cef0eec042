"""Traffic from a file: CSV, JSON or YAML, with a time and a number of requests in each row.

Rows may come from anywhere: one's own table, `minute` and `requests`, or what CloudWatch answers (`Timestamp`, `Sum`).
Times that have no row had no requests.
"""

from __future__ import annotations

import csv
import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce

import yaml

from lambent.base.yaml_bounds import YamlBoundError, require_bounded
from lambent.insight.figures import Basis, Figure, InsightError, Origin
from lambent.insight.traffic import Duration, Traffic

# Of each thing the names that a column or key may have, in small letters.
_COUNTS = {"second": 1.0, "seconds": 1.0, "minute": 60.0, "minutes": 60.0, "hour": 3_600.0, "hours": 3_600.0}
_MOMENTS = ("time", "timestamp", "datetime", "date", "at")
_REQUESTS = ("requests", "invocations", "count", "sum", "calls")
_DURATION = ("duration_ms", "duration", "mean_ms", "average")
_CPU = ("cpu_ms", "cpu")
_MEMORY = ("memory_mb", "max_memory_used_mb", "memory")
_PERIOD = ("period_s", "period", "interval")
_ROWS = ("rows", "traffic", "datapoints")
_SPAN = re.compile(r"(?P<count>\d+(?:\.\d+)?|\.\d+)\s*(?P<unit>ms|s|min|m|h|d)?\Z")
_MS = {"ms": 1.0, "s": 1_000.0, "min": 60_000.0, "m": 60_000.0, "h": 3_600_000.0, "d": 86_400_000.0}
_QUANTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)\Z")
_MOST_PERIODS = 1_000_000
_MOST_NUMBER = 1e15
_LATE_MS = 1e11  # as seconds, a time in the year 5138: what is above is milliseconds
_ADVICE = "Give a column `minute` (or `time`) and a column `requests`; see docs/operations/cost.md."


@dataclass(frozen=True, slots=True)
class _Row:
    """One row: when it begins, in seconds, and what came."""

    at_s: float
    requests: float
    duration_ms: float | None
    cpu_ms: float | None
    memory_mb: float | None


def parse_milliseconds(value: object, unit: str = "ms") -> float:
    """Return the milliseconds that `120`, `120ms`, `1.5s` or `2m` stand for; a bare number is of `unit`.

    Raises InsightError for anything else.

    >>> parse_milliseconds("120ms"), parse_milliseconds("1.5s"), parse_milliseconds(80)
    (120.0, 1500.0, 80.0)
    """
    found = _SPAN.match(str(value).strip())
    if found is None or isinstance(value, bool):
        raise InsightError(f"{value!r} is no span of time.", "Give one such as 80ms, 1.5s or 2m.")
    return float(found["count"]) * _MS[found["unit"] or unit]


def parse_duration(text: object, origin: Origin) -> Duration:
    """Return a duration from `80ms`, or with quantiles from `80ms,p50=60ms,p99=400ms`; raises InsightError."""
    if isinstance(text, Mapping):
        parts = [(str(name), value) for name, value in text.items()]
    else:
        pairs = [one.partition("=") for one in str(text).split(",")]
        parts = [(name.strip(), value) if equals else ("mean", name) for name, equals, value in pairs]
    mean: float | None = None
    quantiles: list[tuple[float, float]] = []
    for name, value in parts:
        if name in {"mean", "mean_ms", "average"}:
            mean = parse_milliseconds(value)
        elif found := _QUANTILE.match(name):
            quantiles.append((round(float(found[1]) / 100, 9), parse_milliseconds(value)))
        else:
            raise InsightError(f"{name!r} is neither the mean of a duration nor a quantile.", "Write 80ms,p99=400ms.")
    if mean is None or mean == 0:
        raise InsightError("A duration has a mean above 0.", "Write 80ms, or 80ms,p50=60ms,p99=400ms.")
    quantiles.sort()
    if any(share >= 0.99 and value < mean for share, value in quantiles):
        raise InsightError("The p99 of a duration is no less than its mean.", "Look at both again.")
    if any(later[1] < earlier[1] for earlier, later in itertools.pairwise(quantiles)):
        raise InsightError("A higher quantile of a duration is no less than a lower one.", "Look at p50, p99 again.")
    return Duration(mean, origin, tuple(quantiles))


def read_traffic(text: str, name: str) -> Traffic:
    """Return the traffic that a file holds; its name says whether it is CSV, JSON or YAML.

    Raises InsightError, which names the row, for what is no traffic.
    """
    origin = Origin(Basis.GIVEN, name)
    if name.lower().endswith((".json", ".yaml", ".yml")):
        document = _document(text, name)
        return _from_document(document, origin)
    reader = csv.DictReader(text.removeprefix("\ufeff").splitlines())
    return _from_rows([dict(one) for one in reader], origin, None)


def _document(text: str, name: str) -> object:
    try:
        if name.lower().endswith(".json"):
            return json.loads(text.removeprefix("\ufeff"))
        require_bounded(text, allow_aliases=False)
        return yaml.load(text, yaml.CSafeLoader)
    except (ValueError, yaml.YAMLError, YamlBoundError) as error:
        message = str(error).partition("\n")[0]
        raise InsightError(f"{name} cannot be read: {message}", "Save it as CSV, JSON or YAML.") from error


def _from_document(document: object, origin: Origin) -> Traffic:
    """Return the traffic of a list of rows; of rows with facts beside them; or of a list of numbers with a period."""
    if isinstance(document, list):
        return _from_rows(document, origin, None)
    if not isinstance(document, Mapping):
        raise InsightError(f"{origin.detail} holds no rows.", _ADVICE)
    facts = {str(key).lower(): value for key, value in document.items()}
    told = _first(facts, _PERIOD)
    period_s = None if told is None else parse_milliseconds(told, "s") / 1000
    rows, requests = _first(facts, _ROWS), _first(facts, _REQUESTS)
    if isinstance(rows, list):
        traffic = _from_rows(rows, origin, period_s)
    elif isinstance(requests, list):
        numbers = tuple(_number(one, f"request count {place}") for place, one in enumerate(requests, 1))
        begin = _first(facts, ("begin", "start", *_MOMENTS))
        _require(numbers, 60.0 if period_s is None else period_s, origin)
        traffic = Traffic(
            numbers, period_s or 60.0, origin, begin_s=None if begin is None else _moment(begin, "the beginning")
        )
    else:
        raise InsightError(f"{origin.detail} holds no rows.", _ADVICE)
    duration, cpu, memory = _first(facts, _DURATION), _first(facts, _CPU), _first(facts, _MEMORY)
    return Traffic(
        traffic.requests,
        traffic.period_s,
        origin,
        duration=traffic.duration if duration is None else parse_duration(duration, origin),
        cpu_ms=traffic.cpu_ms if cpu is None else Figure(parse_milliseconds(cpu), origin),
        memory_mb=traffic.memory_mb if memory is None else Figure(_number(memory, "the memory"), origin),
        begin_s=traffic.begin_s,
    )


def _from_rows(rows: Sequence[object], origin: Origin, period_s: float | None) -> Traffic:
    read = sorted((_row(one, place) for place, one in enumerate(rows, 1)), key=lambda row: row.at_s)
    if not read:
        raise InsightError(f"{origin.detail} holds no rows.", _ADVICE)
    times = [row.at_s for row in read]
    found = _period(times) if period_s is None else period_s
    places = [round((at - times[0]) / found) if found > 0 else 0 for at in times]
    if len(set(places)) < len(places):
        raise InsightError(f"{origin.detail} has two rows for one period of {found:g} s.", "Put them together.")
    counts = [0.0] * _require_few(places[-1] + 1, origin)
    for place, row in zip(places, read, strict=True):
        counts[place] = row.requests
    _require(counts, found, origin)
    duration, cpu = _mean(read, "duration_ms"), _mean(read, "cpu_ms")
    if duration == 0:
        message = f"{origin.detail} says that requests take no time."
        raise InsightError(message, "Write what they take, or leave the column out and give --duration.")
    memory = [row.memory_mb for row in read if row.memory_mb is not None]
    return Traffic(
        tuple(counts),
        found,
        origin,
        duration=None if duration is None else Duration(duration, origin),
        cpu_ms=None if cpu is None else Figure(cpu, origin),
        memory_mb=Figure(max(memory), origin) if memory else None,
        begin_s=times[0] if times[0] > _MOST_PERIODS * 60 else None,
    )


def _row(row: object, place: int) -> _Row:
    if not isinstance(row, Mapping):
        raise InsightError(f"Row {place} is no row with names.", _ADVICE)
    if None in row:
        message = f"Row {place} has more cells than there are columns."
        raise InsightError(message, 'Write numbers without commas, or in quotes: "1,200".')
    cells = {str(key).strip().lower(): value for key, value in row.items() if value is not None and value != ""}
    unit = next((name for name in _COUNTS if name in cells), None)
    moment, requests = _first(cells, _MOMENTS), _first(cells, _REQUESTS)
    if requests is None or (unit is None and moment is None):
        missing = "number of requests" if requests is None else "time"
        raise InsightError(f"Row {place} has no {missing}, only {', '.join(cells) or 'empty cells'}.", _ADVICE)
    duration, cpu, memory = _first(cells, _DURATION), _first(cells, _CPU), _first(cells, _MEMORY)
    at_s = _moment(moment, f"row {place}") if unit is None else _number(cells[unit], f"row {place}") * _COUNTS[unit]
    return _Row(
        at_s,
        _number(requests, f"row {place}"),
        None if duration is None else parse_milliseconds(duration),
        None if cpu is None else parse_milliseconds(cpu),
        None if memory is None else _number(memory, f"row {place}"),
    )


def _first(cells: Mapping[str, object], names: Sequence[str]) -> object:
    return next((cells[name] for name in names if name in cells), None)


def _number(value: object, where: str) -> float:
    try:
        number = float(str(value).replace("_", "").replace(",", ""))
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < 0 or isinstance(value, bool):
        raise InsightError(f"{value!r} in {where} is no number from 0 up.", _ADVICE)
    if number > _MOST_NUMBER:
        raise InsightError(f"{value!r} in {where} is more than anybody has seen.", "Look at the file's columns again.")
    return number


def _moment(value: object, where: str) -> float:
    """Return the Unix time of a moment: ISO 8601 (UTC where it has no zone), Unix seconds or milliseconds."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    try:
        number = float(str(value))
        return number / 1000 if number > _LATE_MS else number
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(str(value).strip())
    except ValueError as error:
        message = f"{value!r} in {where} is no time."
        raise InsightError(message, "Write 2026-11-22T10:00:00Z, or Unix seconds.") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _period(times: Sequence[float]) -> float:
    """Return the length of a period: what all distances are multiples of; a minute where there is one row."""
    gaps = [round((later - earlier) * 1000) for earlier, later in itertools.pairwise(times)]
    return reduce(math.gcd, gaps) / 1000 if gaps else 60.0


def _require_few(count: int, origin: Origin) -> int:
    if count > _MOST_PERIODS:
        message = f"{origin.detail} comes to {count:,} periods."
        raise InsightError(message, "Times fit into a raster of minutes, say; `period: 60` beside the rows sets one.")
    return count


def _require(requests: Sequence[float], period_s: float, origin: Origin) -> None:
    if period_s <= 0:
        raise InsightError(f"{origin.detail} has a period of {period_s:g} s.", "Give each period its own time.")
    if math.fsum(requests) == 0:
        raise InsightError(f"{origin.detail} holds no requests.", "A day without traffic costs nothing on demand.")


def _mean(rows: Sequence[_Row], name: str) -> float | None:
    """Return the mean of a column over all requests, each row counting as often as it has requests."""
    known = [(value, row.requests) for row in rows if (value := getattr(row, name)) is not None and row.requests > 0]
    total = math.fsum(weight for _, weight in known)
    return math.fsum(value * weight for value, weight in known) / total if known else None
