"""The resource types that a caller lets a request work with.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html (ResourceTypes)
"""

from __future__ import annotations

from collections.abc import Sequence

from lambent.template.document import Template, TemplateError


def require_allowed(template: Template, allowed: Sequence[str]) -> None:
    """Raise TemplateError for a resource whose type is not among those allowed."""
    for resource in template.resources.values():
        if not any(_covers(one, resource.type) for one in allowed):
            listed = ", ".join(allowed)
            raise TemplateError(f"Resource type {resource.type} is not allowed by parameter ResourceTypes [{listed}]")


def _covers(allowed: str, kind: str) -> bool:
    """Return whether a type, or a whole service's or everybody's types (`AWS::EC2::*`), cover this one.

    >>> _covers("AWS::Logs::*", "AWS::Logs::LogGroup"), _covers("Custom::*", "AWS::CloudFormation::CustomResource")
    (True, False)
    """
    return allowed == kind or (allowed.endswith("::*") and kind.startswith(allowed[:-1]))
