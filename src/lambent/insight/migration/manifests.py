"""The manifests of a migration: the changed one, the two on the way to it, and one for a function that had none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path
from typing import Any

from lambent.insight.migration.candidate import Candidate, Compute
from lambent.insight.migration.editing import ManifestText, blocks
from lambent.insight.migration.wanted import Goal, Provider
from lambent.manifest.system import CapacityProvider

# What only one function may have: its triggers would fire twice.
_ONLY_ONCE = ("triggers", "url", "name", "alias", "depends_on")
_CHANGED = ("name", "runtime", "memory", "architecture", "snap_start", "provisioned_concurrency", "vpc",
            "reserved_concurrency", "capacity_provider")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Manifests:
    """Texts of manifests: `final` is what is left in the end.

    `beside` has the old function with the new one beside it, `switched` the new one in its place with that still
    beside it; both are None where the old function does not belong to a manifest.
    """

    final: str
    beside: str | None = None
    switched: str | None = None


def beside_name(goal: Goal) -> str:
    """Return the name of the function that stands beside the old one while the new one takes its place."""
    return f"{goal.name[:57]}-beside"


def changed(text: str, file: str, candidate: Candidate, goal: Goal) -> Manifests:
    """Return the manifests for a function of a manifest, of which `text` is the text."""
    key = candidate.source.address
    final = ManifestText(text, file)
    _change(final, key, candidate, goal)
    function = final.value(("functions", key))
    switched = ManifestText(final.text, file)
    _beside(switched, key, function, goal)
    beside = ManifestText(text, file)
    if goal.to is Compute.MANAGED_INSTANCES:
        _provider(beside, goal)
    _beside(beside, key, function, goal)
    return Manifests(final.text, beside.text, switched.text)


def _change(text: ManifestText, key: str, candidate: Candidate, goal: Goal) -> None:
    start = ("functions", key)
    text.put((*start, "name"), goal.name)
    _settle_overlays(text, key)
    if goal.runtime and goal.runtime != candidate.runtime:
        text.put((*start, "runtime"), goal.runtime)
    if goal.memory_mb != candidate.memory_mb:
        text.put((*start, "memory"), goal.memory_mb)
    if goal.architecture != candidate.architecture:
        text.put((*start, "architecture"), goal.architecture)
    if goal.to is Compute.ON_DEMAND:
        text.drop((*start, "capacity_provider"))
        return
    for name, is_there in (
        ("snap_start", candidate.snap_start),
        ("provisioned_concurrency", candidate.provisioned_concurrency is not None),
        ("reserved_concurrency", candidate.reserved_concurrency is not None),
    ):
        if is_there:
            text.drop((*start, name))
    if candidate.vpc is not None:
        text.drop((*start, "vpc"))
        if text.value(("defaults", "vpc")) is not None:
            text.put((*start, "vpc"), None)
    if candidate.log_format == "Text":
        text.put((*start, "logs", "format"), "json")
    text.put((*start, "capacity_provider"), use(goal))
    _provider(text, goal)


def _settle_overlays(text: ManifestText, key: str) -> None:
    """Take out what overlays of environments say of the settings that are changed: it would undo them."""
    for environment in text.value(("environments",)) or {}:
        for name in _CHANGED:
            text.drop(("environments", environment, "functions", key, name))


def use(goal: Goal) -> dict[str, object]:
    """Return what the function says of its capacity provider."""
    provider = goal.provider
    reference = f"${{capacity_providers.{provider.key}}}"
    if provider.existing:
        reference = provider.existing
        if not provider.existing.startswith(("arn:", "${")):
            reference = f"arn:aws:lambda:${{aws.region}}:${{aws.account}}:capacity-provider:{provider.existing}"
    found: dict[str, object] = {"provider": reference, "memory_per_vcpu": goal.memory_per_vcpu}
    if goal.max_concurrency is not None:
        found["max_concurrency"] = goal.max_concurrency
    if goal.min_environments is not None and goal.max_environments is not None:
        found["min_environments"], found["max_environments"] = goal.min_environments, goal.max_environments
    return found


def _provider(text: ManifestText, goal: Goal) -> None:
    """Add the capacity provider, unless one that is there is used, or the manifest has it already."""
    provider = goal.provider
    if provider.existing or text.has(("capacity_providers", provider.key)):
        return
    said = provider_document(provider, goal.architecture)
    if text.value(("capacity_providers",)):
        text.put(("capacity_providers", provider.key), said)
    else:
        text.add_section(blocks({"capacity_providers": {provider.key: said}}))


def provider_document(provider: Provider, architecture: str) -> dict[str, object]:
    """Return a new capacity provider as a manifest has it."""
    said: dict[str, object] = {}
    if provider.subnets:
        said["subnets"] = list(provider.subnets)
    elif provider.vpc and "vpc" in CapacityProvider.model_fields:
        said["vpc"] = provider.vpc
    if provider.security_groups:
        said["security_groups"] = list(provider.security_groups)
    said["architecture"] = architecture
    if provider.max_vcpus is not None:
        said["max_vcpus"] = provider.max_vcpus
    return said


def _beside(text: ManifestText, key: str, function: Mapping[str, Any], goal: Goal) -> None:  # Any: a manifest's values
    said = {name: value for name, value in function.items() if name not in _ONLY_ONCE}
    text.put(("functions", f"{key}-beside"), {"name": beside_name(goal), **said})


def moved(text: str, file: str, before: Path, after: Path) -> str:
    """Return a manifest's text for another folder: what it names on this machine is named from there."""
    if before.resolve() == after.resolve():
        return text
    made = ManifestText(text, file)
    for section in ("functions", "layers"):
        for key in made.value((section,)) or {}:
            for path in ((section, key, "code"), (section, key, "code", "path"), (section, key, "requirements")):
                named = made.value(path)
                if isinstance(named, str) and ".dkr.ecr." not in named:
                    made.put(path, Path(relpath(before / named, after)).as_posix())
    return made.text


def new_stack(goal: Goal) -> str:
    """Return the stack of a function that had no manifest: not one that may be there under the function's name."""
    return f"migrated-{goal.name}"


def made_of(candidate: Candidate, goal: Goal, folder: Path) -> Manifests:
    """Return a whole manifest for a function that had none; paths are relative to `folder`."""
    key = re.sub(r"[^A-Za-z0-9_-]", "-", candidate.name)
    function: dict[str, Any] = {"name": goal.name}  # Any: a manifest's values
    if candidate.description:
        function["description"] = candidate.description
    if candidate.code is not None:
        function["code"] = Path(relpath(candidate.code.path, folder)).as_posix()
    elif candidate.image:
        function["code"] = {"image": candidate.image}
    if not candidate.image:
        function |= {"runtime": goal.runtime, "handler": candidate.handler}
    function |= {"memory": goal.memory_mb, "timeout": candidate.timeout_s, "architecture": goal.architecture}
    if candidate.ephemeral_storage_mb != 512:
        function["ephemeral_storage"] = candidate.ephemeral_storage_mb
    function |= _further(candidate, goal)
    document: dict[str, Any] = {"stack": new_stack(goal), "functions": {key: function}}  # Any: as above
    if goal.to is Compute.MANAGED_INSTANCES and not goal.provider.existing:
        document["capacity_providers"] = {goal.provider.key: provider_document(goal.provider, goal.architecture)}
    document["outputs"] = {"function_arn": f"${{functions.{key}.arn}}"}
    head = f"# {candidate.name}, to be {goal.to}: made from the {candidate.source.kind} {candidate.source.name}.\n"
    return Manifests(head + _notes(candidate) + blocks(document))


def _notes(candidate: Candidate) -> str:
    """Return comments on what the manifest cannot know: what invokes the old function still names that."""
    lines = [f"# {one.kind}: {one.source}" for one in candidate.triggers]
    if not lines:
        return ""
    return "# What invokes the old function is moved by the steps of the plan:\n" + "\n".join(lines) + "\n"


def _further(candidate: Candidate, goal: Goal) -> dict[str, Any]:  # Any: a manifest's values
    """Return what is said only where the function has it."""
    is_managed = goal.to is Compute.MANAGED_INSTANCES
    retry = {"attempts": candidate.retry_attempts, "max_age": candidate.max_event_age_s}
    arns = {name: getattr(candidate, name) for name in ("role", "kms_key", "dead_letter", "on_success", "on_failure")}
    said: dict[str, Any] = {  # Any: as above
        "environment": {name: _literal(value) for name, value in candidate.environment.items()},
        "layers": [_literal(one) for one in candidate.layers],
        **{name: value for name, value in arns.items() if value.startswith("arn:")},
        "tracing": candidate.tracing,
        "logs": _logs(candidate, is_managed=is_managed),
        "retry": {name: value for name, value in retry.items() if value is not None},
        "tags": {name: _literal(value) for name, value in candidate.tags.items()},
        "alias": candidate.aliases[0].name if candidate.aliases else "",
        "capacity_provider": use(goal) if is_managed else {},
    }
    return {name: value for name, value in said.items() if value}


def _logs(candidate: Candidate, *, is_managed: bool) -> dict[str, str]:
    is_json = is_managed or candidate.log_format == "JSON"
    group = "" if candidate.log_group.startswith("${") else candidate.log_group
    said = {"format": "json" if is_json else "", "group": group, "level": candidate.log_level if is_json else ""}
    return {name: value for name, value in said.items() if value}


def _literal(text: str) -> str:
    """Return a text in which nothing is a reference of the manifest's."""
    return text.replace("${", "$${")
