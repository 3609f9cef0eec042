"""Circles of references, which no order of creation satisfies; CloudFormation would refuse the template.

The manifest's checks know its references, and this the template's: also those that the compiler put there itself, such
as a generated role's right to use a key whose policy names the role.
"""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from lambent.compiler.errors import CompileError
from lambent.compiler.intrinsics import Value, targets


def refuse_cycles(resources: Mapping[str, Value]) -> None:
    """Raise CompileError, naming the resources in a circle, where some depend on themselves."""
    try:
        TopologicalSorter({name: _dependencies(resource) for name, resource in resources.items()}).prepare()
    except CycleError as error:
        # graphlib gives [A, B, A], each needed by the next; read the other way, each needs the next.
        circle = " → ".join(reversed(error.args[1]))
        advice = "Take one of the references out: a name can be written out, and a role or policy can stand on its own."
        raise CompileError(f"these resources need each other first: {circle}", advice=advice) from error


def _dependencies(resource: Mapping[str, Value]) -> set[str]:
    after = resource.get("DependsOn", [])
    return {*targets(resource["Properties"]), *([after] if isinstance(after, str) else after)}
