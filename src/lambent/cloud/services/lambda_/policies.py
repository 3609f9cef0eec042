"""The resource policies of functions, versions and aliases, as the operations on them find and replace them."""

from __future__ import annotations

from dataclasses import replace

from lambent.cloud.services.lambda_ import errors, repository
from lambent.cloud.services.lambda_.control import Target
from lambent.cloud.services.lambda_.model.function import LATEST, is_alias_name, is_version
from lambent.cloud.services.lambda_.model.policy import POLICY_LIMIT, Policy
from lambent.cloud.store.unit_of_work import Reader, Transaction


def policy_of(reader: Reader, target: Target) -> Policy | None:
    """Return the policy of a function, version or alias, or None."""
    return repository.policy(reader, target.scope, target.name, target.qualifier or "")


def revision_of(reader: Reader, target: Target) -> str:
    """Return the revision of the function, version or alias; raises ResourceNotFoundException as AWS words it."""
    if repository.function(reader, target.scope, target.name) is None:
        raise errors.function_not_found(target.scope, target.name)
    qualifier = target.qualifier or LATEST
    if is_version(qualifier):
        version = repository.version(reader, target.scope, target.name, qualifier)
        if version is not None:
            return version.revision_id
    elif is_alias_name(qualifier):
        alias = repository.alias(reader, target.scope, target.name, qualifier)
        if alias is None:
            raise errors.alias_not_found(target.scope, target.name, qualifier)
        return alias.revision_id
    raise target.not_found()


def put_policy(transaction: Transaction, target: Target, policy: Policy) -> None:
    """Replace a policy; one without statements is none. Raises PolicyLengthExceededException."""
    if policy.is_too_long:
        raise errors.policy_too_long(POLICY_LIMIT)
    repository.put_policy(transaction, target.scope, target.name, target.qualifier or "", policy)
    # What the policy is attached to gets its new revision at the same time. A publication later gives that another.
    qualifier = target.qualifier or LATEST
    if is_version(qualifier):
        version = repository.version(transaction, target.scope, target.name, qualifier)
        if version is not None:
            repository.put_version(transaction, replace(version, revision_id=policy.revision_id))
    else:
        alias = repository.alias(transaction, target.scope, target.name, qualifier)
        if alias is not None:
            repository.put_alias(transaction, replace(alias, revision_id=policy.revision_id))
