"""Every rule over a system."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lambent.aws.quotas import TAGS_PER_RESOURCE
from lambent.base.diagnostics import Diagnostic
from lambent.manifest.checks.capacity import check_managed, check_provider, users_of
from lambent.manifest.checks.environment import check_environment
from lambent.manifest.checks.functions import check_function
from lambent.manifest.checks.operation import RETENTION_DAYS, check_operation
from lambent.manifest.checks.parties import check_parties
from lambent.manifest.checks.permissions import check_function_permissions, check_role
from lambent.manifest.checks.resources import check_resources
from lambent.manifest.checks.subject import Place, constraint
from lambent.manifest.checks.triggers import check_triggers
from lambent.manifest.checks.whole import check_whole
from lambent.manifest.effective import effective_functions
from lambent.manifest.expression import Expression
from lambent.manifest.sources import Path, Sources
from lambent.manifest.system import System

_STACK = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}\Z")


def check(system: System, sources: Sources, *, unjudged: frozenset[Path] = frozenset()) -> list[Diagnostic]:
    """Return everything that AWS's rules say against a system, offline; parts that are `unjudged` are left out."""
    return list(_every(system, sources, unjudged))


def _every(system: System, sources: Sources, unjudged: frozenset[Path]) -> Iterator[Diagnostic]:
    whole = Place(sources, ())
    if not _STACK.match(system.stack):
        message = constraint(
            system.stack, "stackName", "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )
        yield whole.found("stack-name", message, "Begin with a letter; use letters, digits, hyphens.", "stack")
    yield from check_whole(system, sources, unjudged)
    yield from _tags(system.tags, whole)
    yield from _functions(system, sources, unjudged)
    if not unjudged:  # what was taken out may be what is spoken of
        yield from check_parties(system, sources)
    yield from check_resources(system, sources, unjudged)
    for key, role in system.roles.items():
        if ("roles", key) not in unjudged:
            yield from check_role(role, Place(sources, ("roles", key)))
            yield from _tags(role.tags, Place(sources, ("roles", key)))
    yield from _log_groups_and_keys(system, sources)
    yield from _capacity_providers(system, sources, unjudged)


def _functions(system: System, sources: Sources, unjudged: frozenset[Path]) -> Iterator[Diagnostic]:
    if ("defaults",) in unjudged:
        return
    providers = {
        key: one for key, one in system.capacity_providers.items() if ("capacity_providers", key) not in unjudged
    }
    for key, function in effective_functions(system).items():
        if ("functions", key) in unjudged:
            continue
        place = Place(sources, ("functions", key))
        name = f"{system.stack}-{key}" if function.name is None else function.name.literal
        yield from check_function(function, name, place)
        yield from check_operation(function, place)
        yield from check_function_permissions(function, place)
        yield from check_triggers(system, function, place)
        if not unjudged:  # what was taken out may be what is allowed
            yield from check_environment(system, key, place)
        yield from check_managed(function, place, providers)
        yield from _tags(function.tags, place)


def _capacity_providers(system: System, sources: Sources, unjudged: frozenset[Path]) -> Iterator[Diagnostic]:
    functions = {} if unjudged else effective_functions(system)  # what was taken out may be what they are
    for key, provider in system.capacity_providers.items():
        if ("capacity_providers", key) not in unjudged:
            name = f"{system.stack}-{key}" if provider.name is None else provider.name.literal
            roles = {} if unjudged else system.roles
            place = Place(sources, ("capacity_providers", key))
            yield from check_provider(provider, name, place, users_of(key, functions), roles)


def _log_groups_and_keys(system: System, sources: Sources) -> Iterator[Diagnostic]:
    for key, group in system.log_groups.items():
        if group.retention is not None and group.retention not in RETENTION_DAYS:
            message = constraint(
                group.retention, "retentionInDays", f"Member must satisfy enum value set: {list(RETENTION_DAYS)}"
            )
            near = min(RETENTION_DAYS, key=lambda days, wanted=group.retention: abs(days - wanted))  # type: ignore[misc] # the default binds it
            yield Place(sources, ("log_groups", key)).found("log-retention", message, f"Write {near}.", "retention")
    for key, kms in system.keys.items():
        if kms.deletion_window is not None and not 7 <= kms.deletion_window <= 30:
            message = constraint(kms.deletion_window, "pendingWindowInDays", "Member must have value between 7 and 30")
            yield Place(sources, ("keys", key)).found("key-window", message, "", "deletion_window")


def _tags(tags: dict[str, Expression], place: Place) -> Iterator[Diagnostic]:
    if len(tags) > TAGS_PER_RESOURCE:
        yield place.found("tags", "Number of tags exceeds resource tag limit.", "50 is the most.", "tags", key=True)
    for name in tags:
        if name.lower().startswith("aws:"):
            message = "aws: prefixed tag key names are not allowed for external use."
            yield place.found("tags", message, "Choose another name.", "tags", name, key=True)
