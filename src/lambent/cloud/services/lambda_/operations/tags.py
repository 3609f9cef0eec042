"""Tags of functions, and of what else Lambda lets be tagged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lambent.aws.arn import Arn, FunctionIdentifier
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.framework.tags import TagProblem, find_problem
from lambent.cloud.services.lambda_ import capacity_providers, code_signing, errors, mapping_repository, repository
from lambent.cloud.services.lambda_.control import Control, Target, find_function, target_of
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction

TagChange = Callable[[Mapping[str, str]], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class TaggedKind:
    """A kind of resource besides functions: how the tags of one, named by its ARN, are read and replaced.

    Both raise ResourceNotFoundException, as AWS words it for the kind.
    """

    tags: Callable[[Reader, Scope, str], Mapping[str, str]]
    put: Callable[[Transaction, Scope, str, Mapping[str, str]], None]


# By what their ARNs call them.
_KINDS = {
    "capacity-provider": TaggedKind(capacity_providers.tags, capacity_providers.put_tags),
    "code-signing-config": TaggedKind(code_signing.tags, code_signing.put_tags),
    "event-source-mapping": TaggedKind(mapping_repository.tags, mapping_repository.put_tags),
}


class TagOperations:
    """TagResource, UntagResource, ListTags."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @operation("TagResource")
    async def tag_resource(self, context: RequestContext, parameters: Parameters) -> Result:
        """Add tags to a resource, or change their values."""
        added: Mapping[str, str] = parameters["Tags"]
        if not added:
            raise errors.invalid_parameter("An error occurred and the request cannot be processed.")
        resource = parameters["Resource"]
        await self._retag(context, resource, lambda tags: {**tags, **_checked(context, added, tags)})
        return {}

    @operation("UntagResource")
    async def untag_resource(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove tags from a resource; those it does not have are no error."""
        resource, removed = parameters["Resource"], set(parameters["TagKeys"])
        await self._retag(context, resource, lambda tags: {key: tags[key] for key in tags if key not in removed})
        return {}

    @operation("ListTags")
    async def list_tags(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a resource's tags."""
        resource, read = parameters["Resource"], self._control.read
        kind = _kind(resource)
        if kind is not None:
            return {"Tags": dict(kind.tags(read, context.scope, resource))}
        return {"Tags": dict(find_function(read, _function(context, resource)).tags)}

    async def _retag(self, context: RequestContext, resource: str, change: TagChange) -> None:
        kind = _kind(resource)
        if kind is None:
            await self._retag_function(_function(context, resource), change)
            return

        def work(transaction: Transaction) -> None:
            kind.put(transaction, context.scope, resource, change(kind.tags(transaction, context.scope, resource)))

        await self._control.dependencies.store.write(work)

    async def _retag_function(self, target: Target, change: TagChange) -> None:
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


def _kind(resource: str) -> TaggedKind | None:
    return _KINDS.get(Arn.parse(resource).resource_type)


def _function(context: RequestContext, resource: str) -> Target:
    if FunctionIdentifier.parse(resource).qualifier is not None:
        raise errors.invalid_parameter(
            "Tags on function aliases and versions are not supported. Please specify a function ARN."
        )
    target = target_of(context, resource)
    if target.scope != context.scope:
        raise errors.access_denied()
    return target
