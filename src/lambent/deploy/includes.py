"""Snippets on this machine that a template takes in with `AWS::Include`: they are put where they are named.

CloudFormation reads snippets from S3 alone, and puts them there in the same way:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-include.html
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lambent.deploy.errors import DeployError
from lambent.deploy.unpackaged import ELSEWHERE
from lambent.template.codec import parse
from lambent.template.document import TemplateError, Value

INCLUDE = "AWS::Include"
_TRANSFORMS = frozenset({"Transform", "Fn::Transform"})


def with_includes(document: Mapping[str, Value], base: Path) -> tuple[dict[str, Value], tuple[str, ...]]:
    """Return a template with the snippets in it, and their files, relative to `base`.

    What is in S3, or named by an intrinsic, stays CloudFormation's to take in.
    Raises DeployError for a snippet that is not there, or is neither YAML nor JSON.
    """
    taken: list[str] = []
    return _filled(document, base, taken), tuple(taken)


def _filled(value: Value, base: Path, taken: list[str]) -> Value:
    if isinstance(value, list):
        return [_filled(one, base, taken) for one in value]
    if not isinstance(value, Mapping):
        return value
    found: dict[str, Value] = {}
    snippets: dict[str, Value] = {}
    for key, inner in value.items():
        listed = (inner if isinstance(inner, list) else [inner]) if key in _TRANSFORMS else []
        here = [one for one in listed if _place(one) is not None]
        if not here:
            found[key] = _filled(inner, base, taken)
            continue
        for one in here:
            snippets |= _snippet(str(_place(one)), base, taken)
        if left := [one for one in listed if one not in here]:
            found[key] = left
    return {**found, **snippets}


def _place(transform: Value) -> str | None:
    """Return the file that a transform takes in from this machine, or None where it is none of these."""
    if not isinstance(transform, Mapping) or transform.get("Name") != INCLUDE:
        return None
    parameters = transform.get("Parameters")
    place = parameters.get("Location") if isinstance(parameters, Mapping) else None
    return place if isinstance(place, str) and not place.startswith(ELSEWHERE) else None


def _snippet(place: str, base: Path, taken: list[str]) -> dict[str, Value]:
    taken.append(place)
    try:
        return parse((base / place).read_text(encoding="utf-8-sig"), allow_aliases=True)
    except (OSError, UnicodeDecodeError) as error:
        raise DeployError(
            f"{INCLUDE}: {place} cannot be read: {error}", "Location is relative to the template."
        ) from error
    except TemplateError as error:
        raise DeployError(f"{place}: {error}", f"{INCLUDE} takes YAML or JSON, a map at the top.") from error
