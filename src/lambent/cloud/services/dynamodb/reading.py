"""Parameters of Query and Scan as a selection: which rows, in which order, and what is shown of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.dynamodb.errors import invalid, invalid_values
from lambent.cloud.services.dynamodb.item_repository import Range
from lambent.cloud.services.dynamodb.model import legacy
from lambent.cloud.services.dynamodb.model.expressions.binding import Bindings
from lambent.cloud.services.dynamodb.model.expressions.key_conditions import span_of, tests_of
from lambent.cloud.services.dynamodb.model.expressions.syntax import (
    Between,
    Both,
    Call,
    Comparison,
    Condition,
    Either,
    In,
    Not,
    Operand,
    Path,
)
from lambent.cloud.services.dynamodb.model.keys import index_place, place_of, segment
from lambent.cloud.services.dynamodb.model.table import Index, KeySchema, Table
from lambent.cloud.services.dynamodb.model.values import Item, checked_item, type_of
from lambent.cloud.services.dynamodb.requests import bindings_of


@dataclass(frozen=True, slots=True)
class Selection:
    """What a query or scan reads; `fetches` tells that a local index does not hold all that is to be shown."""

    table: Table
    index: Index | None
    range: Range
    filter: Condition | None
    paths: tuple[Path, ...] | None
    counts_only: bool
    fetches: bool

    def key_of(self, item: Item) -> Item:
        """Return the key to go on from behind an item: its own, and that of the index."""
        key = self.table.key.key_of(item)
        return key if self.index is None else {**key, **self.index.key.key_of(item)}


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the expressions of a request ask for besides keys."""

    filter: Condition | None
    paths: tuple[Path, ...] | None
    counts_only: bool
    fetches: bool


def query_of(table: Table, parameters: Parameters) -> Selection:
    """Return what a Query reads; raises ValidationException."""
    legacy.check_not_mixed(parameters)
    index = _index_of(table, parameters)
    key = table.key if index is None else index.key
    bindings = bindings_of(parameters, "KeyConditionExpression", "FilterExpression", "ProjectionExpression")
    text = parameters.get("KeyConditionExpression")
    tests = legacy.key_tests(parameters)
    if text is not None:
        tests = tests_of(bindings.condition(text, "KeyConditionExpression"))
    if tests is None:
        raise invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
    condition, paths = _filter_and_paths(bindings, parameters, "QueryFilter")
    bindings.finish()
    span = span_of(tests, key, table.types)
    _check_filter(condition, key)
    shown = _shown(table, index, parameters, (condition, paths))
    after = _start_of(table, index, parameters)
    if after is not None and (after[0] != span.hash or not span.holds(after[1])):
        raise invalid("The provided starting key is outside query boundaries based on provided conditions")
    wanted = Range(span.hash, span.low, span.high, after=after, is_forward=parameters.get("ScanIndexForward", True))
    return Selection(table, index, wanted, shown.filter, shown.paths, shown.counts_only, shown.fetches)


def scan_of(table: Table, parameters: Parameters) -> Selection:
    """Return what a Scan reads; raises ValidationException."""
    legacy.check_not_mixed(parameters)
    index = _index_of(table, parameters)
    bindings = bindings_of(parameters, "FilterExpression", "ProjectionExpression")
    given = _filter_and_paths(bindings, parameters, "ScanFilter")
    bindings.finish()
    shown = _shown(table, index, parameters, given)
    low, high = _segment_of(parameters)
    after = _start_of(table, index, parameters)
    if after is not None and not (after[0] >= low and (high is None or after[0] < high)):
        raise invalid(
            "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey "
            "with correct Segment. "
            f"TotalSegments: {parameters['TotalSegments']} Segment: {parameters['Segment']}"
        )
    wanted = Range(hash_low=low, hash_high=high, after=after)
    return Selection(table, index, wanted, shown.filter, shown.paths, shown.counts_only, shown.fetches)


def _filter_and_paths(
    bindings: Bindings, parameters: Parameters, old_name: str
) -> tuple[Condition | None, tuple[Path, ...] | None]:
    text, projection = parameters.get("FilterExpression"), parameters.get("ProjectionExpression")
    condition = bindings.condition(text, "FilterExpression") if text is not None else None
    paths = None if projection is None else bindings.projection(projection)
    return (
        condition if condition is not None else legacy.filter_of(parameters, old_name),
        paths if paths is not None else legacy.attributes_to_get(parameters),
    )


def _index_of(table: Table, parameters: Parameters) -> Index | None:
    name = parameters.get("IndexName")
    if name is None:
        return None
    index = table.index(name)
    if index is None:
        raise invalid(f"The table does not have the specified index: {name}")
    if index.is_global and parameters.get("ConsistentRead"):
        raise invalid("Consistent reads are not supported on global secondary indexes")
    if index.status == "CREATING":
        raise invalid(f"Cannot read from backfilling global secondary index: {name}")
    return index


def _shown(
    table: Table, index: Index | None, parameters: Parameters, given: tuple[Condition | None, tuple[Path, ...] | None]
) -> _Shown:
    condition, paths = given
    select = parameters.get("Select")
    if paths is not None and select not in {None, "SPECIFIC_ATTRIBUTES"}:
        name = "ProjectionExpression" if "ProjectionExpression" in parameters else "AttributesToGet"
        what = "only the Count" if select == "COUNT" else select
        raise invalid(f"Cannot specify the {name} when choosing to get {what}")
    if select == "SPECIFIC_ATTRIBUTES" and paths is None:
        raise invalid(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
        )
    if index is None:
        if select == "ALL_PROJECTED_ATTRIBUTES":
            raise invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
        return _Shown(condition, paths, select == "COUNT", fetches=False)
    missing = [path.top for path in paths or () if not index.projects(table, path.top)]
    if index.is_global and missing:
        raise invalid_values(f"Global secondary index {index.name} does not project [{', '.join(missing)}]")
    wants_all = select == "ALL_ATTRIBUTES" and index.projection != "ALL"
    if index.is_global and wants_all:
        raise invalid_values(
            f"Select type ALL_ATTRIBUTES is not supported for global secondary index {index.name} because its "
            "projection type is not ALL"
        )
    return _Shown(condition, paths, select == "COUNT", fetches=wants_all or bool(missing))


def _segment_of(parameters: Parameters) -> tuple[bytes, bytes | None]:
    number, total = parameters.get("Segment"), parameters.get("TotalSegments")
    if number is None and total is None:
        return b"", None
    if number is None:
        raise invalid(
            "The Segment parameter is required but was not present in the request when parameter "
            "TotalSegments is present"
        )
    if total is None:
        raise invalid(
            "The TotalSegments parameter is required but was not present in the request when Segment "
            "parameter is present"
        )
    if number >= total:
        raise invalid(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: "
            f"{number} is not less than TotalSegments: {total}"
        )
    return segment(number, total)


def _start_of(table: Table, index: Index | None, parameters: Parameters) -> tuple[bytes, ...] | None:
    given = parameters.get("ExclusiveStartKey")
    if given is None:
        return None
    key = checked_item(given, lambda error: _wrong_start(error.message))
    names = {*table.key.names, *(() if index is None else index.key.names)}
    if len(key) != len(names):
        raise (
            _wrong_start() if index is not None else _wrong_start("The provided key element does not match the schema")
        )
    if any(name not in key or type_of(key[name]) != table.types[name] for name in names):
        raise _wrong_start("The provided key element does not match the schema")
    place = place_of(table, key)
    return place if index is None else (*index_place(index, key), *place)


def _wrong_start(reason: str = "") -> ServiceError:
    return invalid("The provided starting key is invalid" + (f": {reason}" if reason else ""))


def _check_filter(condition: Condition | None, key: KeySchema) -> None:
    """Raise where a query filters by a key attribute of what it reads, which key conditions are for."""
    for path in () if condition is None else paths_in(condition):
        if path.top in key.names:
            raise invalid(
                f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {path.top}"
            )


def paths_in(condition: Condition) -> Sequence[Path]:
    """Return the paths that a condition speaks of."""
    match condition:
        case Both(left, right) | Either(left, right):
            return [*paths_in(left), *paths_in(right)]
        case Not(inner):
            return paths_in(inner)
        case Comparison(_, left, right):
            return _paths(left, right)
        case Between(operand, low, high):
            return _paths(operand, low, high)
        case In(operand, choices):
            return _paths(operand, *choices)
        case Call(_, operands):
            return _paths(*operands)


def _paths(*operands: Operand) -> list[Path]:
    found: list[Path] = []
    for each in operands:
        if isinstance(each, Path):
            found.append(each)
        elif isinstance(each, Call):
            found += _paths(*each.operands)
    return found
