"""A template's transforms carried out in AWS's order: the innermost first, then those of the whole template in turn.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-overview.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.services.cloudformation.sources import Sources
from lambent.cloud.services.cloudformation.transforms import declared
from lambent.cloud.services.cloudformation.transforms.declared import INCLUDE, LANGUAGE, SAM, Transform
from lambent.cloud.services.cloudformation.transforms.language_extensions import extended
from lambent.cloud.services.cloudformation.transforms.macros import Macros
from lambent.cloud.services.cloudformation.transforms.sam import SamWorker
from lambent.template.codec import parse
from lambent.template.document import TemplateError, Value
from lambent.template.intrinsics import Environment, evaluate


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What transforms are told besides the template: who asks, what the parameters come to, what Ref returns."""

    context: RequestContext
    parameters: Mapping[str, Value]
    environment: Environment


class Expansion:
    """Carries out transforms: AWS's own, and macros."""

    def __init__(self, sources: Sources, macros: Macros, sam: SamWorker) -> None:
        self._sources = sources
        self._macros = macros
        self._sam = sam

    async def expanded(self, document: Mapping[str, Value], around: Surroundings) -> dict[str, Value]:
        """Return the document after its transforms. Raises TemplateError in AWS's words where one fails."""
        wanted = declared.at_top(document)
        found = await self._inside({key: value for key, value in document.items() if key != "Transform"}, around)
        for transform in wanted:
            if not isinstance(found, dict):
                break
            found = await self._whole(transform, found, around)
        if not isinstance(found, dict):
            raise TemplateError("Template format error: unsupported structure.")
        return {key: value for key, value in found.items() if key != "Transform"}

    async def _inside(self, value: Value, around: Surroundings) -> Value:
        if isinstance(value, list):
            return [await self._inside(one, around) for one in value]
        if not isinstance(value, Mapping):
            return value
        rest = {key: await self._inside(inner, around) for key, inner in value.items() if key != declared.NESTED}
        found: Value = rest
        for transform in declared.of_part(value[declared.NESTED]) if declared.NESTED in value else ():
            found = await self._part(transform, found, around)
        return found

    async def _part(self, transform: Transform, siblings: Value, around: Surroundings) -> Value:
        if transform.name == INCLUDE:
            return _merged(siblings, await self._included(transform, around))
        if transform.name.startswith("AWS::"):
            raise TemplateError(f"No transform named {transform.name} found")
        return await self._macro(transform, siblings, around)

    async def _whole(self, transform: Transform, document: dict[str, Value], around: Surroundings) -> Value:
        match transform.name:
            case name if name == INCLUDE:
                return _merged(document, await self._included(transform, around))
            case name if name == LANGUAGE:
                return extended(document, around.environment)
            case name if name == SAM:
                return await self._serverless(document, around)
            case name if name.startswith("AWS::"):
                raise TemplateError(f"No transform named {name} found")
            case _:
                return await self._macro(transform, document, around)

    async def _serverless(self, document: dict[str, Value], around: Surroundings) -> Value:
        scope = around.context.scope
        values = {**around.parameters, "AWS::Region": scope.region, "AWS::Partition": scope.partition}
        return await self._sam.transform(document, values, region=scope.region, partition=scope.partition)

    async def _macro(self, transform: Transform, fragment: Value, around: Surroundings) -> Value:
        params = evaluate(transform.parameters, around.environment)
        return await self._macros.apply(
            around.context, transform.name, fragment, params=params, values=around.parameters
        )

    async def _included(self, transform: Transform, around: Surroundings) -> dict[str, Value]:
        location = evaluate(transform.parameters, around.environment).get("Location")
        if not isinstance(location, str) or not location.startswith("s3://"):
            raise TemplateError(_include_failed("The location parameter is not a valid S3 uri."))
        bucket, _, key = location.removeprefix("s3://").partition("/")
        try:
            text = await self._sources.object(around.context, bucket, key)
        except ServiceError as error:
            raise TemplateError(_include_failed(error.message)) from error
        try:
            return parse(text)
        except TemplateError as error:
            raise TemplateError(
                _include_failed("The specified S3 object's content should be valid Yaml/JSON")
            ) from error


def _merged(siblings: Value, snippet: Mapping[str, Value]) -> Value:
    return {**siblings, **snippet} if isinstance(siblings, dict) else dict(snippet)


def _include_failed(why: str) -> str:
    return f"Transform {INCLUDE} failed with: {why}"
