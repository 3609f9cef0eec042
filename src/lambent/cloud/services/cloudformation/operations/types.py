"""The resource types that stacks can have here, told as CloudFormation's registry tells them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeType.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.cloudformation import errors
from lambent.cloud.services.cloudformation.identifiers import IDENTIFIERS
from lambent.cloud.services.cloudformation.operations.common import Parts, number_of
from lambent.cloud.services.cloudformation.resources.contract import ResourceType

_PAGE = 100
_KIND = "RESOURCE"
_ACTIVATED = frozenset({"ACTIVATED", "THIRD_PARTY", "REGISTERED"})


class TypeOperations:
    """Operations on the registry: all its types are AWS's, public, and there from the start."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("DescribeType")
    async def describe_type(self, context: RequestContext, asked: Parameters) -> Result:
        """Return a type's schema."""
        name = asked.get("TypeName") or _name_in(asked.get("Arn"))
        if name is None or (asked.get("Arn") is None and asked.get("Type") is None):
            raise errors.invalid("Either Arn or both TypeName and Type must be specified.")
        kind = self._parts.types.get(name)
        if kind is None or kind.name != name or asked.get("Type", _KIND) != _KIND:
            raise errors.no_such_type(name)
        return {
            "Arn": _arn(context, name),
            "Type": _KIND,
            "TypeName": name,
            "IsDefaultVersion": True,
            "Description": f"Resource Type definition for {name}",
            "Schema": json.dumps(_schema(kind)),
            "ProvisioningType": "FULLY_MUTABLE" if _is_mutable(kind) else "IMMUTABLE",
            "DeprecatedStatus": "LIVE",
            "Visibility": "PUBLIC",
        }

    @operation("ListTypes")
    async def list_types(self, context: RequestContext, asked: Parameters) -> Result:
        """Return summaries of types; those of the account's own, which are listed unasked, are none."""
        found = [] if asked.get("Visibility", "PRIVATE") == "PRIVATE" else self._listed(asked)
        start = number_of(asked.get("NextToken")) or 0
        limit = asked.get("MaxResults", _PAGE)
        more = {"NextToken": str(start + limit)} if start + limit < len(found) else {}
        summaries = [
            {"Type": _KIND, "TypeName": one.name, "TypeArn": _arn(context, one.name)}
            for one in found[start : start + limit]
        ]
        return {"TypeSummaries": summaries, **more}

    def _listed(self, asked: Parameters) -> Sequence[ResourceType]:
        filters = asked.get("Filters") or {}
        nothing = asked.get("Type", _KIND) != _KIND or asked.get("DeprecatedStatus", "LIVE") != "LIVE"
        if nothing or filters.get("Category") in _ACTIVATED or filters.get("PublisherId"):
            return []
        prefix, wanted = filters.get("TypeNamePrefix", ""), asked.get("ProvisioningType")
        kinds = [self._parts.types.get(name) for name in sorted(self._parts.types.names())]
        return [
            one
            for one in kinds
            if one is not None
            and one.name.startswith(prefix)
            and wanted in {None, "FULLY_MUTABLE" if _is_mutable(one) else "IMMUTABLE"}
        ]


def _is_mutable(kind: ResourceType) -> bool:
    return not kind.properties or bool(kind.properties - kind.create_only)


def _arn(context: RequestContext, name: str) -> str:
    return (
        f"arn:{context.scope.partition}:cloudformation:{context.scope.region}::type/resource/{name.replace('::', '-')}"
    )


def _name_in(arn: str | None) -> str | None:
    return None if arn is None else arn.partition("/resource/")[2].replace("-", "::") or None


def _schema(kind: ResourceType) -> dict[str, Any]:  # Any: a JSON schema
    """Return what is known of a type in the form of AWS's resource schemas: its properties by name."""
    return {
        "typeName": kind.name,
        "description": f"Resource Type definition for {kind.name}",
        "additionalProperties": kind.is_open,
        "properties": {name: {} for name in sorted(kind.properties | kind.attributes)},
        "required": sorted(kind.required),
        "primaryIdentifier": [f"/properties/{name}" for name in IDENTIFIERS.get(kind.name, ())],
        "createOnlyProperties": _pointers(kind.create_only),
        "conditionalCreateOnlyProperties": _pointers(kind.conditional),
        "readOnlyProperties": _pointers(kind.attributes - kind.properties),
    }


def _pointers(names: frozenset[str]) -> list[str]:
    return [f"/properties/{name.replace('.', '/')}" for name in sorted(names)]
