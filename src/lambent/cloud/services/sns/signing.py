"""The key that notifications are signed with: made when it is first needed, kept, its certificate served.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.services.sns import message_repository
from lambent.cloud.services.sns.claims import CERTIFICATE
from lambent.cloud.store.unit_of_work import Store

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_NAME: Final = "sns.amazonaws.com"
_KEY_BITS: Final = 2048
_VALID_FOR: Final = timedelta(days=3650)


class SigningKey:
    """Signs; `load` comes first."""

    def __init__(self, store: Store, clock: Clock, ids: IdSource, *, endpoint_url: str) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._endpoint_url = endpoint_url
        self._loading = asyncio.Lock()
        self._key_id = ""
        self._key: RSAPrivateKey | None = None
        # The subscriptions of a topic get the same message, and signing one takes a millisecond.
        self._signed = lru_cache(maxsize=256)(self._sign)

    @property
    def certificate_url(self) -> str:
        """Where the certificate is to be had: on the platform itself."""
        return f"{self._endpoint_url}/{CERTIFICATE}{self._key_id}.pem"

    async def load(self) -> None:
        """Return once there is a key: the one that is kept, or a new one."""
        if self._key is not None:
            return
        async with self._loading:
            if self._key_id:
                return
            kept = message_repository.signing_key(self._store.read)
            if kept is None:
                new = await asyncio.to_thread(_made, self._ids.hex(32), self._clock.now())
                await self._store.write(lambda transaction: message_repository.add_signing_key(transaction, new))
                kept = message_repository.signing_key(self._store.read) or new
            self._key = await asyncio.to_thread(_loaded, kept[1])
            self._key_id = kept[0]

    def sign(self, text: str, version: str) -> str:
        """Return the signature of a text, in base64; version 1 takes SHA-1, version 2 SHA-256."""
        return self._signed(text, version)

    def certificate(self, path: str) -> bytes | None:
        """Return the certificate that is served at a path, or None."""
        kept = message_repository.signing_key(self._store.read)
        return kept[2].encode() if kept is not None and path == f"/{CERTIFICATE}{kept[0]}.pem" else None

    def _sign(self, text: str, version: str) -> str:
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - takes 50 ms, which a start need not wait for
        from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415 - as above

        if self._key is None:
            raise RuntimeError("the signing key has not been loaded")
        digest = hashes.SHA256() if version == "2" else hashes.SHA1()  # noqa: S303 - version 1 is defined so
        return base64.b64encode(self._key.sign(text.encode(), padding.PKCS1v15(), digest)).decode("ascii")


def _made(key_id: str, now: float) -> tuple[str, str, str]:
    """Return id, private key and certificate of a new key; takes a fraction of a second."""
    from cryptography import x509  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - as above

    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _NAME)])
    start = datetime.fromtimestamp(now, UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int(key_id, 16) >> 1 or 1)
        .not_valid_before(start)
        .not_valid_after(start + _VALID_FOR)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key_id, private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


def _loaded(private_key: str) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - as above

    key = load_pem_private_key(private_key.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("the kept signing key is not an RSA key")
    return key
