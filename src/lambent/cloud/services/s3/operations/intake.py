"""What a request that brings an object says of it: of its body, and of what is to be kept with it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters
from lambent.cloud.protocol.aws_chunked import is_chunked
from lambent.cloud.services.s3 import errors
from lambent.cloud.services.s3.bodies import Stated
from lambent.cloud.services.s3.configurations import acl
from lambent.cloud.services.s3.model.checksums import ALGORITHMS, REFUSED, read
from lambent.cloud.services.s3.model.headers import exceeds, metadata_size, system_headers, user_metadata
from lambent.cloud.services.s3.model.owners import canonical_id
from lambent.cloud.services.s3.model.records import STANDARD, About, Bucket, Retention
from lambent.cloud.services.s3.model.tagging import checked_tags
from lambent.cloud.services.s3.operations.common import Parts

LARGEST_PUT = 5 * 1024**3
_SHA256 = re.compile(r"[0-9a-f]{64}")
_STORAGE_CLASSES = frozenset(
    {
        "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER",
        "DEEP_ARCHIVE", "GLACIER_IR",
    }
)  # fmt: skip
_ENCRYPTIONS = frozenset({"AES256", "aws:kms", "aws:kms:dsse"})
_ENCRYPTION_MEMBERS = ("ServerSideEncryption", "SSEKMSKeyId", "SSEKMSEncryptionContext", "BucketKeyEnabled")


def stated_of(context: RequestContext, parameters: Parameters, *, most: int = LARGEST_PUT) -> Stated:
    """Return what a request says of its body; raises InvalidDigest and InvalidRequest."""
    headers = context.headers
    sha256 = headers.get("x-amz-content-sha256", "")
    length = headers.get("x-amz-decoded-content-length")
    return Stated(
        most=most,
        md5=_md5(parameters.get("ContentMD5")),
        sha256=sha256 if _SHA256.fullmatch(sha256) else None,
        checksums=stated_checksums(parameters),
        announced=_announced(headers.get("x-amz-trailer")),
        is_chunked=is_chunked(headers),
        length=int(length) if length and length.isdecimal() else None,
        computed=_asked_algorithm(parameters),
    )


def stated_checksums(parameters: Parameters) -> dict[str, str]:
    """Return the checksums that a request states, by algorithm; raises InvalidRequest."""
    for name in REFUSED:
        if parameters.get(f"Checksum{name}") is not None or parameters.get("ChecksumAlgorithm") == name:
            raise errors.not_implemented(f"The checksum algorithm {name} is not available here.")
    found: dict[str, str] = {}
    for name, algorithm in ALGORITHMS.items():
        value = parameters.get(algorithm.member)
        if value is None:
            continue
        if read(algorithm, value) is None:
            raise errors.invalid_request(f"Value for {algorithm.header} header is invalid.")
        found[name] = value
    if len(found) > 1:
        raise errors.invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    return found


def about_of(parts: Parts, context: RequestContext, bucket: Bucket, parameters: Parameters) -> About:
    """Return what is to be kept with an object; raises what S3 answers to what cannot be."""
    metadata = user_metadata(parameters)
    if exceeds(metadata):
        raise errors.metadata_too_large(metadata_size(metadata))
    return About(
        headers=system_headers(parameters),
        metadata=metadata,
        encryption=encryption_of(parts, bucket, parameters),
        tags=header_tags(parameters.get("Tagging")),
        retention=retention_of(parts, context, bucket, parameters),
        acl=acl.stated(parameters, canonical_id(bucket.scope.account)),
    )


def storage_class_of(parameters: Parameters) -> str:
    """Return the storage class that is asked for; raises InvalidStorageClass."""
    asked = parameters.get("StorageClass") or STANDARD
    if asked not in _STORAGE_CLASSES:
        raise errors.invalid_storage_class(asked)
    return str(asked)


def header_tags(header: str | None) -> dict[str, str]:
    """Return the tags of an x-amz-tagging header; raises InvalidArgument and InvalidTag."""
    if not header:
        return {}
    pairs = parse_qsl(header, keep_blank_values=True)
    if len(dict(pairs)) != len(pairs):
        raise errors.invalid_argument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag"
            " name duplicates.",
            "x-amz-tagging",
            header,
        )
    return checked_tags(pairs)


def encryption_of(parts: Parts, bucket: Bucket, parameters: Parameters) -> dict[str, Any]:  # Any: members of the model
    """Return the encryption of an object: what its request states, else the bucket's default.

    Nothing is encrypted here; of a customer's key only the MD5 is kept, by which it is known again.
    """
    if parameters.get("SSECustomerAlgorithm") or parameters.get("SSECustomerKey"):
        return {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": customer_key(parameters)}
    stated = {name: parameters[name] for name in _ENCRYPTION_MEMBERS if parameters.get(name) not in {None, ""}}
    if not stated.get("ServerSideEncryption"):
        return dict(parts.settings.encryption(parts.store.read, bucket))
    if stated["ServerSideEncryption"] not in _ENCRYPTIONS:
        raise errors.invalid_argument(
            "The encryption method specified is not supported",
            "x-amz-server-side-encryption",
            stated["ServerSideEncryption"],
        )
    if stated["ServerSideEncryption"] == "AES256":
        if stated.get("SSEKMSKeyId"):
            raise errors.invalid_argument(
                "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption :"
                " aws:kms",
                "x-amz-server-side-encryption",
                "AES256",
            )
        return {"ServerSideEncryption": "AES256"}
    key = stated.setdefault("SSEKMSKeyId", "alias/aws/s3")
    if not key.startswith("arn:"):
        kind = key if key.startswith("alias/") else f"key/{key}"
        stated["SSEKMSKeyId"] = f"arn:{bucket.scope.partition}:kms:{bucket.scope.region}:{bucket.scope.account}:{kind}"
    return stated


def customer_key(parameters: Parameters, prefix: str = "") -> str:
    """Return the MD5 of the customer's key that a request brings; raises InvalidArgument."""
    algorithm = parameters.get(f"{prefix}SSECustomerAlgorithm")
    key, stated = parameters.get(f"{prefix}SSECustomerKey"), parameters.get(f"{prefix}SSECustomerKeyMD5")
    if algorithm != "AES256":
        raise errors.invalid_argument(
            "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption"
            " algorithm.",
            "x-amz-server-side-encryption",
            algorithm,
        )
    try:
        secret = base64.b64decode(key or "", validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != 32:
        raise errors.invalid_argument(
            "The secret key was invalid for the specified algorithm.", "x-amz-server-side-encryption", algorithm
        )
    found = base64.b64encode(hashlib.md5(secret, usedforsecurity=False).digest()).decode()
    if found != stated:
        raise errors.invalid_argument(
            "The calculated MD5 hash of the key did not match the hash that was provided.",
            "x-amz-server-side-encryption-customer-key-MD5",
            stated,
        )
    return found


def check_customer_key(about: About, parameters: Parameters, prefix: str = "") -> None:
    """Raise what S3 answers where an object is read without the customer's key it was written with, or with another."""
    kept = about.encryption.get("SSECustomerKeyMD5")
    brought = parameters.get(f"{prefix}SSECustomerKey")
    if kept is None and brought is None:
        return
    if brought is None:
        raise errors.invalid_request(
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to"
            " retrieve the object."
        )
    if kept is None:
        raise errors.invalid_request("The encryption parameters are not applicable to this object.")
    if customer_key(parameters, prefix) != kept:
        raise errors.access_denied()


def retention_of(parts: Parts, context: RequestContext, bucket: Bucket, parameters: Parameters) -> Retention:
    """Return by what an object is to be retained: what its request states, else the bucket's default."""
    mode, until = parameters.get("ObjectLockMode"), parameters.get("ObjectLockRetainUntilDate")
    held = parameters.get("ObjectLockLegalHoldStatus")
    if not (mode or until or held):
        return parts.settings.retention(parts.store.read, bucket, context.now)
    if not bucket.is_locked:
        raise errors.invalid_request("Bucket is missing Object Lock Configuration")
    if (mode is None) != (until is None):
        raise errors.invalid_argument(
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
        )
    if until is not None and until <= context.now:
        raise errors.invalid_argument("The retain until date must be in the future!")
    stated = Retention(mode, until, None if held is None else held == "ON")
    if mode is None:
        default = parts.settings.retention(parts.store.read, bucket, context.now)
        return replace(default, is_held=stated.is_held)
    return stated


def shown_encryption(encryption: Mapping[str, Any]) -> dict[str, Any]:  # Any: members of the model
    """Return an object's encryption as answers have it."""
    return {name: value for name, value in encryption.items() if name != "SSEKMSEncryptionContext"}


def shown_checksums(checksums: Mapping[str, str]) -> dict[str, str]:
    """Return checksums by the members that carry them."""
    return {ALGORITHMS[name].member: value for name, value in checksums.items()}


def _md5(stated: str | None) -> str | None:
    if stated is None:
        return None
    try:
        digest = base64.b64decode(stated, validate=True)
    except (binascii.Error, ValueError) as error:
        raise errors.invalid_digest() from error
    if len(digest) != 16:
        raise errors.invalid_digest()
    return digest.hex()


def _announced(trailer: str | None) -> str | None:
    if trailer is None:
        return None
    name = trailer.strip().lower()
    found = next((each.name for each in ALGORITHMS.values() if each.header == name), None)
    if found is None:
        if name.removeprefix("x-amz-checksum-").upper() in REFUSED:
            raise errors.not_implemented(f"The checksum of {name} is not available here.")
        raise errors.invalid_request("The value specified in the x-amz-trailer header is not supported")
    return found


def _asked_algorithm(parameters: Parameters) -> tuple[str, ...]:
    asked = parameters.get("ChecksumAlgorithm")
    if asked is None:
        return ()
    if asked not in ALGORITHMS:
        raise errors.unknown_checksum()
    return (asked,)
