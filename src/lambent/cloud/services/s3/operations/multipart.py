"""Multipart uploads: begun, brought in parts, listed, completed or aborted.

An object made of parts keeps the parts' files: completing an upload copies nothing.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import orjson

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.s3 import errors, upload_repository
from lambent.cloud.services.s3.bodies import Stored
from lambent.cloud.services.s3.model.checksums import ALGORITHMS, REFUSED, composite, joined, may_be, usual_type
from lambent.cloud.services.s3.model.owners import canonical_id
from lambent.cloud.services.s3.model.records import Bucket, Draft, Part, PartFacts, StoredFile, Upload
from lambent.cloud.services.s3.operations.adding import add_in
from lambent.cloud.services.s3.operations.common import Parts, now_ms, owner_of, the_bucket, the_key
from lambent.cloud.services.s3.operations.intake import (
    about_of,
    check_customer_key,
    shown_checksums,
    shown_encryption,
    stated_checksums,
    stated_of,
    storage_class_of,
)
from lambent.cloud.services.s3.upload_repository import Completion
from lambent.cloud.store.unit_of_work import Reader, Transaction

_MOST_PARTS = 10_000
_LEAST_PART = 5 * 1024 * 1024
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Chosen:
    """The parts that complete an upload, and the checksum of the whole."""

    parts: Sequence[Part]
    algorithm: str
    checksum_type: str
    checksum: str

    @property
    def size(self) -> int:
        """The size of the object they make."""
        return sum(part.size for part in self.parts)

    @property
    def etag(self) -> str:
        """Its entity tag: the MD5 of the parts' MD5s, and how many they are."""
        whole = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in self.parts), usedforsecurity=False)
        return f"{whole.hexdigest()}-{len(self.parts)}"


class MultipartOperations:
    """The operations on multipart uploads."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("CreateMultipartUpload")
    async def begin(self, context: RequestContext, parameters: Parameters) -> Result:
        """Begin an upload."""
        parts = self._parts
        bucket, key = the_bucket(parts.store.read, parameters), the_key(parameters)
        algorithm, checksum_type = _checksum_of(parameters)
        about = about_of(parts, context, bucket, parameters)
        upload = Upload(
            id=0,
            bucket_id=bucket.id,
            key=key,
            # The moment goes first, so that the uploads of a key are listed in the order of their making.
            upload_id=f"{now_ms(context):012x}{parts.ids.base32(52)}",
            initiated_ms=now_ms(context),
            initiator=context.caller.arn,
            storage_class=storage_class_of(parameters),
            checksum_algorithm=algorithm,
            checksum_type=checksum_type,
            about=about,
        )

        def begin(transaction: Transaction) -> None:
            the_bucket(transaction, parameters)
            upload_repository.add_upload(transaction, upload)

        await parts.store.write(begin)
        return {
            "Bucket": bucket.name,
            "Key": key,
            "UploadId": upload.upload_id,
            "ChecksumAlgorithm": parameters.get("ChecksumAlgorithm"),
            "ChecksumType": checksum_type if parameters.get("ChecksumAlgorithm") else None,
            **about.encryption,
        }

    @operation("UploadPart")
    async def put_part(self, context: RequestContext, parameters: Parameters) -> Result:
        """Keep one part; raises NoSuchUpload, BadDigest, InvalidArgument."""
        _, upload = self.found(self._parts.store.read, parameters)
        number = part_number(parameters)
        check_customer_key(upload.about, parameters)
        stated = stated_of(context, parameters)
        named = [*stated.checksums, *(() if stated.announced is None else (stated.announced,))]
        if named and upload.checksum_algorithm and named[0] != upload.checksum_algorithm:
            raise errors.invalid_request(
                f"Checksum Type mismatch occurred, expected checksum Type: {upload.checksum_algorithm.lower()}, actual"
                f" checksum Type: {named[0].lower()}"
            )
        stated = replace(stated, computed=(upload.checksum_algorithm or "CRC64NVME",))
        stored = await self._parts.bodies.keep(parameters.get("Body", b""), stated, in_file=True)
        part = await self.add_part(context, parameters, stored, number)
        wanted = named or ([upload.checksum_algorithm] if upload.checksum_algorithm else [])
        shown = {name: part.checksums[name] for name in wanted}
        return {"ETag": f'"{part.etag}"', **shown_checksums(shown), **shown_encryption(upload.about.encryption)}

    async def add_part(self, context: RequestContext, parameters: Parameters, stored: Stored, number: int) -> Part:
        """Make what was stored a part of the upload, if that is still under way; raises NoSuchUpload."""
        assert stored.file is not None  # noqa: S101 - parts are kept in files
        part = Part(number, stored.size, stored.md5, now_ms(context), stored.checksums, stored.file.name)

        def put(transaction: Transaction) -> None:
            _, upload = self.found(transaction, parameters)
            upload_repository.put_part(transaction, upload, part)

        try:
            await self._parts.store.write(put)
        except ServiceError:
            await self._parts.bodies.remove([part.file])
            raise
        return part

    @operation("CompleteMultipartUpload")
    async def complete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Make an object of the parts that are named, in their order; raises InvalidPart, EntityTooSmall.

        Who did not get the answer may ask again, with the same parts: it is the same.
        """
        parts, at_ms = self._parts, now_ms(context)
        bucket = the_bucket(parts.store.read, parameters)
        named = (parameters.get("MultipartUpload") or {}).get("Parts") or []
        if not named:
            raise errors.malformed_xml()
        asked = _completion_of(bucket, parameters, named)

        def complete(transaction: Transaction) -> upload_repository.Answer:
            known = upload_repository.completion(transaction, asked, at_ms)
            if known is not None:
                return known
            _, upload = self.found(transaction, parameters)
            check_customer_key(upload.about, parameters)
            chosen = _chosen(upload, upload_repository.parts(transaction, upload), named, parameters)
            draft = _draft_of(upload, chosen)
            upload_repository.remove_upload(transaction, upload, keeping=[part.file for part in chosen.parts])
            added = add_in(transaction, parts, context, parameters, draft, "CompleteMultipartUpload")
            upload_repository.add_completion(transaction, asked, added.shown(), at_ms)
            return added.shown()

        shown = await parts.store.write(complete)
        return {
            **shown,
            "Bucket": bucket.name,
            "Key": asked.key,
            "Location": f"http://{context.host}/{bucket.name}/{asked.key}",
        }

    @operation("AbortMultipartUpload")
    async def abort(self, context: RequestContext, parameters: Parameters) -> Result:
        """End an upload and remove its parts; raises NoSuchUpload."""

        def abort(transaction: Transaction) -> None:
            _, upload = self.found(transaction, parameters)
            upload_repository.remove_upload(transaction, upload)

        await self._parts.store.write(abort)
        return {}

    @operation("ListParts")
    async def list_parts(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the parts that have come."""
        bucket, upload = self.found(self._parts.store.read, parameters)
        after, limit = int(parameters.get("PartNumberMarker") or 0), min(parameters.get("MaxParts", _PAGE), _PAGE)
        found = upload_repository.parts(self._parts.store.read, upload, after=after, limit=limit + 1)
        listed = found[:limit]
        return {
            "Bucket": bucket.name,
            "Key": upload.key,
            "UploadId": upload.upload_id,
            "PartNumberMarker": after,
            "NextPartNumberMarker": listed[-1].number if listed else 0,
            "MaxParts": limit,
            "IsTruncated": len(found) > len(listed),
            "Parts": [_shown_part(upload, part) for part in listed],
            "StorageClass": upload.storage_class,
            "Initiator": {"ID": canonical_id(bucket.scope.account)},
            "Owner": owner_of(bucket),
            "ChecksumAlgorithm": upload.checksum_algorithm or None,
            "ChecksumType": upload.checksum_type if upload.checksum_algorithm else None,
        }

    def found(self, reader: Reader, parameters: Parameters) -> tuple[Bucket, Upload]:
        """Return the bucket and the upload that a request names; raises NoSuchUpload."""
        bucket = the_bucket(reader, parameters)
        upload = upload_repository.upload(reader, bucket.id, parameters["Key"], parameters["UploadId"])
        if upload is None:
            raise errors.no_such_upload(parameters["UploadId"])
        return bucket, upload


def part_number(parameters: Parameters) -> int:
    """Return the number of the part that a request brings; raises InvalidArgument."""
    number = int(parameters["PartNumber"])
    if not 1 <= number <= _MOST_PARTS:
        raise errors.invalid_argument(
            "Part number must be an integer between 1 and 10000, inclusive", "partNumber", str(number)
        )
    return number


def _completion_of(bucket: Bucket, parameters: Parameters, named: Sequence[Any]) -> Completion:  # Any: as the model
    listed = [[each.get("PartNumber"), str(each.get("ETag")).strip('"')] for each in named]
    return Completion(bucket.id, parameters["Key"], parameters["UploadId"], orjson.dumps(listed).decode())


def _checksum_of(parameters: Parameters) -> tuple[str, str]:
    algorithm, checksum_type = parameters.get("ChecksumAlgorithm"), parameters.get("ChecksumType")
    if algorithm is None:
        if checksum_type is not None:
            raise errors.invalid_request(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
            )
        return "", "FULL_OBJECT"
    if algorithm in REFUSED:
        raise errors.not_implemented(f"The checksum algorithm {algorithm} is not available here.")
    if algorithm not in ALGORITHMS:
        raise errors.unknown_checksum()
    checksum_type = checksum_type or usual_type(algorithm)
    if not may_be(algorithm, checksum_type):
        raise errors.invalid_request(
            f"The {checksum_type} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )
    return algorithm, checksum_type


def _chosen(upload: Upload, present: Sequence[Part], named: Sequence[Parameters], parameters: Parameters) -> Chosen:
    """Return the parts that a completion names; raises where one is missing, another, too small, or out of order."""
    by_number = {part.number: part for part in present}
    numbers = [int(each["PartNumber"]) for each in named]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise errors.invalid_part_order(upload.upload_id)
    chosen = []
    for each in named:
        part = by_number.get(each["PartNumber"])
        stated = str(each.get("ETag", "")).strip('"')
        if part is None or part.etag != stated or not _has_checksum(part, each):
            raise errors.invalid_part(upload.upload_id, each["PartNumber"], stated)
        chosen.append(part)
    for part in chosen[:-1]:
        if part.size < _LEAST_PART:
            raise errors.too_small(part.size, part.number, part.etag)
    algorithm = upload.checksum_algorithm or "CRC64NVME"
    checksum = _checksum(algorithm, upload.checksum_type, chosen)
    whole = Chosen(chosen, algorithm, upload.checksum_type, checksum)
    _check_stated(whole, parameters)
    return whole


def _has_checksum(part: Part, named: Parameters) -> bool:
    for name, algorithm in ALGORITHMS.items():
        stated = named.get(algorithm.member)
        if stated is not None and part.checksums.get(name) != stated:
            return False
    return True


def _checksum(algorithm: str, checksum_type: str, chosen: Sequence[Part]) -> str:
    if checksum_type == "COMPOSITE":
        return composite(ALGORITHMS[algorithm], [part.checksums[algorithm] for part in chosen])
    return joined(ALGORITHMS[algorithm], [(part.checksums[algorithm], part.size) for part in chosen])


def _check_stated(whole: Chosen, parameters: Parameters) -> None:
    asked = parameters.get("ChecksumType")
    if asked is not None and asked != whole.checksum_type:
        raise errors.invalid_request(
            f"The upload was created using the {whole.checksum_type} checksum mode. The complete request must use the"
            " same checksum mode."
        )
    size = parameters.get("MpuObjectSize")
    if size is not None and int(size) != whole.size:
        raise errors.invalid_request(
            f"The provided 'x-amz-mp-object-size' header value {size} does not match what was computed: {whole.size}"
        )
    composed = {name: value for name in ALGORITHMS if (value := parameters.get(ALGORITHMS[name].member)) is not None}
    if whole.checksum_type == "FULL_OBJECT":
        composed = stated_checksums(parameters)
    for name, value in composed.items():
        if name != whole.algorithm or value.partition("-")[0] != whole.checksum.partition("-")[0]:
            raise errors.bad_checksum(name)


def _draft_of(upload: Upload, chosen: Chosen) -> Draft:
    facts = tuple(PartFacts(part.size, part.checksums) for part in chosen.parts)
    return Draft(
        key=upload.key,
        size=chosen.size,
        etag=chosen.etag,
        storage_class=upload.storage_class,
        checksum_algorithm=chosen.algorithm,
        checksum_type=chosen.checksum_type,
        about=replace(upload.about, checksums={chosen.algorithm: chosen.checksum}, parts=facts),
        files=tuple(StoredFile(part.file, part.size) for part in chosen.parts),
    )


def _shown_part(upload: Upload, part: Part) -> dict[str, Any]:  # Any: members of the model
    shown = part.checksums if upload.checksum_algorithm else {}
    return {
        "PartNumber": part.number,
        "LastModified": part.modified_ms // 1000,
        "ETag": f'"{part.etag}"',
        "Size": part.size,
        **shown_checksums(shown),
    }
