"""Tags of functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from lambent.aws.arn import Arn, FunctionIdentifier
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.framework.tags import TagProblem, find_problem
from lambent.cloud.services.lambda_ import errors, repository
from lambent.cloud.services.lambda_.control import Control, Target, find_function, target_of
from lambent.cloud.store.unit_of_work import Transaction

TagChange = Callable[[Mapping[str, str]], Mapping[str, str]]

# What kinds of resources AWS tags besides functions, and how it says that one is missing: here there are none of them.
_MISSING = {
    "capacity-provider": "Capacity provider not found: {arn}",
    "code-signing-config": "The Lambda code signing configuration {arn} can not be found.",
    "event-source-mapping": "Event source mapping not found: {arn}",
}


class TagOperations:
    """TagResource, UntagResource, ListTags."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @operation("TagResource")
    async def tag_resource(self, context: RequestContext, parameters: Parameters) -> Result:
        """Add tags to a function, or change their values."""
        target = _function(context, parameters["Resource"])
        added: Mapping[str, str] = parameters["Tags"]
        if not added:
            raise errors.invalid_parameter("An error occurred and the request cannot be processed.")
        await self._retag(target, lambda tags: {**tags, **_checked(context, added, tags)})
        return {}

    @operation("UntagResource")
    async def untag_resource(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove tags from a function; those it does not have are no error."""
        target = _function(context, parameters["Resource"])
        removed = set(parameters["TagKeys"])
        await self._retag(target, lambda tags: {key: tags[key] for key in tags if key not in removed})
        return {}

    @operation("ListTags")
    async def list_tags(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a function's tags."""
        target = _function(context, parameters["Resource"])
        return {"Tags": dict(find_function(self._control.read, target).tags)}

    async def _retag(self, target: Target, change: TagChange) -> None:
        def work(transaction: Transaction) -> None:
            function = find_function(transaction, target)
            repository.put_function(transaction, replace(function, tags=change(function.tags)))
            latest = repository.version(transaction, target.scope, target.name)
            if latest is not None:
                # Tags are no setting of a version, but AWS counts a change of them as a revision.
                repository.put_version(transaction, replace(latest, revision_id=self._control.new_revision()))

        await self._control.change(target.scope, target.name, work)


def check_tags(context: RequestContext, added: Mapping[str, str], present: Mapping[str, str]) -> None:
    """Raise InvalidParameterValueException for tags that AWS does not take; its own services may set `aws:` tags."""
    if context.caller.is_aws:
        added = {key: value for key, value in added.items() if not key.startswith("aws:")}
    problem = find_problem(added, present)
    if problem is TagProblem.TOO_MANY:
        raise errors.invalid_parameter("Number of tags exceeds resource tag limit.")
    if problem is TagProblem.RESERVED_PREFIX:
        raise errors.invalid_parameter(
            "Aws service tags are not allowed to be added or modified by the client: aws: prefixed tag key names are "
            "not allowed for external use."
        )
    if problem is not None:
        raise errors.invalid_parameter("An error occurred and the request cannot be processed.")


def _checked(context: RequestContext, added: Mapping[str, str], present: Mapping[str, str]) -> Mapping[str, str]:
    check_tags(context, added, present)
    return added


def _function(context: RequestContext, resource: str) -> Target:
    arn = Arn.parse(resource)
    missing = _MISSING.get(arn.resource_type)
    if missing is not None:
        raise errors.not_found(missing.format(arn=resource))
    if FunctionIdentifier.parse(resource).qualifier is not None:
        raise errors.invalid_parameter(
            "Tags on function aliases and versions are not supported. Please specify a function ARN."
        )
    return target_of(context, resource)
