"""A function of a manifest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lambent.base.diagnostics import SourceSpan
from lambent.insight.migration.candidate import (
    Alias,
    Candidate,
    CapacityUse,
    CodePlace,
    Network,
    Source,
    SourceKind,
    TriggerUse,
)
from lambent.insight.migration.sources.choosing import choose
from lambent.manifest.effective import effective_functions
from lambent.manifest.event_sources import Trigger
from lambent.manifest.expression import Expression
from lambent.manifest.sources import Sources
from lambent.manifest.system import Function, Managed, System, Vpc

# The manifest's key by the candidate's field, where they differ.
_KEYS = {
    "memory_mb": ("memory",), "timeout_s": ("timeout",), "ephemeral_storage_mb": ("ephemeral_storage",),
    "log_format": ("logs", "format"), "capacity": ("capacity_provider",),
}  # fmt: skip
_PLACED = (
    "runtime", "handler", "code", "architecture", "memory_mb", "timeout_s", "ephemeral_storage_mb", "log_format",
    "snap_start", "provisioned_concurrency", "reserved_concurrency", "vpc", "layers", "capacity", "environment", "url",
)  # fmt: skip


def of_system(system: System, wanted: str, sources: Sources, base: Path) -> Candidate:
    """Return the function that is called `wanted`, by its key or its name. Raises FunctionChoiceError."""
    functions = effective_functions(system)
    names = {key: [_name(system, key, one)] for key, one in functions.items()}
    by_key = {key: key for key in functions}
    key = choose(wanted, by_key, names, sources.file or "The system")
    function = functions[key]
    logs = function.logs
    managed = function.capacity_provider
    is_json = (logs is not None and logs.format == "json") or (
        managed is not None and (logs is None or not logs.format)
    )
    return Candidate(
        name=names[key][0],
        source=Source(SourceKind.MANIFEST, sources.file, key, system.stack, system.region or ""),
        runtime=function.runtime,
        handler=function.handler,
        code=_code(function, base),
        image=str(function.code.image or ""),
        architecture=function.architecture or "x86_64",
        memory_mb=function.memory or 128,
        timeout_s=function.timeout or 3,
        ephemeral_storage_mb=function.ephemeral_storage or 512,
        environment={name: str(value) for name, value in function.environment.items()},
        layers=tuple(str(one) for one in function.layers or ()),
        role=_text(function.role),
        description=_text(function.description),
        log_format="JSON" if is_json else "Text",
        log_level="" if logs is None else logs.level or "",
        log_group="" if logs is None else _text(logs.group),
        tracing=function.tracing or "",
        snap_start=function.snap_start,
        provisioned_concurrency=function.provisioned_concurrency,
        reserved_concurrency=function.reserved_concurrency,
        vpc=_network(function.vpc),
        tags={name: str(value) for name, value in function.tags.items()},
        capacity=_capacity(managed),
        aliases=() if function.alias is None else (Alias(function.alias.name, weights=function.alias.weights),),
        triggers=tuple(_triggers(function)),
        on_success=_text(function.on_success),
        on_failure=_text(function.on_failure),
        places={name: place for name in _PLACED if (place := _place(sources, key, name, system)) is not None},
    )


def _name(system: System, key: str, function: Function) -> str:
    return f"{system.stack}-{key}" if function.name is None else str(function.name)


def _text(value: Expression | None) -> str:
    return "" if value is None else str(value)


def _code(function: Function, base: Path) -> CodePlace | None:
    if function.code.path is None:
        return None
    path = base / function.code.path
    named = base / function.requirements if function.requirements else path / "requirements.txt"
    return CodePlace(path, named if named.is_file() else None)


def _network(vpc: Vpc | None) -> Network | None:
    if vpc is None or not (vpc.subnets or vpc.security_groups or vpc.discover):
        return None
    found = [f"the subnets of {vpc.discover}"] if vpc.discover else [str(one) for one in vpc.subnets]
    return Network(tuple(found), tuple(str(one) for one in vpc.security_groups))


def _capacity(managed: Managed | None) -> CapacityUse | None:
    if managed is None:
        return None
    return CapacityUse(
        str(managed.provider),
        managed.memory_per_vcpu,
        managed.max_concurrency,
        managed.min_environments,
        managed.max_environments,
    )


def _triggers(function: Function) -> Iterator[TriggerUse]:
    qualifier = "" if function.alias is None else function.alias.name
    for one in function.triggers:
        kind = next(name for name in Trigger.model_fields if getattr(one, name) is not None)
        yield TriggerUse(kind, _source(one), qualifier=qualifier)
    if function.url is not None:
        yield TriggerUse("url", f"auth {function.url.auth}", qualifier=qualifier)


def _source(trigger: Trigger) -> str:
    if trigger.schedule is not None:
        return str(trigger.schedule.expression)
    found = (
        None if trigger.s3 is None else trigger.s3.bucket,
        None if trigger.sqs is None else trigger.sqs.queue,
        None if trigger.sns is None else trigger.sns.topic,
        None if trigger.stream is None else trigger.stream.source,
        None if trigger.event is None else trigger.event.bus,
    )
    return next((str(one) for one in found if one is not None), "the default bus")


def _place(sources: Sources, key: str, name: str, system: System) -> SourceSpan | None:
    """Return where a setting of the function stands: with it, or in the manifest's defaults."""
    inside = _KEYS.get(name, (name,))
    for start in (("functions", key), ("defaults",)):
        for length in range(len(inside), 0, -1):
            path = (*start, *inside[:length])
            if path in sources.keys or path in sources.values:
                return sources.span(*path)
    return sources.span("functions", key, key=True) if key in system.functions else None
