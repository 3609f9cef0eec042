"""What an operation finds before it touches anything: what its parameters name, and what it imports.

On AWS the request is accepted, and the stack then turns back at once, with a reason of its own and no resource's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lambent.cloud.services.cloudformation.account import Account
from lambent.cloud.services.cloudformation.model.stack import Definition
from lambent.template.document import Template, TemplateError, Value
from lambent.template.intrinsics import Environment, evaluate, holds


def require_made(definition: Definition) -> None:
    """Raise TemplateError with what kept a definition's transforms from making a template."""
    if definition.failure:
        raise TemplateError(definition.failure)


async def require_met(template: Template, around: Environment, definition: Definition, account: Account) -> None:
    """Raise TemplateError for a parameter whose value names nothing in the account, or an import without an export."""
    missing = await account.missing(template.parameters, definition.parameters)
    if missing is not None:
        value, name = missing
        raise TemplateError(
            f"Parameter validation failed: parameter value {value} for parameter name {name} does not exist"
        )
    active = [one.properties for one in template.resources.values() if _is_active(one.condition, around)]
    told = [one.value for one in template.outputs.values() if _is_active(one.condition, around)]
    for argument in _imported(active + told, around):
        evaluate({"Fn::ImportValue": argument}, around)


def _is_active(condition: str | None, around: Environment) -> bool:
    return condition is None or holds(condition, around)


def _imported(value: Value, around: Environment) -> Iterator[Value]:
    if isinstance(value, list):
        for one in value:
            yield from _imported(one, around)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            match key, inner:
                case "Fn::ImportValue", _:
                    yield inner
                case "Fn::If", [str(name), first, second]:
                    yield from _imported(first if holds(name, around) else second, around)
                case _:
                    yield from _imported(inner, around)
