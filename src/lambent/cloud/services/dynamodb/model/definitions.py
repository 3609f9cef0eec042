"""Definitions of tables and indexes: what CreateTable and UpdateTable ask, checked in AWS's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.dynamodb.errors import invalid, invalid_values
from lambent.cloud.services.dynamodb.model.table import Index, KeySchema, Settings, Table

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
_MOST_LOCAL = 5
_MOST_GLOBAL = 20
_MOST_PROJECTED = 100
_STORED = ("TableClass", "OnDemandThroughput", "WarmThroughput", "SSESpecification", "DeletionProtectionEnabled")
_STORED_OF_INDEX = ("ProvisionedThroughput", "OnDemandThroughput", "WarmThroughput")


def types_of(definitions: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the attributes' types by name; raises ValidationException for one that is defined twice."""
    found: dict[str, str] = {}
    for each in definitions:
        if each["AttributeName"] in found:
            raise invalid_values(
                f"Cannot specify an attribute definition more than once. Attribute: {each['AttributeName']}"
            )
        found[each["AttributeName"]] = each["AttributeType"]
    return found


def key_schema(elements: Sequence[Mapping[str, str]], types: Mapping[str, str]) -> KeySchema:
    """Return a key schema; raises ValidationException where it is none, or its attributes are not defined."""
    names = [each["AttributeName"] for each in elements]
    if len(elements) > 2:
        raise invalid_values("Key schemas of more than one partition and one sort key attribute are not available here")
    if len(set(names)) < len(names):
        raise invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name")
    if elements[0]["KeyType"] != "HASH":
        raise invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if len(elements) > 1 and elements[1]["KeyType"] != "RANGE":
        raise invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
    if any(name not in types for name in names):
        raise invalid_values(
            f"Some index key attributes are not defined in AttributeDefinitions. Keys: [{', '.join(names)}], "
            f"AttributeDefinitions: [{', '.join(types)}]"
        )
    return KeySchema(*names)


def billing_of(parameters: Parameters, current: Settings | None = None) -> dict[str, object]:
    """Return the billing mode and throughput that a request leads to; raises ValidationException."""
    before = current or {}
    mode = parameters.get("BillingMode") or before.get("BillingMode", "PROVISIONED")
    throughput = parameters.get("ProvisionedThroughput")
    if mode == "PAY_PER_REQUEST":
        if throughput is not None:
            raise invalid_values(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
            )
        return {"BillingMode": mode, "ProvisionedThroughput": None}
    if throughput is None:
        throughput = before.get("ProvisionedThroughput")
    if throughput is None:
        raise invalid_values(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"
        )
    return {"BillingMode": mode, "ProvisionedThroughput": throughput}


def stored_settings(parameters: Parameters) -> dict[str, object]:
    """Return the settings of a request that are stored and shown."""
    return {name: parameters[name] for name in _STORED if parameters.get(name) is not None}


def with_indexes(table: Table, parameters: Parameters) -> Table:
    """Return a new table with the indexes that CreateTable asks; raises ValidationException."""
    local, of_all = parameters.get("LocalSecondaryIndexes"), parameters.get("GlobalSecondaryIndexes")
    for kind, given in (("LocalSecondaryIndexes", local), ("GlobalSecondaryIndexes", of_all)):
        if given is not None and not given:
            raise invalid_values(f"List of {kind} is empty")
    if local and table.key.range is None:
        raise invalid_values(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"
        )
    for definition in local or ():
        table = with_index(table, definition, is_global=False)
    if len(local or ()) > _MOST_LOCAL:
        raise invalid_values(f"Number of LocalSecondaryIndexes exceeds per-table limit of {_MOST_LOCAL}")
    for definition in of_all or ():
        table = with_index(table, definition, is_global=True)
    check_attributes_used(table)
    return table


def with_index(table: Table, definition: Parameters, *, is_global: bool, status: str = "ACTIVE") -> Table:
    """Return the table with one more index; raises ValidationException."""
    name = definition["IndexName"]
    key = key_schema(definition["KeySchema"], table.types)
    if not is_global:
        _check_local(table, key, name)
    if table.index(name) is not None:
        raise invalid_values(f"Duplicate index name: {name}")
    if is_global and sum(index.is_global for index in table.indexes) >= _MOST_GLOBAL:
        raise invalid_values(f"GlobalSecondaryIndex count exceeds the per-table limit of {_MOST_GLOBAL}")
    projection = definition.get("Projection") or {}
    non_key = projection.get("NonKeyAttributes")
    kind = _checked_projection(projection.get("ProjectionType"), non_key)
    settings = {one: definition[one] for one in _STORED_OF_INDEX if definition.get(one) is not None}
    if is_global:
        _check_throughput(table, name, settings)
    index = Index(name, table.next_index, is_global, key, kind, tuple(non_key or ()), status, settings)
    return replace(table, indexes=(*table.indexes, index), next_index=table.next_index + 1)


def without_index(table: Table, name: str) -> Table:
    """Return the table without an index, and without the attribute definitions that only it used."""
    rest = tuple(index for index in table.indexes if index.name != name)
    used = {each for key in (table.key, *(index.key for index in rest)) for each in key.names}
    types = {each: kind for each, kind in table.types.items() if each in used}
    return replace(table, indexes=rest, types=types)


def check_attributes_used(table: Table) -> None:
    """Raise ValidationException where an attribute is defined that no key uses."""
    used = dict.fromkeys(each for key in (table.key, *(index.key for index in table.indexes)) for each in key.names)
    if len(used) == len(table.types):
        return
    if not table.indexes:
        raise invalid_values(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in "
            "AttributeDefinitions"
        )
    raise invalid_values(
        f"Some AttributeDefinitions are not used. AttributeDefinitions: [{', '.join(table.types)}], keys used: "
        f"[{', '.join(used)}]"
    )


def _check_local(table: Table, key: KeySchema, name: str) -> None:
    if key.range is None:
        raise invalid_values(f"Index KeySchema does not have a range key for index: {name}")
    if key.hash != table.key.hash:
        raise invalid_values(
            f"Index KeySchema does not have the same leading hash key as table KeySchema for index: {name}. index hash "
            f"key: {key.hash}, table hash key: {table.key.hash}"
        )


def _checked_projection(kind: str | None, non_key: Sequence[str] | None) -> str:
    if kind is None:
        raise invalid_values("Unknown ProjectionType: null")
    if kind == "INCLUDE" and not non_key:
        raise invalid_values("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    if kind != "INCLUDE" and non_key is not None:
        raise invalid_values(f"ProjectionType is {kind}, but NonKeyAttributes is specified")
    if len(non_key or ()) > _MOST_PROJECTED:
        raise invalid_values(f"Too many NonKeyAttributes: at most {_MOST_PROJECTED} are allowed")
    return kind


def _check_throughput(table: Table, name: str, settings: Mapping[str, object]) -> None:
    is_provisioned = table.settings["BillingMode"] == "PROVISIONED"
    if is_provisioned and "ProvisionedThroughput" not in settings:
        raise invalid_values(f"ProvisionedThroughput is not specified for index: {name}")
    if not is_provisioned and "ProvisionedThroughput" in settings:
        raise invalid_values(
            f"ProvisionedThroughput should not be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
        )
