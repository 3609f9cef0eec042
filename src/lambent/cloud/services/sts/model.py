"""Temporary credentials: what a session is, and the token that says so itself.

A session token holds the principal and the end of its session, sealed with a secret of the platform. So nothing is
stored when credentials are issued, and they hold after a restart.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Literal

_MARK = b"LS1"
_DIGEST = hashlib.sha256
_DIGEST_SIZE = 32

SessionKind = Literal["root", "user", "assumed-role"]


class NotOurs(ValueError):
    """A session token that this platform does not make."""


class Tampered(ValueError):
    """A session token of our form whose seal is broken, or made by another platform."""


@dataclass(frozen=True, slots=True)
class Session:
    """One issue of temporary credentials: who acts with them, and until when."""

    access_key: str
    kind: SessionKind
    account: str
    arn: str
    user_id: str
    expires: float


def sealed(session: Session, secret: bytes) -> str:
    """Return the session token that says what `session` is."""
    members = [session.access_key, session.kind, session.account, session.arn, session.user_id, session.expires]
    payload = json.dumps(members, separators=(",", ":")).encode()
    return base64.b64encode(_MARK + _seal(payload, secret) + payload).decode()


def opened(token: str, secret: bytes) -> Session:
    """Return the session that a token says it is; raises NotOurs or Tampered."""
    try:
        raw = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotOurs(token) from error
    if not raw.startswith(_MARK):
        raise NotOurs(token)
    seal, payload = raw[len(_MARK) :][:_DIGEST_SIZE], raw[len(_MARK) + _DIGEST_SIZE :]
    if not hmac.compare_digest(seal, _seal(payload, secret)):
        raise Tampered(token)
    access_key, kind, account, arn, user_id, expires = json.loads(payload)
    return Session(access_key, kind, account, arn, user_id, expires)


def secret_access_key(access_key: str, secret: bytes) -> str:
    """Return the secret half of temporary credentials, which follows from the other half."""
    return base64.b64encode(hmac.digest(secret, b"secret access key " + access_key.encode(), _DIGEST)[:30]).decode()


def _seal(payload: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, b"session token " + payload, _DIGEST)
