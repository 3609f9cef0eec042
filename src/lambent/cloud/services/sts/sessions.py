"""The gateway's way from a session token to its principal."""

from __future__ import annotations

from lambent.base.clock import Clock
from lambent.cloud.framework.context import Principal
from lambent.cloud.services.sts.errors import expired_token, invalid_token
from lambent.cloud.services.sts.model import NotOurs, Session, Tampered, opened

_KEPT = 4096


class SessionDirectory:
    """The principals behind temporary credentials, read from their tokens; knows none before it is given the secret."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._secret = b""
        # The same few tokens sign almost every request: opening each once saves its seal's computation.
        self._opened: dict[str, Session] = {}

    def use(self, secret: bytes) -> None:
        """Open tokens sealed with `secret` from now on."""
        self._secret = secret
        self._opened.clear()

    def resolve(self, access_key: str, session_token: str | None) -> Principal | None:
        """Return the principal of the session, or None for what is no token of ours.

        Raises ExpiredToken after the session's end, InvalidClientTokenId for a broken seal or another key's token.
        """
        if not session_token or not access_key.startswith("ASIA"):
            return None
        session = self._opened.get(session_token)
        if session is None:
            try:
                session = opened(session_token, self._secret)
            except NotOurs:
                return None
            except Tampered as error:
                raise invalid_token() from error
            if len(self._opened) >= _KEPT:
                self._opened.clear()
            self._opened[session_token] = session
        if session.access_key != access_key:
            raise invalid_token()
        if session.expires <= self._clock.now():
            raise expired_token()
        return Principal(kind=session.kind, account=session.account, arn=session.arn, user_id=session.user_id)
