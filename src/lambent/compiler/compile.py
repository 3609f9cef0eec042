"""System → CompiledSystem, read top to bottom; each pass is one construct, in the order of the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lambent.compiler.cycles import refuse_cycles
from lambent.compiler.errors import CompileError
from lambent.compiler.intrinsics import Value
from lambent.compiler.limits import enforce_limits
from lambent.compiler.names import logical_id
from lambent.compiler.outputs import output_names, outputs
from lambent.compiler.references import References
from lambent.compiler.resources.aliases import version_and_alias, versions_wanted
from lambent.compiler.resources.async_invocation import event_invoke_config
from lambent.compiler.resources.buckets import buckets
from lambent.compiler.resources.buses import buses, rules
from lambent.compiler.resources.capacity_providers import capacity_providers, network_wanted
from lambent.compiler.resources.code import archives
from lambent.compiler.resources.execution_roles import execution_role
from lambent.compiler.resources.functions import function_resource
from lambent.compiler.resources.keys import keys
from lambent.compiler.resources.layers import layers
from lambent.compiler.resources.log_groups import log_groups, own_log_group
from lambent.compiler.resources.queues import queues
from lambent.compiler.resources.roles import roles
from lambent.compiler.resources.scope import Emitted, Scope
from lambent.compiler.resources.tables import tables
from lambent.compiler.resources.topics import topics
from lambent.compiler.resources.triggers import triggers
from lambent.compiler.resources.urls import function_url
from lambent.compiler.result import CompiledSystem, DiscoveredVpc, NetworkWanted, ProviderNetwork
from lambent.manifest.effective import effective_functions
from lambent.manifest.system import System

_SECTIONS = (
    keys, log_groups, roles, layers, capacity_providers, buckets, queues, topics, tables, buses, rules,
)  # fmt: skip
_OF_A_FUNCTION = (
    own_log_group,
    execution_role,
    function_resource,
    version_and_alias,
    function_url,
    event_invoke_config,
    triggers,
)


def compile_system(
    system: System,
    *,
    vpcs: Mapping[str, DiscoveredVpc] | None = None,
    networks: Mapping[str, ProviderNetwork] | None = None,
    settings: Mapping[str, str] | None = None,
) -> CompiledSystem:
    """Return `system` as a CloudFormation template and what deployment has to put in it.

    `vpcs` are those that `vpcs_wanted` names, `networks` those of the capacity providers that `networks_wanted` names,
    `settings` the values of parameters by their names in the manifest.
    Raises CompileError where CloudFormation could not hold the system, or a reference means nothing.
    """
    functions = effective_functions(system)
    scope = Scope(system, functions, References(system, functions), vpcs or {}, networks or {})
    resources = _collected(scope)
    told = outputs(scope)
    parameters = _parameters(scope, settings or {})
    template: dict[str, Any] = {  # Any: a CloudFormation template
        "AWSTemplateFormatVersion": "2010-09-09",
        **({"Description": system.description} if system.description else {}),
        **({"Parameters": {name: declared for name, (declared, _) in parameters.items()}} if parameters else {}),
        "Resources": resources,
        **({"Outputs": told} if told else {}),
    }
    enforce_limits(template)
    return CompiledSystem(
        stack_name=system.stack,
        template=template,
        parameters={name: value for name, (_, value) in parameters.items() if value is not None},
        tags=_stack_tags(system),
        capabilities=_capabilities(resources),
        archives=tuple(archives(scope)),
        versions=tuple(versions_wanted(scope)),
        output_names=output_names(scope),
    )


def vpcs_wanted(system: System) -> tuple[str, ...]:
    """Return the ids of the VPCs that have to be looked up before `system` can be compiled, each once."""
    asked = (function.vpc.discover for function in effective_functions(system).values() if function.vpc is not None)
    found = (expression.literal for expression in asked if expression is not None)
    return tuple(dict.fromkeys(identifier for identifier in found if identifier is not None))


def networks_wanted(system: System) -> dict[str, NetworkWanted]:
    """Return what has to be looked up before `system` can be compiled, by the keys of its capacity providers."""
    asked = {key: network_wanted(provider) for key, provider in system.capacity_providers.items()}
    return {key: wanted for key, wanted in asked.items() if wanted is not None}


def _collected(scope: Scope) -> dict[str, Value]:
    resources: dict[str, Value] = {}
    for name, resource in _emitted(scope):
        if name in resources:
            advice = "Rename one of the two: letters and digits alone have to tell them apart."
            raise CompileError(f"two things of this manifest would both be the resource {name}", advice=advice)
        resources[name] = resource
    refuse_cycles(resources)
    if not resources:
        raise CompileError("the manifest declares no resources", advice="Add a function under `functions`.")
    return resources


def _emitted(scope: Scope) -> Iterator[Emitted]:
    for section in _SECTIONS:
        yield from section(scope)
    for key, function in scope.functions.items():
        try:
            for emit in _OF_A_FUNCTION:
                yield from emit(scope, key, function)
        except CompileError as error:
            raise error.within("functions", key) from error


def _parameters(scope: Scope, settings: Mapping[str, str]) -> dict[str, tuple[Value, str | None]]:
    """Return the template's parameters, with their values: those that something still refers to.

    Of a manifest read from a file these are the secret ones; the others are put in before the model is built.
    """
    parameters: dict[str, tuple[Value, str | None]] = {}
    for name in scope.references.parameters_used:
        declared = scope.system.parameters[name]
        described = {"Description": declared.description} if declared.description else {}
        default = None if declared.default is None else _as_text(declared.default)
        parameters[logical_id(name, "Parameter")] = (
            {"Type": "String", **({"NoEcho": True} if declared.secret else {}), **described},
            settings.get(name, default),
        )
    return parameters


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _stack_tags(system: System) -> dict[str, str]:
    tags: dict[str, str] = {}
    for name, value in system.tags.items():
        if value.literal is None:
            advice = "Put the tag on the functions (`defaults.tags`), or write its value out."
            message = f"tags.{name}: CloudFormation takes the stack's tags before it knows what {value} is"
            raise CompileError(message, advice=advice, path=("tags", name))
        tags[name] = value.literal
    return tags


def _capabilities(resources: Mapping[str, Value]) -> tuple[str, ...]:
    """Return what AWS wants confirmed: that roles are made, and that their names are given.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html#using-iam-capabilities
    """
    made = [resource for resource in resources.values() if resource["Type"] == "AWS::IAM::Role"]
    if any("RoleName" in role["Properties"] for role in made):
        return ("CAPABILITY_NAMED_IAM",)
    return ("CAPABILITY_IAM",) if made else ()
