"""From a request to a definition: the template's text, parameters and transforms, and what AWS checks beforehand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.cloudformation import capabilities, errors, parameters, preflight
from lambent.cloud.services.cloudformation.account import Account
from lambent.cloud.services.cloudformation.engine.surroundings import parameter_values, surroundings, zones
from lambent.cloud.services.cloudformation.model.removal import require_supported_policies
from lambent.cloud.services.cloudformation.model.stack import Definition, Stack, StackParameter
from lambent.cloud.services.cloudformation.model.states import StackStatus
from lambent.cloud.services.cloudformation.resource_types import require_allowed
from lambent.cloud.services.cloudformation.resources.table import ResourceTypes
from lambent.cloud.services.cloudformation.sources import Sources
from lambent.cloud.services.cloudformation.transforms import declared as transforms
from lambent.cloud.services.cloudformation.transforms.expansion import Expansion, Surroundings
from lambent.template.codec import parse
from lambent.template.document import (
    Parameter,
    Resource,
    Template,
    TemplateError,
    Value,
    read_parameters,
    read_template,
)
from lambent.template.dynamic_references import plain_keys
from lambent.template.intrinsics import UNKNOWN, Environment, evaluate, holds
from lambent.template.json_text import to_json
from lambent.template.references import check_references
from lambent.template.rules import Facts, account_types, check_rules

Document = dict[str, Value]
Exports = Callable[[str], Value]
_NOT_OURS_FROM = 500


@dataclass(frozen=True, slots=True)
class Prepared:
    """A definition that AWS would accept, with its processed template; the definition tells where there is none."""

    definition: Definition
    template: Template


class Templates:
    """Reads, transforms and checks the templates of requests."""

    def __init__(self, client: InternalClient, types: ResourceTypes, sources: Sources, expansion: Expansion) -> None:
        self._client = client
        self._types = types
        self._sources = sources
        self._expansion = expansion

    async def prepare(
        self, context: RequestContext, asked: Parameters, stack: Stack | None, *, is_reviewed: bool = False
    ) -> Prepared:
        """Return what the request wants of a stack that is there already (`stack`) or not.

        With `is_reviewed`, what transforms make is looked at before it is carried out, and need not be acknowledged.
        Raises ServiceError: ValidationError for a bad template or parameter, InsufficientCapabilitiesException. What
        goes wrong once a transform runs is no error here, as on AWS, but the definition's failure.
        """
        text = await self._sources.template(context, asked)
        if text is None:
            if stack is None or not asked.get("UsePreviousTemplate"):
                raise errors.invalid("Either Template URL or Template Body must be specified.")
            text = stack.definition.body
        elif asked.get("UsePreviousTemplate"):
            raise errors.invalid("Cannot specify both UsePreviousTemplate and a template.")
        try:
            document = parse(text)
            names = transforms.names(document)
            template = None if names else self.checked(document)
            declared = read_parameters(document)
        except TemplateError as error:
            raise errors.invalid(str(error)) from error
        capabilities.require(_needed(document, names, is_reviewed=is_reviewed), tuple(asked.get("Capabilities", ())))
        before = {} if stack is None else {one.key: one for one in stack.definition.parameters}
        values = parameters.chosen(declared, asked.get("Parameters", ()), before)
        found = await parameters.resolved(self._client, context, declared, values)
        draft = _draft(context, asked, stack, _definition(asked, text, found))
        try:
            await self._follow_rules(context, document, declared, draft)
            if template is not None:
                return await self._finished(context, document, template, asked, draft)
        except TemplateError as error:
            raise errors.invalid(str(error)) from error
        return await self._transformed(context, document, asked, draft)

    async def require_met(self, context: RequestContext, prepared: Prepared, stack: Stack, exports: Exports) -> None:
        """Raise TemplateError for what would let an operation on the stack turn back before it began."""
        preflight.require_made(prepared.definition)
        draft = replace(stack, definition=prepared.definition)
        around = surroundings(prepared.template, draft, {}, self._types, exports)
        account = Account(self._client, context.scope, context.caller)
        await preflight.require_met(prepared.template, around, prepared.definition, account)

    def checked(self, document: Mapping[str, Value], *, has_extensions: bool = False) -> Template:
        """Return the template of a document without transforms. Raises TemplateError for what nobody could make of it.

        That is: a wrong form, unknown resource types, dangling references.
        """
        template = read_template(document)
        if document.get("Hooks"):
            raise TemplateError("Template format error: The Hooks section is not offered here.")
        unknown = self.unknown_types(template)
        if unknown:
            raise TemplateError(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")
        check_references(template, self._has_attribute, has_extensions=has_extensions)
        require_supported_policies(template)
        return template

    def unknown_types(self, template: Template) -> list[str]:
        """Return the resource types of a template that are not offered here."""
        return sorted({one.type for one in template.resources.values() if self._types.get(one.type) is None})

    def _has_attribute(self, resource: Resource, name: str) -> bool:
        kind = self._types.get(resource.type)
        return kind is None or kind.is_open or name in kind.attributes or name.partition(".")[0] in kind.attributes

    async def _follow_rules(
        self, context: RequestContext, document: Document, declared: Mapping[str, Parameter], draft: Stack
    ) -> None:
        rules = document.get("Rules") or {}
        if not rules:
            return
        account = Account(self._client, context.scope, context.caller)
        known = {kind: await account.things(kind) for kind in account_types(rules, declared)}
        check_rules(rules, Facts(declared, _values(declared, draft), known))

    async def _transformed(
        self, context: RequestContext, document: Document, asked: Parameters, draft: Stack
    ) -> Prepared:
        declared = read_parameters(document)
        values = _values(declared, draft)
        environment = Environment(values, document.get("Mappings") or {}, zones=zones(context.scope.region))
        given = {one.key: values[one.key] for one in draft.definition.parameters}
        try:
            processed = await self._expansion.expanded(document, Surroundings(context, given, environment))
            has_extensions = any(one.name == transforms.LANGUAGE for one in transforms.at_top(document))
            template = self.checked(processed, has_extensions=has_extensions)
            capabilities.require(capabilities.of_identities(template), draft.definition.capabilities)
            more = _defaults(template, draft.definition.parameters)
            draft = replace(draft, definition=replace(draft.definition, parameters=more))
            return await self._finished(context, processed, template, asked, draft)
        except (TemplateError, ServiceError) as error:
            if isinstance(error, ServiceError) and error.status >= _NOT_OURS_FROM:
                raise
            told = error.message if isinstance(error, ServiceError) else str(error)
            failed = replace(draft.definition, processed=to_json(document), failure=told)
            return Prepared(failed, Template(resources={}))

    async def _finished(
        self, context: RequestContext, processed: Document, template: Template, asked: Parameters, draft: Stack
    ) -> Prepared:
        if "ResourceTypes" in asked:
            require_allowed(template, asked["ResourceTypes"])
        stored = await parameters.versions(self._client, context, self._rehearsed(template, draft))
        definition = replace(
            draft.definition, processed=to_json(processed), description=template.description, stored=stored
        )
        return Prepared(definition, template)

    def _rehearsed(self, template: Template, draft: Stack) -> list[str]:
        """Evaluate all there is to evaluate, as far as it is known, and return the SSM parameters that are asked for.

        Raises TemplateError for what cannot be evaluated.
        """
        around = surroundings(template, draft, {}, self._types, lambda _: UNKNOWN)
        keys: list[str] = []
        for resource in template.resources.values():
            if resource.condition is None or holds(resource.condition, around):
                keys += plain_keys(resource.type, evaluate(resource.properties, around))
        around = replace(around, block="Outputs")
        for output in template.outputs.values():
            if output.condition is None or holds(output.condition, around):
                value = evaluate(output.value, around)
                evaluate(output.export_name, around)
                if isinstance(value, dict | list) or value is None:
                    raise TemplateError(f"Template format error: The Value field of every Outputs member must evaluate to a String. [/Outputs/{output.name}]")  # fmt: skip  # noqa: E501 - a message in one piece
        return keys


def _needed(document: Document, names: Sequence[str], *, is_reviewed: bool) -> list[str]:
    try:
        needed = capabilities.of_identities(read_template(document))
    except TemplateError:
        needed = []  # only a transform makes sense of it
    return needed if is_reviewed or not names else [*needed, capabilities.AUTO_EXPAND]


def _definition(asked: Parameters, text: str, found: tuple[StackParameter, ...]) -> Definition:
    return Definition(
        body=text,
        processed="",
        parameters=found,
        capabilities=tuple(asked.get("Capabilities", ())),
        tags={one["Key"]: one["Value"] for one in asked.get("Tags", ())},
        role_arn=asked.get("RoleARN"),
        notification_arns=tuple(asked.get("NotificationARNs", ())),
    )


def _draft(context: RequestContext, asked: Parameters, stack: Stack | None, definition: Definition) -> Stack:
    """Return the stack as it would be, for whatever asks for its name or id; one that is new has no id yet."""
    if stack is not None:
        return replace(stack, definition=definition)
    name = str(asked.get("StackName", ""))
    return Stack(UNKNOWN, name, context.scope, StackStatus.REVIEW_IN_PROGRESS, context.now, definition)


def _values(declared: Mapping[str, Parameter], draft: Stack) -> dict[str, Value]:
    return parameter_values(Template(resources={}, parameters=declared), draft, draft.definition)


def _defaults(template: Template, found: tuple[StackParameter, ...]) -> tuple[StackParameter, ...]:
    """Return the parameters with those that a transform added; raises TemplateError for one without a value."""
    known = {one.key for one in found}
    added = [one for one in template.parameters.values() if one.name not in known]
    missing = [one.name for one in added if one.default is None]
    if missing:
        raise TemplateError(f"Parameters: [{', '.join(missing)}] must have values")
    return (*found, *(StackParameter(one.name, one.default or "", None, one.no_echo) for one in added))


def same_definition(one: Definition, other: Definition) -> bool:
    """Return whether two definitions would make the same stack."""
    return (
        not one.failure
        and _content(one) == _content(other)
        and {p.key: p.effective for p in one.parameters} == {p.key: p.effective for p in other.parameters}
        and dict(one.tags) == dict(other.tags)
        and one.role_arn == other.role_arn
        and one.notification_arns == other.notification_arns
        and dict(one.stored) == dict(other.stored)
    )


def _content(definition: Definition) -> Any:  # Any: a template
    return json.loads(definition.processed)
