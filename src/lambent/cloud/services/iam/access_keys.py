"""Users' access keys in memory: who a request is signed by, without a look into the store."""

from __future__ import annotations

from dataclasses import dataclass

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal
from lambent.cloud.services.iam.model import AccessKey, User


@dataclass(frozen=True, slots=True)
class _Entry:
    principal: Principal
    is_active: bool


class AccessKeyDirectory:
    """The principals behind users' access keys; the IAM service keeps it equal to what is committed."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def resolve(self, access_key: str, session_token: str | None) -> Principal | None:
        """Return the user the key belongs to, or None; raises InvalidClientTokenId for a deactivated key."""
        entry = self._entries.get(access_key)
        if entry is None:
            return None
        if not entry.is_active:
            # https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
            raise ServiceError(
                "InvalidClientTokenId", "The security token included in the request is invalid.", status=403
            )
        return entry.principal

    def put(self, key: AccessKey, user: User) -> None:
        """Know the key, or what became of it."""
        principal = Principal(kind="user", account=user.account, arn=user.arn, user_id=user.id)
        self._entries[key.id] = _Entry(principal, key.is_active)

    def forget(self, key_id: str) -> None:
        """Know the key no longer."""
        self._entries.pop(key_id, None)
