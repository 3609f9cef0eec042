"""What of a version on a capacity provider came up last, which a publication that fails leaves serving."""

from __future__ import annotations

from dataclasses import replace

from lambent.cloud.services.lambda_ import repository
from lambent.cloud.services.lambda_.documents import SERVED
from lambent.cloud.services.lambda_.model.function import LATEST_PUBLISHED, FunctionVersion
from lambent.cloud.store.unit_of_work import Reader, Transaction


def keep_served(transaction: Transaction, version: FunctionVersion) -> None:
    """Keep what has just come up of a version; only `$LATEST.PUBLISHED` can become another."""
    if version.version == LATEST_PUBLISHED:
        document = {"settings": version.settings, "code": version.code}
        SERVED.put(transaction, version.scope, (version.function, version.version), document)


def served(reader: Reader, version: FunctionVersion) -> FunctionVersion:
    """Return a version as it came up last, which is as it is unless its last publication failed."""
    document = SERVED.one(reader, version.scope, version.function, version.version)
    if document is None:
        return version
    settings, code = repository.settings_and_code(document["settings"], document["code"])
    return replace(version, settings=settings, code=code)
