"""Capacity providers of a manifest, and the functions on them, as the rules of Managed Instances judge them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lambent.base.diagnostics import Diagnostic
from lambent.manifest.checks.managed import all_findings, architecture_findings, function_findings
from lambent.manifest.checks.managed_facts import DEFAULT_ARCHITECTURE, FunctionFacts, Policy, ProviderFacts
from lambent.manifest.checks.permissions import OPERATOR_POLICY, OPERATOR_PROBLEM, OPERATOR_SERVICE
from lambent.manifest.checks.subject import Place, literal
from lambent.manifest.expression import Expression
from lambent.manifest.system import CapacityProvider, Function, Managed, Role

_DEFAULT_MEMORY_MB, _DEFAULT_TIMEOUT_S = 128, 3
_CPU = "LambdaCapacityProviderAverageCPUUtilization"


def check_managed(function: Function, place: Place, providers: Mapping[str, CapacityProvider]) -> Iterator[Diagnostic]:
    """Yield what is wrong with a function on Managed Instances; `providers` are the manifest's own."""
    managed = function.capacity_provider
    if managed is None:
        return
    facts = function_facts(function, managed)
    yield from function_findings(facts, place)
    provider = providers.get(key_of(managed.provider, "capacity_providers") or "")
    if provider is not None:
        yield from architecture_findings(facts, provider_facts(provider, None), place)


def check_provider(
    provider: CapacityProvider, name: str | None, place: Place, users: list[Function], roles: Mapping[str, Role]
) -> Iterator[Diagnostic]:
    """Yield what is wrong with a capacity provider; `users` are the manifest's functions on it."""
    facts = provider_facts(provider, name)
    used = [function_facts(one, one.capacity_provider) for one in users if one.capacity_provider is not None]
    yield from all_findings(facts, used, place)
    if provider.operator_role is not None:
        role = roles.get(key_of(provider.operator_role, "roles") or "")
        if role is not None:
            yield from _operator_role(role, place)


def users_of(key: str, functions: Mapping[str, Function]) -> list[Function]:
    """Return the functions that are on the capacity provider `key` of the manifest."""
    return [
        one
        for one in functions.values()
        if one.capacity_provider is not None and key_of(one.capacity_provider.provider, "capacity_providers") == key
    ]


def key_of(expression: Expression, section: str) -> str | None:
    """Return the key of the resource of a section that an expression refers to and nothing else, None for others."""
    reference = expression.sole_reference
    is_one = reference is not None and len(reference.path) >= 2 and reference.path[0] == section
    return reference.path[1] if reference is not None and is_one else None


def provider_facts(provider: CapacityProvider, name: str | None) -> ProviderFacts:
    """Return what a manifest says of a capacity provider; `name` is its name on AWS where it is known."""
    targets = () if provider.target_cpu is None else (Policy(_CPU, provider.target_cpu),)
    logs = provider.logs
    return ProviderFacts(
        name=name,
        subnets=tuple(one.literal for one in provider.subnets),
        security_groups=tuple(one.literal for one in provider.security_groups or ()),
        vpc=provider.vpc,
        operator_role=literal(provider.operator_role),
        architectures=() if provider.architecture is None else (provider.architecture,),
        allowed=provider.instance_types,
        excluded=provider.excluded_instance_types,
        # A target of one's own is what Manual means.
        scaling=provider.scaling or ("Manual" if targets else None),
        policies=targets,
        max_vcpus=provider.max_vcpus,
        kms_key=literal(provider.kms_key),
        log_level=None if logs is None else logs.level,
        log_group=None if logs is None else literal(logs.group),
        propagation="Explicit" if provider.propagate_tags else None,
        propagated=tuple(provider.propagate_tags),
        tags=tuple(provider.tags),
    )


def function_facts(function: Function, managed: Managed) -> FunctionFacts:
    """Return what a manifest says of a function on a capacity provider."""
    forbidden = {
        "snap_start": function.snap_start,
        "provisioned_concurrency": function.provisioned_concurrency is not None,
        "vpc": function.vpc is not None,
        "reserved_concurrency": function.reserved_concurrency is not None,
    }
    return FunctionFacts(
        memory_mb=_DEFAULT_MEMORY_MB if function.memory is None else function.memory,
        runtime=function.runtime,
        provider=managed.provider.literal,
        architecture=function.architecture or DEFAULT_ARCHITECTURE,
        timeout_s=_DEFAULT_TIMEOUT_S if function.timeout is None else function.timeout,
        waits_for="a call of its URL" if function.url is not None else "",
        logs_text=function.logs is not None and function.logs.format == "text",
        forbidden=tuple(name for name, is_said in forbidden.items() if is_said),
        ratio=managed.memory_per_vcpu,
        max_concurrency=managed.max_concurrency,
        least=managed.min_environments,
        most=managed.max_environments,
    )


def _operator_role(role: Role, place: Place) -> Iterator[Diagnostic]:
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-operator-role.html
    if role.trust is None and OPERATOR_SERVICE not in role.service:
        message = f"Lambda cannot assume the operator role: it trusts {', '.join(role.service) or 'nobody'}"
        advice = f"Write `service: {OPERATOR_SERVICE}` for it, or have a role made: take `operator_role` out."
        yield place.found("provider-operator-role", message, advice, "operator_role")
    named = {(one.literal or OPERATOR_POLICY).rpartition("/")[2] for one in role.managed_policies}
    if OPERATOR_POLICY not in named and not role.policies:
        advice = f"Give it the managed policy {OPERATOR_POLICY}, or have a role made: take `operator_role` out."
        yield place.found("provider-operator-role", OPERATOR_PROBLEM, advice, "operator_role")
