"""Rules about a manifest as a whole: its region, its resources' logical ids, what it tells the world."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lambent.base.diagnostics import Diagnostic
from lambent.manifest.checks.subject import Place
from lambent.manifest.effective import effective_functions
from lambent.manifest.names import pascal
from lambent.manifest.sources import Path, Sources
from lambent.manifest.system import System

# The `regionRegex` of each partition in botocore's partitions.json: a region newer than this list is still one.
_REGION = re.compile(
    r"(us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+\Z|cn-\w+-\d+\Z|eusc-de-\w+-\d+\Z|us-(gov|iso|isob|isof)-\w+-\d+\Z|eu-isoe-\w+-\d+\Z"
)
_KINDS = {
    "keys": "Key", "log_groups": "LogGroup", "roles": "Role", "layers": "Layer",
    "capacity_providers": "CapacityProvider", "functions": "Function", "buckets": "Bucket", "queues": "Queue",
    "topics": "Topic", "tables": "Table", "buses": "Bus", "rules": "Rule",
}  # fmt: skip


def check_whole(system: System, sources: Sources, unjudged: frozenset[Path]) -> Iterator[Diagnostic]:
    """Yield what is wrong with a system as a whole."""
    whole = Place(sources, ())
    if system.region is not None and not _REGION.match(system.region):
        message = f"{system.region} is no region of AWS"
        yield whole.found("region", message, "Write one such as eu-central-1, or leave it to the target.", "region")
    # A key at the top that is none may have been meant as a section.
    if not any(getattr(system, section) for section in _KINDS) and not unjudged:
        message = "the manifest declares no resources, and CloudFormation makes no empty stack"
        yield whole.found("no-resources", message, "Add a function under `functions`.", "stack")
    yield from _logical_ids(system, sources, unjudged)
    yield from _outputs(system, whole)


def _logical_ids(system: System, sources: Sources, unjudged: frozenset[Path]) -> Iterator[Diagnostic]:
    seen: dict[str, tuple[str, str]] = {}
    told: set[tuple[str, str]] = set()
    for section, key, identifier in _resources(system, unjudged):
        first = seen.setdefault(identifier, (section, key))
        if first != (section, key) and (section, key) not in told:
            told.add((section, key))
            message = f"{'.'.join(first)} and {section}.{key} would both be the resource {identifier}"
            advice = "Rename one of the two: letters and digits alone have to tell them apart."
            yield Place(sources, (section, key)).found("logical-id", message, advice, key=True)


def _resources(system: System, unjudged: frozenset[Path]) -> Iterator[tuple[str, str, str]]:
    """Yield section, key and logical id of each resource that another could be called like."""
    for section, kind in _KINDS.items():
        for key in getattr(system, section):
            yield section, key, pascal(key) + kind
    if unjudged:
        return  # whether a function has a role or a log group of its own, may be what was taken out
    for key, provider in system.capacity_providers.items():
        if provider.operator_role is None:
            yield "capacity_providers", key, pascal(key) + "CapacityProviderRole"
        if provider.security_groups is None:
            yield "capacity_providers", key, pascal(key) + "CapacityProviderSecurityGroup"
    for key, function in effective_functions(system).items():
        if function.role is None:
            yield "functions", key, pascal(key) + "FunctionRole"
        if function.logs is None or function.logs.group is None:
            yield "functions", key, pascal(key) + "FunctionLogGroup"


def _outputs(system: System, whole: Place) -> Iterator[Diagnostic]:
    seen: dict[str, str] = {}
    for name, output in system.outputs.items():
        known = pascal(name)
        first = seen.setdefault(known, name)
        if not known:
            message = f"nothing is left of the output's name `{name}` where letters and digits alone are allowed"
            yield whole.found("output-name", message, "Name it with letters from a to z.", "outputs", name, key=True)
        elif first != name:
            message = f"CloudFormation knows the outputs {first} and {name} both as {known}"
            advice = "Rename one of the two: letters and digits alone have to tell them apart."
            yield whole.found("output-name", message, advice, "outputs", name, key=True)
        for reference in output.value.references():
            # A look-up (`${ssm:…}`) has no path.
            parameter = reference.path[1] if reference.path[:1] == ("parameters",) and len(reference.path) > 1 else ""
            declared = system.parameters.get(parameter)
            if declared is not None and declared.secret:
                message = f"the output {name} shows the secret parameter {parameter} to whoever may describe the stack"
                advice = "Take it out: CloudFormation hides a secret parameter, but not an output."
                yield whole.found("secret-output", message, advice, "outputs", name)
