"""`$LATEST` becomes a version: the next number, or what `$LATEST.PUBLISHED` is from now on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.lambda_ import errors, repository
from lambent.cloud.services.lambda_.capacity_providers import VERSIONS_PER_PROVIDER, find_provider
from lambent.cloud.services.lambda_.model.function import LATEST_PUBLISHED, FunctionVersion, Settings
from lambent.cloud.services.lambda_.model.state import Event, State, move
from lambent.cloud.store.unit_of_work import Reader, Transaction


@dataclass(frozen=True, slots=True)
class Publication:
    """What is asked for: to which version, with which description, and when."""

    now: float
    to_latest_published: bool = False
    description: str | None = None


def publication(parameters: Parameters, now: float) -> Publication | None:
    """Return what CreateFunction or UpdateFunctionCode asks to publish besides, or None."""
    to_latest = bool(parameters.get("PublishTo"))
    return Publication(now, to_latest) if to_latest or parameters.get("Publish") else None


def check_publish_to(parameters: Parameters, settings: Settings) -> None:
    """Raise InvalidParameterValueException where `$LATEST.PUBLISHED` is asked of a function that cannot have one."""
    if parameters.get("PublishTo") and settings.managed is None:
        raise errors.invalid_parameter("PublishTo isn't supported for Lambda Default functions")


def publish(
    transaction: Transaction, latest: FunctionVersion, asked: Publication, new_revision: Callable[[], str]
) -> FunctionVersion:
    """Keep `latest` as a published version, the next number or `$LATEST.PUBLISHED`, and return that.

    Raises ResourceConflictException while `$LATEST.PUBLISHED` is still being made, and
    FunctionVersionsPerCapacityProviderLimitExceededException.
    """
    if asked.to_latest_published:
        return _publish_to_latest(transaction, latest, asked, new_revision)
    function = repository.function(transaction, latest.scope, latest.function)
    if function is None:
        raise errors.function_not_found(latest.scope, latest.function)
    _check_room(transaction, latest, str(function.next_version))
    version = latest.published(
        function.next_version, revision_id=new_revision(), description=asked.description, now=asked.now
    )
    repository.put_version(transaction, version)
    repository.put_function(transaction, replace(function, next_version=function.next_version + 1))
    return version


def last_published(reader: Reader, latest: FunctionVersion, asked: Publication) -> FunctionVersion | None:
    """Return the version that an equal publication made last, if `$LATEST` has not changed since."""
    if asked.to_latest_published:
        last = repository.version(reader, latest.scope, latest.function, LATEST_PUBLISHED)
    else:
        last = repository.last_version(reader, latest.scope, latest.function)
    if last is None or last.status.state in {State.FAILED, State.DELETING}:
        return None
    return last if last.source == latest.fingerprint() else None


def _publish_to_latest(
    transaction: Transaction, latest: FunctionVersion, asked: Publication, new_revision: Callable[[], str]
) -> FunctionVersion:
    before = repository.version(transaction, latest.scope, latest.function, LATEST_PUBLISHED)
    version = latest.published(
        LATEST_PUBLISHED, revision_id=new_revision(), description=asked.description, now=asked.now
    )
    _check_room(transaction, latest, LATEST_PUBLISHED)
    if before is not None:
        if not before.status.is_settled:
            raise errors.update_in_progress(before.arn)
        # The capacity stays: what was published before serves until this is ready.
        version = replace(version, status=move(before.status, Event.REPUBLISHED))
    repository.put_version(transaction, version)
    return version


def _check_room(reader: Reader, latest: FunctionVersion, name: str) -> None:
    managed = latest.settings.managed
    if managed is None:
        return
    provider = find_provider(reader, latest.scope, managed.provider_arn)
    others = repository.count_on_provider(reader, provider.scope, provider.arn, other_than=(latest.function, name))
    if others >= VERSIONS_PER_PROVIDER:
        raise errors.too_many_versions_on_provider()
