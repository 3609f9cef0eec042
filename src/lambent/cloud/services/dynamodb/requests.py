"""Parameters of requests on items as decisions: what an item becomes, under which condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.dynamodb.errors import condition_failed, invalid, invalid_values
from lambent.cloud.services.dynamodb.model import legacy
from lambent.cloud.services.dynamodb.model.expressions.binding import Bindings
from lambent.cloud.services.dynamodb.model.expressions.conditions import holds
from lambent.cloud.services.dynamodb.model.expressions.syntax import Condition, Path, Update
from lambent.cloud.services.dynamodb.model.expressions.updates import updated
from lambent.cloud.services.dynamodb.model.keys import check_index_keys, check_item_key, key_given
from lambent.cloud.services.dynamodb.model.table import Table
from lambent.cloud.services.dynamodb.model.values import LARGEST_ITEM, Item, checked_item, item_size
from lambent.cloud.services.dynamodb.writing import Decide

# Which values a request may ask back: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html
_RETURNED = {"PutItem": ("ALL_OLD", "NONE"), "DeleteItem": ("ALL_OLD", "NONE")}
# Requests that have nothing else, as most do, have no expressions, nor what was before them.
_PLAIN = frozenset({"TableName", "Key", "Item", "ConsistentRead", "ReturnConsumedCapacity", "ReturnValues"})


@dataclass(frozen=True, slots=True)
class Changing:
    """What a request does to one item: its key, the decision, and for updates which paths they touch."""

    key: Item
    decide: Decide
    paths: tuple[Path, ...] = ()


def put_of(table: Table, parameters: Parameters) -> Changing:
    """Return what PutItem, or a Put of a transaction, does; raises ValidationException."""
    _check_returned("PutItem", parameters)
    item = checked_item(parameters["Item"])
    condition = _condition_of(parameters)
    check_item_key(table, item)
    check_index_keys(table, item)
    if item_size(item) > LARGEST_ITEM:
        raise invalid("Item size has exceeded the maximum allowed size")
    return Changing(table.key.key_of(item), guarded(condition, lambda _: item, parameters))


def deletion_of(table: Table, parameters: Parameters) -> Changing:
    """Return what DeleteItem, or a Delete of a transaction, does; raises ValidationException."""
    _check_returned("DeleteItem", parameters)
    condition = _condition_of(parameters)
    return Changing(key_given(table, parameters["Key"]), guarded(condition, lambda _: None, parameters))


def check_of(table: Table, parameters: Parameters) -> Changing:
    """Return what a ConditionCheck of a transaction does: nothing, or fail."""
    condition = _condition_of(parameters)
    return Changing(key_given(table, parameters["Key"]), guarded(condition, lambda item: item, parameters))


def update_of(table: Table, parameters: Parameters) -> Changing:
    """Return what UpdateItem, or an Update of a transaction, does; raises ValidationException."""
    text = parameters.get("UpdateExpression")
    legacy.check_not_mixed(parameters)
    bindings = bindings_of(parameters, "UpdateExpression", "ConditionExpression")
    update: Update = () if text is None else bindings.update(text)
    condition = _bound_condition(bindings, parameters)
    bindings.finish()
    key = key_given(table, parameters["Key"])
    if text is None:
        update = legacy.attribute_updates(parameters)
    for change in update:
        if change.path.top in table.key.names:
            raise invalid_values(f"Cannot update attribute {change.path.top}. This attribute is part of the key")
    # An update of the old kind that only takes away makes no item; every other one does.
    only_takes = text is None and bool(update) and all(change.section in {"REMOVE", "DELETE"} for change in update)

    def decide(item: Item | None) -> Item | None:
        if item is None and only_takes:
            return None
        found = updated({**key, **(item or {})}, update)
        if item_size(found) > LARGEST_ITEM:
            raise invalid("Item size to update has exceeded the maximum allowed size")
        return found

    return Changing(key, guarded(condition, decide, parameters), tuple(change.path for change in update))


def guarded(condition: Condition | None, change: Decide, parameters: Parameters) -> Decide:
    """Return a decision that fails where the condition does not hold, with the item where the request asks for it."""
    if condition is None:
        return change
    shows_item = parameters.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"

    def decide(item: Item | None) -> Item | None:
        if not holds(condition, item or {}):
            raise condition_failed(item if shows_item else None)
        return change(item)

    return decide


def bindings_of(parameters: Parameters, *expressions: str) -> Bindings:
    """Return the names and values of a request; raises where there are some and no expression to use them."""
    names, values = parameters.get("ExpressionAttributeNames"), parameters.get("ExpressionAttributeValues")
    if all(parameters.get(each) is None for each in expressions):
        if names is not None:
            raise invalid("ExpressionAttributeNames can only be specified when using expressions")
        if values is not None:
            told = " and ".join(each for each in expressions if each != "ProjectionExpression")
            verb = "are" if " and " in told else "is"
            raise invalid(
                "ExpressionAttributeValues can only be specified when using expressions"
                + (f": {told} {verb} null" if told else "")
            )
    return Bindings(names, values)


def projection_of(parameters: Parameters) -> tuple[Path, ...] | None:
    """Return the paths that a reading request asks for, or None for all; raises ValidationException."""
    if _PLAIN.issuperset(parameters):
        return None
    legacy.check_not_mixed(parameters)
    bindings = bindings_of(parameters, "ProjectionExpression")
    text = parameters.get("ProjectionExpression")
    paths = None if text is None else bindings.projection(text)
    bindings.finish()
    return paths if paths is not None else legacy.attributes_to_get(parameters)


def _condition_of(parameters: Parameters) -> Condition | None:
    if _PLAIN.issuperset(parameters):
        return None
    legacy.check_not_mixed(parameters)
    bindings = bindings_of(parameters, "ConditionExpression")
    condition = _bound_condition(bindings, parameters)
    bindings.finish()
    return condition


def _bound_condition(bindings: Bindings, parameters: Parameters) -> Condition | None:
    text = parameters.get("ConditionExpression")
    return legacy.expected(parameters) if text is None else bindings.condition(text)


def _check_returned(operation: str, parameters: Mapping[str, str]) -> None:
    allowed: Sequence[str] = _RETURNED[operation]
    if parameters.get("ReturnValues", "NONE") not in allowed:
        raise invalid("Return values set to invalid value")
