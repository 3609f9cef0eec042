"""Environments: what is different in one of them, laid over the manifest before anything else is read."""

from __future__ import annotations

from typing import Any

from lambent.base.diagnostics import Diagnostic, Severity
from lambent.manifest.sources import Path, Sources
from lambent.manifest.words import did_you_mean

Value = Any  # Any: text, numbers, booleans, None, lists and mappings of them
SECTION = "environments"
_SECTIONS = frozenset({
    "parameters", "functions", "layers", "roles", "log_groups", "keys", "capacity_providers", "outputs", "tags",
    "buckets", "queues", "topics", "tables", "buses", "rules",
})  # fmt: skip
_NAMED = frozenset({("tags",), ("environment",)})


def overlaid(
    document: dict[str, Value], name: str | None, sources: Sources, found: list[Diagnostic]
) -> dict[str, Value]:
    """Return the document with the overlay of environment `name` over it.

    Mappings are merged, all else is replaced; `null` takes a resource, a tag or a variable of the rest away.
    """
    environments = document.get(SECTION)
    rest = {key: value for key, value in document.items() if key != SECTION}
    if environments is not None and not isinstance(environments, dict):
        message = "`environments` is a mapping of names to what is different there"
        found.append(Diagnostic(Severity.ERROR, "type", message, sources.span(SECTION)))
        return rest
    if name is None:
        return rest
    known = environments or {}
    if name not in known:
        advice = did_you_mean(name, known, otherwise=f"Environments of this manifest: {', '.join(known) or 'none'}.")
        found.append(Diagnostic(Severity.ERROR, "unknown-environment", f"there is no environment {name}", None, advice))
        return rest
    overlay = known[name]
    if overlay is None:
        return rest
    if not isinstance(overlay, dict):
        message = f"environment {name} is a mapping"
        found.append(Diagnostic(Severity.ERROR, "type", message, sources.span(SECTION, name)))
        return rest
    laid: dict[str, Value] = _merged(rest, overlay, ())
    _move(overlay, (SECTION, name), (), sources)
    return laid


def _merged(below: Value, above: Value, path: Path) -> Value:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    laid = {**below, **{key: _merged(below.get(key), value, (*path, key)) for key, value in above.items()}}
    if not _has_names(path):
        return laid
    # A null for what is not there stays, and is told as a mistake: its name is probably another.
    return {key: value for key, value in laid.items() if above.get(key, value) is not None or key not in below}


def _has_names(path: Path) -> bool:
    """Return whether what stands at a path is a mapping of names of the user's: a section, tags, variables."""
    if len(path) == 1:
        return path[0] in _SECTIONS
    in_section = len(path) == 3 and path[0] in _SECTIONS
    return path[-1:] in _NAMED and (in_section or path[:-1] == ("defaults",))


def _move(overlay: dict[str, Value], start: Path, to: Path, sources: Sources) -> None:
    """Let errors in what the overlay says point into the overlay."""
    for key, value in overlay.items():
        there, here = (*start, key), (*to, key)
        if isinstance(value, dict):
            _move(value, there, here, sources)
            if here in sources.values:
                continue
        sources.moved(there, here)
        for places in (sources.values, sources.keys):
            if there in places:
                places[here] = places[there]
