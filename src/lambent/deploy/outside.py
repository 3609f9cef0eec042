"""Whether a template means something else when what stands outside of it changes: parameters of SSM, macros."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SELF_CONTAINED = frozenset({"AWS::Serverless-2016-10-31", "AWS::LanguageExtensions"})


def looks_outside(template: Mapping[str, Any], body: str) -> bool:  # Any: a CloudFormation template
    """Return whether the same text may have another effect the next time, so that only a change set can tell."""
    if "{{resolve:" in body or '"Fn::Transform"' in body:
        return True
    named = template.get("Transform") or []
    transforms = named if isinstance(named, list) else [named]
    if any(not isinstance(one, str) or one not in _SELF_CONTAINED for one in transforms):
        return True
    declared = template.get("Parameters") or {}
    return any(str(one.get("Type", "")).startswith("AWS::SSM::Parameter::") for one in declared.values())
