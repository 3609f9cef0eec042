"""The runtime management of function versions: kept, and shown in their configuration.

A version of which nothing is kept is in mode Auto; one that is published begins with that, whatever `$LATEST` has.
"""

from __future__ import annotations

from lambent.cloud.services.lambda_.documents import RUNTIME_MANAGEMENT
from lambent.cloud.services.lambda_.model.function import FunctionVersion
from lambent.cloud.services.lambda_.model.runtime_management import RuntimeManagement
from lambent.cloud.services.lambda_.rendering import Shape, configuration
from lambent.cloud.store.unit_of_work import Reader, Transaction


def management_of(reader: Reader, version: FunctionVersion) -> RuntimeManagement:
    """Return when the version's runtime is updated."""
    document = RUNTIME_MANAGEMENT.one(reader, version.scope, version.function, version.version)
    return RuntimeManagement() if document is None else RuntimeManagement(**document)


def put_management(transaction: Transaction, version: FunctionVersion, value: RuntimeManagement) -> None:
    """Set when the version's runtime is updated."""
    RUNTIME_MANAGEMENT.put(transaction, version.scope, (version.function, version.version), value)


def configuration_of(reader: Reader, version: FunctionVersion, *, qualifier: str | None = None) -> Shape:
    """Return a version's FunctionConfiguration, with the runtime version that it is held at."""
    held_at = management_of(reader, version).runtime_version_arn
    return configuration(version, qualifier=qualifier, held_at=held_at)
