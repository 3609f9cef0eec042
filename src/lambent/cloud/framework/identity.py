"""Who an access key is: what the gateway asks before anything else happens to a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lambent.cloud.framework.context import Principal
from lambent.cloud.protocol.message import Request


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


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed a request, and for which region and service (by its signing name)."""

    caller: Principal
    access_key: str
    region: str
    service: str | None


class Signers(Protocol):
    """Tells front doors, which no AWS API stands behind, who signed a request."""

    def signer_of(self, request: Request) -> Signer | None:
        """Return who signed the request, or None where nobody did.

        Raises ServiceError where the signature cannot be read or its credentials no longer hold.
        """
