"""What GetTemplateSummary and ValidateTemplate tell of a template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lambent.cloud.services.cloudformation import capabilities
from lambent.cloud.services.cloudformation.identifiers import IDENTIFIERS
from lambent.cloud.services.cloudformation.rendering import Members, without_empty
from lambent.cloud.services.cloudformation.transforms import declared
from lambent.template.document import Parameter, Template, Value

_VERSION = "2010-09-09"


def of_parameters(parameters: Mapping[str, Parameter]) -> list[Members]:
    """Return TemplateParameters."""
    return [
        without_empty(
            {
                "ParameterKey": one.name,
                "DefaultValue": one.default,
                "NoEcho": one.no_echo,
                "Description": one.description,
            }
        )
        for one in parameters.values()
    ]


def of_declarations(parameters: Mapping[str, Parameter]) -> list[Members]:
    """Return ParameterDeclarations."""
    return [
        without_empty(
            {
                "ParameterKey": one.name,
                "DefaultValue": one.default,
                "ParameterType": one.type,
                "NoEcho": one.no_echo,
                "Description": one.description,
                "ParameterConstraints": (
                    {} if one.allowed_values is None else {"AllowedValues": list(one.allowed_values)}
                ),
            }
        )
        for one in parameters.values()
    ]


def of_needs(document: Mapping[str, Value], template: Template) -> Members:
    """Return the members that both operations have: description, transforms, capabilities and their reason."""
    names = declared.names(document)
    needed = [*capabilities.of_identities(template), *([capabilities.AUTO_EXPAND] if names else [])]
    members: Members = {"Description": template.description, "CapabilitiesReason": capabilities.reason(template)}
    if needed:
        members["Capabilities"] = needed
    if names:
        members["DeclaredTransforms"] = names
    return without_empty(members)


def of_template(document: Mapping[str, Value], template: Template) -> Members:
    """Return the members that GetTemplateSummary has besides."""
    by_type: dict[str, list[str]] = {}
    for resource in template.resources.values():
        by_type.setdefault(resource.type, []).append(resource.logical_id)
    found: dict[str, Any] = {  # Any: JSON-shaped values
        "Parameters": of_declarations(template.parameters),
        "ResourceTypes": sorted(by_type),
        "ResourceIdentifierSummaries": [
            {"ResourceType": kind, "LogicalResourceIds": names, "ResourceIdentifiers": list(IDENTIFIERS.get(kind, ()))}
            for kind, names in sorted(by_type.items())
        ],
        "Version": str(document.get("AWSTemplateFormatVersion", _VERSION)),
    }
    if template.metadata:
        found["Metadata"] = json.dumps(template.metadata)
    return {**found, **of_needs(document, template)}
