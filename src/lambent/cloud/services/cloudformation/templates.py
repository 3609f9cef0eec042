"""From a request to a definition: the template's text, parameters and transforms, and what AWS checks beforehand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.cloudformation import errors, parameters
from lambent.cloud.services.cloudformation.engine.surroundings import zones
from lambent.cloud.services.cloudformation.model.stack import Definition, Stack, StackParameter
from lambent.cloud.services.cloudformation.resources.table import ResourceTypes
from lambent.cloud.services.cloudformation.transforms.language_extensions import unrolled
from lambent.cloud.services.cloudformation.transforms.sam import SamWorker
from lambent.template.codec import parse
from lambent.template.document import Template, TemplateError, Value, read_template
from lambent.template.graph import dependencies, in_order, mentioned
from lambent.template.intrinsics import Environment
from lambent.template.json_text import to_json

SAM = "AWS::Serverless-2016-10-31"
LANGUAGE = "AWS::LanguageExtensions"
INCLUDE = "AWS::Include"
_NAMED = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::Group": "GroupName",
}
_IAM = frozenset(
    {*_NAMED, "AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::AccessKey", "AWS::IAM::UserToGroupAddition"}
)
_BODY_BYTES = 51_200
_OBJECT_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class Prepared:
    """A definition that AWS would accept, with its processed template."""

    definition: Definition
    template: Template


class Templates:
    """Reads, transforms and checks the templates of requests."""

    def __init__(self, client: InternalClient, types: ResourceTypes, sam: SamWorker) -> None:
        self._client = client
        self._types = types
        self._sam = sam

    async def body(self, context: RequestContext, asked: Parameters) -> str | None:
        """Return the template text that a request gives, or None. Raises ServiceError where it cannot be had."""
        body, url = asked.get("TemplateBody"), asked.get("TemplateURL")
        if body is not None and url is not None:
            raise errors.invalid("Cannot specify both TemplateBody and TemplateURL")
        if body is not None:
            if len(body.encode()) > _BODY_BYTES:
                raise errors.invalid(
                    f"1 validation error detected: Value '{body[:40]}…' at 'templateBody' failed to satisfy constraint: "  # noqa: E501 - in one piece, to be searched for
                    f"Member must have length less than or equal to {_BODY_BYTES}"
                )
            return str(body)
        return None if url is None else await self._object(context, str(url))

    async def prepare(self, context: RequestContext, asked: Parameters, stack: Stack | None) -> Prepared:
        """Return what the request wants of a stack that is there already (`stack`) or not.

        Raises ServiceError: ValidationError for a bad template or parameter, InsufficientCapabilitiesException.
        """
        text = await self.body(context, asked)
        if text is None:
            if stack is None or not asked.get("UsePreviousTemplate"):
                raise errors.invalid("Either Template URL or Template Body must be specified.")
            text = stack.definition.body
        before = {} if stack is None else {one.key: one for one in stack.definition.parameters}
        try:
            return await self._prepared(context, asked, text, before)
        except TemplateError as error:
            raise errors.invalid(str(error)) from error

    async def _prepared(
        self, context: RequestContext, asked: Parameters, text: str, before: Mapping[str, StackParameter]
    ) -> Prepared:
        document = parse(text)
        declared = read_template(document).parameters
        values = parameters.chosen(declared, asked.get("Parameters", ()), before)
        found = await parameters.resolved(self._client, context, declared, values)
        processed = await self.transformed(context, document, {one.key: one.effective for one in found})
        template = read_template(processed)
        if not template.resources:
            raise TemplateError("Template format error: At least one Resources member must be defined.")
        self.check(template)
        capabilities = tuple(asked.get("Capabilities", ()))
        _require(needed_capabilities(template, document), capabilities)
        definition = Definition(
            body=text,
            processed=to_json(processed),
            parameters=found,
            capabilities=capabilities,
            tags={one["Key"]: one["Value"] for one in asked.get("Tags", ())},
            role_arn=asked.get("RoleARN"),
            notification_arns=tuple(asked.get("NotificationARNs", ())),
            description=template.description,
        )
        return Prepared(definition, template)

    async def transformed(
        self, context: RequestContext, document: dict[str, Value], values: Mapping[str, str]
    ) -> dict[str, Value]:
        """Return the document after its transforms, in the order that AWS runs them."""
        found = await self._included(context, document)
        names = transform_names(found)
        unknown = [name for name in names if name not in {SAM, LANGUAGE, INCLUDE}]
        if unknown:
            account = context.scope.account
            raise errors.invalid(f"No transform named {account}::{unknown[0]} found.")
        if LANGUAGE in names:
            around = Environment(
                {**values, "AWS::Region": context.scope.region, "AWS::AccountId": account_of(context)},
                found.get("Mappings", {}),
                zones=zones(context.scope.region),
            )
            found = {key: unrolled(value, around) for key, value in found.items()}
        if SAM in names:
            pseudo = {"AWS::Region": context.scope.region, "AWS::Partition": context.scope.partition}
            found = await self._sam.transform(
                found, {**values, **pseudo}, region=context.scope.region, partition=context.scope.partition
            )
        return {key: value for key, value in found.items() if key != "Transform"}

    def check(self, template: Template) -> None:
        """Raise TemplateError for what no deployment could make: unknown types and properties, dangling references."""
        unknown = sorted({one.type for one in template.resources.values() if self._types.get(one.type) is None})
        if unknown:
            raise TemplateError(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")
        names = {*template.resources, *template.parameters}
        for resource in template.resources.values():
            dangling = [one for one in resource.depends_on if one not in template.resources]
            dangling += [one for one in mentioned(resource.properties) if one not in names and "::" not in one]
            if dangling:
                missing = ", ".join(dict.fromkeys(dangling))
                raise TemplateError(
                    f"Template format error: Unresolved resource dependencies [{missing}] in the Resources block of the "  # noqa: E501 - in one piece, to be searched for
                    "template"
                )
            if resource.condition is not None and resource.condition not in template.conditions:
                raise TemplateError(
                    f"Template format error: Unresolved condition dependency {resource.condition} in the Resources block"  # noqa: E501 - in one piece, to be searched for
                )
        for output in template.outputs.values():
            dangling = [one for one in mentioned(output.value) if one not in names and "::" not in one]
            if dangling:
                raise TemplateError(
                    f"Template format error: Unresolved resource dependencies [{', '.join(dangling)}] in the Outputs "
                    "block of the template"
                )
        in_order(dependencies(template.resources))

    async def _included(self, context: RequestContext, document: dict[str, Value]) -> dict[str, Value]:
        top = document.get("Transform")
        found: dict[str, Value] = await self._include(context, {k: v for k, v in document.items() if k != "Transform"})
        if top is not None:
            rest = []
            for one in top if isinstance(top, list) else [top]:
                if isinstance(one, Mapping) and one.get("Name") == INCLUDE:
                    found = {**await self._snippet(context, one), **found}
                else:
                    rest.append(one["Name"] if isinstance(one, Mapping) else one)
            if rest:
                found["Transform"] = rest
        return found

    async def _include(self, context: RequestContext, value: Value) -> Value:
        if isinstance(value, list):
            return [await self._include(context, one) for one in value]
        if not isinstance(value, Mapping):
            return value
        found: dict[str, Value] = {}
        for key, inner in value.items():
            if key == "Fn::Transform" and isinstance(inner, Mapping) and inner.get("Name") == INCLUDE:
                found.update(await self._snippet(context, inner))
            else:
                found[key] = await self._include(context, inner)
        return found

    async def _snippet(self, context: RequestContext, include: Mapping[str, Value]) -> dict[str, Value]:
        location = include.get("Parameters", {}).get("Location")
        if not isinstance(location, str) or not location.startswith("s3://"):
            raise TemplateError("Transform AWS::Include failed with: The value associated with 'Location' is not a valid S3 URI")  # fmt: skip  # noqa: E501 - a message in one piece
        bucket, _, key = location.removeprefix("s3://").partition("/")
        return parse(await self._get(context, bucket, key))

    async def _object(self, context: RequestContext, url: str) -> str:
        parts = urlsplit(url)
        host = parts.hostname or ""
        path = unquote(parts.path.lstrip("/"))
        if ".s3" in host:
            bucket, key = host.partition(".s3")[0], path
        else:
            bucket, _, key = path.partition("/")
        if not bucket or not key:
            raise errors.invalid("TemplateURL must reference a valid S3 object to which you have access.")
        return await self._get(context, bucket, key)

    async def _get(self, context: RequestContext, bucket: str, key: str) -> str:
        where = {"Bucket": bucket, "Key": key}
        try:
            answer = await self._client.call("s3", "GetObject", where, scope=context.scope, principal=context.caller)
        except ServiceError as error:
            raise errors.invalid(f"S3 error: {error.message}\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html") from error  # fmt: skip  # noqa: E501 - a message in one piece
        body = answer["Body"]
        content = body if isinstance(body, bytes) else b"".join([chunk async for chunk in body])
        if len(content) > _OBJECT_BYTES:
            raise errors.invalid(f"Template may not exceed {_OBJECT_BYTES} bytes in size.")
        return content.decode("utf-8", "replace")


def account_of(context: RequestContext) -> str:
    """Return the account of a request."""
    return context.scope.account


def transform_names(document: Mapping[str, Any]) -> list[str]:  # Any: a template
    """Return the names of a document's transforms, in their order."""
    transforms = document.get("Transform", [])
    listed = transforms if isinstance(transforms, list) else [transforms]
    return [str(one["Name"]) if isinstance(one, Mapping) else str(one) for one in listed]


def needed_capabilities(template: Template, document: Mapping[str, Any]) -> tuple[list[str], str]:  # Any: a template
    """Return the capabilities that the template needs, and why."""
    kinds = sorted({one.type for one in template.resources.values() if one.type in _IAM})
    needed = []
    if kinds:
        named = any(_NAMED.get(one.type, "-") in one.properties for one in template.resources.values())
        needed.append("CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM")
    if any(name == SAM for name in transform_names(document)):
        needed.append("CAPABILITY_AUTO_EXPAND")
    reason = f"The following resource(s) require capabilities: [{', '.join(kinds)}]" if kinds else ""
    return needed, reason


def _require(needed: tuple[Sequence[str], str], given: Sequence[str]) -> None:
    held = {*given, *(("CAPABILITY_IAM",) if "CAPABILITY_NAMED_IAM" in given else ())}
    # A transform is expanded without being asked where it goes through a change set, and nested ones are shown there.
    missing = [one for one in needed[0] if one not in held and one != "CAPABILITY_AUTO_EXPAND"]
    if missing:
        raise errors.needs_capabilities(missing[0])


def summary_of(document: Mapping[str, Any], template: Template) -> dict[str, Any]:  # Any: members of an answer
    """Return what GetTemplateSummary and ValidateTemplate tell of a template."""
    needed, reason = needed_capabilities(template, document)
    found: dict[str, Any] = {"DeclaredTransforms": transform_names(document)}  # Any: as above
    if template.description:
        found["Description"] = template.description
    if needed:
        found["Capabilities"] = needed
    if reason:
        found["CapabilitiesReason"] = reason
    return found


def same_definition(one: Definition, other: Definition) -> bool:
    """Return whether two definitions would make the same stack."""
    return (
        json.loads(one.processed) == json.loads(other.processed)
        and {p.key: p.effective for p in one.parameters} == {p.key: p.effective for p in other.parameters}
        and dict(one.tags) == dict(other.tags)
        and one.role_arn == other.role_arn
        and one.notification_arns == other.notification_arns
    )
