"""The resources that triggers, grants and targets speak of, as the template has them."""

from __future__ import annotations

from dataclasses import dataclass

from lambent.aws.arn import Arn, MalformedArnError
from lambent.compiler.errors import CompileError
from lambent.compiler.intrinsics import Value
from lambent.compiler.resources.scope import Scope
from lambent.manifest.expression import Expression, Reference
from lambent.manifest.parties import SERVICES, UnknownPartyError, find


@dataclass(frozen=True, slots=True)
class Party:
    """A resource: where it stands in the manifest (both "" for one that does not), its ARN, and the ARN by name.

    The latter is for policies, which must not refer to functions and buckets. `service` is None where only the
    deployment knows it.
    """

    section: str
    key: str
    arn: Value
    named_arn: Value
    service: str | None


def party(scope: Scope, expression: Expression, *sections: str) -> Party:
    """Return the resource of one of these sections that is meant. Raises CompileError where there is none."""
    try:
        found = find(scope.system, expression, sections)
    except UnknownPartyError as error:
        raise CompileError(error.message, advice=error.advice) from error
    if found is None:
        arn = scope.references.value(expression)
        return Party("", "", arn, scope.references.named(expression), _service(expression))
    section, key = found
    reference = Expression((Reference((section, key, "arn")),))
    arn, named = scope.references.value(reference), scope.references.named(reference)
    if section == "functions" and expression.sole_reference is None:
        arn = scope.references.target_arn(key)
    return Party(section, key, arn, named, SERVICES[section])


def _service(expression: Expression) -> str | None:
    try:
        return Arn.parse(str(expression)).service
    except MalformedArnError:
        return None
