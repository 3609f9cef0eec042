"""A request's signature: who signed it, for which region and service.

Signatures themselves are not verified: whoever reaches 127.0.0.1 could read the keys as well. What counts is the
credential scope. Read are Signature Version 4 in the header and in the query (presigned), 4a, and version 2 as old
clients of S3 still send it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal, root_of
from lambent.cloud.framework.identity import CredentialDirectory, Signer
from lambent.cloud.protocol.message import Request
from lambent.cloud.store.scope import DEFAULT_ACCOUNT, DEFAULT_REGION, Scope

_S3 = "s3"
_V4 = "AWS4-HMAC-SHA256"
_V4A = "AWS4-ECDSA-P256-SHA256"
_V4_PARTS = 5  # key/date/region/service/aws4_request
_V4A_PARTS = 4  # the region stands in a header of its own
_ACCOUNT_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request's signature says; `service` is the signing name, None where the signature names none."""

    access_key: str
    region: str
    service: str | None
    session_token: str | None = None


_UNSIGNED = Signature("", DEFAULT_REGION, None)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls, and where the request applies."""

    signature: Signature
    caller: Principal
    scope: Scope


def read_signature(request: Request) -> Signature:
    """Return what signed the request; raises ServiceError (IncompleteSignature) where it cannot be read."""
    authorization = request.headers.get("authorization")
    if authorization is not None:
        headers = request.headers
        return _from_header(authorization, headers.get("x-amz-region-set", ""), headers.get("x-amz-security-token"))
    if "X-Amz-" in request.query or "AWSAccessKeyId=" in request.query:
        return _from_query(request.query)
    return _UNSIGNED


def identify_caller(signature: Signature, directory: CredentialDirectory) -> Identity:
    """Return who a signature stands for.

    An access key of twelve digits is an account, and its caller the account's root; one that we issued stands for the
    principal it was issued to; any other is the root of the default account. Raises ServiceError where credentials
    that we issued no longer hold.
    """
    key = signature.access_key
    if len(key) == _ACCOUNT_DIGITS and key.isascii() and key.isdecimal():
        return _root_identity(signature, key)
    issued = directory.resolve(key, signature.session_token) if key else None
    if issued is not None:
        return Identity(signature, issued, Scope(issued.account, signature.region))
    return _root_identity(signature, DEFAULT_ACCOUNT)


class SignatureReader:
    """Tells front doors who signed a request."""

    def __init__(self, directory: CredentialDirectory) -> None:
        self._directory = directory

    def signer_of(self, request: Request) -> Signer | None:
        """Return who signed the request, or None where nobody did; raises ServiceError as the gateway would."""
        signature = read_signature(request)
        if not signature.access_key:
            return None
        caller = identify_caller(signature, self._directory).caller
        return Signer(caller, signature.access_key, signature.region, signature.service)


# Both caches are keyed by what clients repeat with every request of a day.
@lru_cache(maxsize=256)
def _root_identity(signature: Signature, account: str) -> Identity:
    return Identity(signature, root_of(account), Scope(account, signature.region))


def _from_header(authorization: str, region_set: str, session_token: str | None) -> Signature:
    # Everything up to the first comma is the same in every request of a client's day; the signature is not.
    stated, _, _ = authorization.partition(",")
    return _from_stated(stated, region_set, session_token)


@lru_cache(maxsize=256)
def _from_stated(stated: str, region_set: str, session_token: str | None) -> Signature:
    algorithm, _, rest = stated.strip().partition(" ")
    if algorithm == "AWS":  # version 2: AWS KEY:SIGNATURE, which names neither region nor service; S3 alone has it
        return Signature(rest.partition(":")[0], DEFAULT_REGION, _S3, session_token)
    if algorithm not in {_V4, _V4A}:
        return _UNSIGNED  # another scheme, such as Bearer, is for the service itself to read
    name, separator, credential = rest.strip().partition("=")
    if name != "Credential" or not separator:
        raise _incomplete(f"Authorization header requires 'Credential' parameter. Authorization={algorithm}")
    return _from_credential(algorithm, credential, region_set, session_token)


def _from_query(query: str) -> Signature:
    found = {name: values[0] for name, values in parse_qs(query).items()}
    token = found.get("X-Amz-Security-Token")
    algorithm = found.get("X-Amz-Algorithm")
    if algorithm in {_V4, _V4A}:
        credential = found.get("X-Amz-Credential")
        if credential is None:
            raise _incomplete("Query-string authentication requires the X-Amz-Credential parameter.")
        return _from_credential(algorithm, credential, found.get("X-Amz-Region-Set", ""), token)
    if "AWSAccessKeyId" in found:
        # Version 2 names no service: beside an Action it is a query API's, without one a presigned URL of S3, as
        # boto3 still makes them by default.
        service = None if "Action" in found else _S3
        return Signature(found["AWSAccessKeyId"], DEFAULT_REGION, service, found.get("x-amz-security-token", token))
    return _UNSIGNED


def _from_credential(algorithm: str, credential: str, region_set: str, token: str | None) -> Signature:
    parts = credential.strip().split("/")
    wanted = _V4_PARTS if algorithm == _V4 else _V4A_PARTS
    if len(parts) < wanted or not parts[0]:
        raise _incomplete(
            f"Credential must have exactly {wanted} slash-delimited elements, "
            f"e.g. keyid/date/{'region/' if algorithm == _V4 else ''}service/term, got '{credential}'"
        )
    # An access key may itself contain slashes; the scope is what stands behind it.
    key = "/".join(parts[: 1 - wanted])
    if algorithm == _V4:
        return Signature(key, parts[-3] or DEFAULT_REGION, parts[-2], token)
    region = region_set.partition(",")[0].strip()
    return Signature(key, DEFAULT_REGION if region in {"", "*"} else region, parts[-2], token)


def _incomplete(message: str) -> ServiceError:
    return ServiceError("IncompleteSignature", message, status=400)
