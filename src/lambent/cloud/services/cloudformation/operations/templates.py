"""Templates told about: checked, summed up, read back, and what AWS's calculator says of their price."""

from __future__ import annotations

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.cloudformation import errors, parameters, repository, summaries
from lambent.cloud.services.cloudformation.model.stack import Definition
from lambent.cloud.services.cloudformation.operations.common import Parts
from lambent.cloud.services.cloudformation.transforms import declared
from lambent.template.codec import parse
from lambent.template.document import Template, TemplateError, Value, read_parameters, read_template
from lambent.template.rules import check_form

Document = dict[str, Value]


class TemplateOperations:
    """Operations that look at templates and leave everything as it is."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("GetTemplate")
    async def get_template(self, context: RequestContext, asked: Parameters) -> Result:
        """Return a stack's or a change set's template, as given or as processed."""
        definition = self._definition(context, asked)
        processed = asked.get("TemplateStage", "Original") == "Processed"
        return {
            "TemplateBody": definition.processed if processed else definition.body,
            "StagesAvailable": ["Original", "Processed"],
        }

    def _definition(self, context: RequestContext, asked: Parameters) -> Definition:
        read, name = self._parts.store.read, asked.get("ChangeSetName")
        stack = self._parts.stack(context, asked["StackName"]) if asked.get("StackName") else None
        if name is None:
            if stack is None:
                raise errors.invalid("StackName is required if ChangeSetName is not specified.")
            return stack.definition
        if stack is None and not name.startswith("arn:"):
            raise errors.invalid("StackName is required if ChangeSetName is not specified as an ARN.")
        found = (
            repository.change_set_by_id(read, name) if stack is None else repository.change_set(read, stack.id, name)
        )
        if found is None:
            raise errors.no_such_change_set(name)
        return found.definition

    @operation("ValidateTemplate")
    async def validate_template(self, context: RequestContext, asked: Parameters) -> Result:
        """Check a template and tell its parameters."""
        document = await self._read(context, asked)
        template = self._checked(document)
        return {
            "Parameters": summaries.of_parameters(template.parameters),
            **summaries.of_needs(document, template),
        }

    @operation("GetTemplateSummary")
    async def get_template_summary(self, context: RequestContext, asked: Parameters) -> Result:
        """Tell what a template or a stack's template declares."""
        if asked.get("StackSetName"):
            raise errors.not_offered("GetTemplateSummary for a StackSet")
        name = asked.get("StackName")
        if name and (asked.get("TemplateBody") or asked.get("TemplateURL")):
            raise errors.invalid("Only one of StackName, TemplateBody or TemplateURL can be specified")
        if name:
            document = parse(self._parts.stack(context, name).definition.body)
        else:
            document = await self._read(context, asked)
        tolerant = (asked.get("TemplateSummaryConfig") or {}).get("TreatUnrecognizedResourceTypesAsWarnings", False)
        if not tolerant or declared.names(document):
            return summaries.of_template(document, self._checked(document))
        template = _formed(document)
        unknown = self._parts.templates.unknown_types(template)
        warnings = {"Warnings": {"UnrecognizedResourceTypes": unknown}} if unknown else {}
        return {**summaries.of_template(document, template), **warnings}

    @operation("EstimateTemplateCost")
    async def estimate_template_cost(self, context: RequestContext, asked: Parameters) -> Result:
        """Return an address of AWS's calculator, once template and parameters are found to be in order."""
        document = await self._read(context, asked)
        self._checked(document)
        parameters.chosen(read_parameters(document), asked.get("Parameters", ()), {})
        return {"Url": f"http://calculator.s3.amazonaws.com/calc5.html?key=cloudformation/{self._parts.ids.uuid()}"}

    async def _read(self, context: RequestContext, asked: Parameters) -> Document:
        text = await self._parts.sources.template(context, asked)
        if text is None:
            raise errors.invalid("Either Template URL or Template Body must be specified.")
        try:
            return parse(text)
        except TemplateError as error:
            raise errors.invalid(str(error)) from error

    def _checked(self, document: Document) -> Template:
        """Return the template; one with transforms is not looked into further than its form."""
        try:
            if not declared.names(document):
                check_form(document.get("Rules") or {})
                return self._parts.templates.checked(document)
        except TemplateError as error:
            raise errors.invalid(str(error)) from error
        return _formed(document)


def _formed(document: Document) -> Template:
    try:
        return read_template(document)
    except TemplateError as error:
        raise errors.invalid(str(error)) from error
