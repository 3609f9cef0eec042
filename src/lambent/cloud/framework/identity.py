"""Who an access key is: what the gateway asks before anything else happens to a request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lambent.cloud.framework.context import Principal


class CredentialDirectory(Protocol):
    """Finds the principal behind credentials, from memory alone: it stands on the path of every request."""

    def resolve(self, access_key: str, session_token: str | None) -> Principal | None:
        """Return the principal the credentials were issued to, or None where this directory never issued them.

        Raises ServiceError as AWS answers credentials that were issued and no longer hold: expired, deactivated,
        or with a session token that was tampered with.
        """


class Directories:
    """Several directories asked in turn."""

    def __init__(self, directories: Sequence[CredentialDirectory]) -> None:
        self._directories = tuple(directories)

    def resolve(self, access_key: str, session_token: str | None) -> Principal | None:
        """Return what the first directory that knows the credentials says; raises as it does."""
        for directory in self._directories:
            found = directory.resolve(access_key, session_token)
            if found is not None:
                return found
        return None
