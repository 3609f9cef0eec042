"""S3's errors, with its codes, messages and statuses.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from lambent.cloud.errors import ServiceError


def no_such_bucket(name: str) -> ServiceError:
    """Return the error for a bucket that is not there."""
    return ServiceError("NoSuchBucket", "The specified bucket does not exist", status=404, members={"BucketName": name})


def bucket_exists(name: str) -> ServiceError:
    """Return the error for the name of a bucket of another account."""
    message = (
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system."
        " Please select a different name and try again."
    )
    return ServiceError("BucketAlreadyExists", message, status=409, members={"BucketName": name})


def bucket_owned(name: str) -> ServiceError:
    """Return the error for a second bucket of one's own of one name."""
    message = "Your previous request to create the named bucket succeeded and you already own it."
    return ServiceError("BucketAlreadyOwnedByYou", message, status=409, members={"BucketName": name})


def bucket_not_empty(name: str) -> ServiceError:
    """Return the error for deleting a bucket with something in it."""
    return ServiceError(
        "BucketNotEmpty", "The bucket you tried to delete is not empty", status=409, members={"BucketName": name}
    )


def bucket_not_empty_of_versions(name: str) -> ServiceError:
    """Return the error for deleting a bucket in which only older versions or delete markers are left."""
    message = "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
    return ServiceError("BucketNotEmpty", message, status=409, members={"BucketName": name})


def invalid_bucket_name(name: str) -> ServiceError:
    """Return the error for a name that no bucket can have."""
    return ServiceError(
        "InvalidBucketName", "The specified bucket is not valid.", status=400, members={"BucketName": name}
    )


def illegal_location(name: str) -> ServiceError:
    """Return the error for a bucket that is to be in another region than the endpoint's."""
    stated = "unspecified" if name == "" else name
    message = (
        f"The {stated} location constraint is incompatible for the region specific endpoint this request was sent to."
    )
    return ServiceError("IllegalLocationConstraintException", message, status=400)


def invalid_location(name: str) -> ServiceError:
    """Return the error for a location that is no region."""
    members = {"LocationConstraint": name}
    return ServiceError(
        "InvalidLocationConstraint", "The specified location-constraint is not valid", status=400, members=members
    )


def no_such_key(key: str) -> ServiceError:
    """Return the error for a key without an object."""
    return ServiceError("NoSuchKey", "The specified key does not exist.", status=404, members={"Key": key})


def no_such_version(key: str, version_id: str) -> ServiceError:
    """Return the error for a version that is not there."""
    members = {"Key": key, "VersionId": version_id}
    return ServiceError("NoSuchVersion", "The specified version does not exist.", status=404, members=members)


def no_such_upload(upload_id: str) -> ServiceError:
    """Return the error for a multipart upload that is not under way."""
    message = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or"
        " completed."
    )
    return ServiceError("NoSuchUpload", message, status=404, members={"UploadId": upload_id})


def is_marker(*, resource_type: str = "DeleteMarker", method: str) -> ServiceError:
    """Return the error for reading a delete marker by its version id."""
    return ServiceError(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        status=405,
        members={"Method": method, "ResourceType": resource_type},
    )


def invalid_argument(message: str, name: str | None = None, value: str | None = None) -> ServiceError:
    """Return the error for an argument that cannot be, and which one it was."""
    members = {"ArgumentName": name, "ArgumentValue": value}
    return ServiceError("InvalidArgument", message, status=400, members=members)


def invalid_request(message: str) -> ServiceError:
    """Return InvalidRequest."""
    return ServiceError("InvalidRequest", message, status=400)


def precondition_failed(condition: str) -> ServiceError:
    """Return the error for a condition that does not hold."""
    message = "At least one of the pre-conditions you specified did not hold"
    return ServiceError("PreconditionFailed", message, status=412, members={"Condition": condition})


def not_modified() -> ServiceError:
    """Return what tells a reader that it has the object already."""
    return ServiceError("304", "Not Modified", status=304)


def invalid_range(asked: str, size: int) -> ServiceError:
    """Return the error for a range beyond the object's end."""
    members = {"RangeRequested": asked, "ActualObjectSize": str(size)}
    return ServiceError("InvalidRange", "The requested range is not satisfiable", status=416, members=members)


def invalid_part_number(asked: int, count: int) -> ServiceError:
    """Return the error for reading a part that the object does not have."""
    members = {"PartNumberRequested": str(asked), "ActualPartCount": str(count)}
    return ServiceError("InvalidPartNumber", "The requested partnumber is not satisfiable", status=416, members=members)


def bad_digest(message: str = "The Content-MD5 you specified did not match what we received.") -> ServiceError:
    """Return the error for a body whose digest is another than was stated."""
    return ServiceError("BadDigest", message, status=400)


def bad_checksum(algorithm: str) -> ServiceError:
    """Return the error for a body whose checksum is another than was stated."""
    return bad_digest(f"The {algorithm} you specified did not match the calculated checksum.")


def invalid_digest() -> ServiceError:
    """Return the error for a Content-MD5 that is none."""
    return ServiceError("InvalidDigest", "The Content-MD5 you specified was invalid.", status=400)


def content_mismatch(stated: str, found: str) -> ServiceError:
    """Return the error for a body whose SHA-256 is another than the signed one."""
    message = "The provided 'x-amz-content-sha256' header does not match what was computed."
    members = {"ClientComputedContentSHA256": stated, "S3ComputedContentSHA256": found}
    return ServiceError("XAmzContentSHA256Mismatch", message, status=400, members=members)


def incomplete_body(message: str = "The request body terminated unexpectedly") -> ServiceError:
    """Return the error for a body that ends before the length that was stated."""
    return ServiceError("IncompleteBody", message, status=400)


def too_large(most: int, size: int) -> ServiceError:
    """Return the error for a body larger than one request may bring."""
    message = "Your proposed upload exceeds the maximum allowed size"
    members = {"MaxSizeAllowed": str(most), "ProposedSize": str(size)}
    return ServiceError("EntityTooLarge", message, status=400, members=members)


def too_small(size: int, part: int, etag: str) -> ServiceError:
    """Return the error for a part, not the last, of less than 5 MB."""
    message = "Your proposed upload is smaller than the minimum allowed size"
    members = {"ProposedSize": str(size), "MinSizeAllowed": "5242880", "PartNumber": str(part), "ETag": etag}
    return ServiceError("EntityTooSmall", message, status=400, members=members)


def key_too_long(key: str) -> ServiceError:
    """Return the error for a key of more than 1,024 bytes."""
    members = {"Size": str(len(key.encode())), "MaxSizeAllowed": "1024"}
    return ServiceError("KeyTooLongError", "Your key is too long", status=400, members=members)


def metadata_too_large(size: int) -> ServiceError:
    """Return the error for user metadata of more than 2 KB."""
    message = "Your metadata headers exceed the maximum allowed metadata size"
    members = {"Size": str(size), "MaxSizeAllowed": "2048"}
    return ServiceError("MetadataTooLarge", message, status=400, members=members)


def invalid_tag(message: str) -> ServiceError:
    """Return the error for tags that cannot be."""
    return ServiceError("InvalidTag", message, status=400)


def access_denied(message: str = "Access Denied") -> ServiceError:
    """Return the error for what the caller may not do."""
    return ServiceError("AccessDenied", message, status=403)


def malformed_xml() -> ServiceError:
    """Return the error for a body that says too little or too much."""
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    return ServiceError("MalformedXML", message, status=400)


def not_implemented(message: str) -> ServiceError:
    """Return the error for what is left out here."""
    return ServiceError("NotImplemented", message, status=501)


def invalid_storage_class(name: str) -> ServiceError:
    """Return the error for a storage class that there is not."""
    message = "The storage class you specified is not valid"
    return ServiceError("InvalidStorageClass", message, status=400, members={"StorageClassRequested": name})


def bad_request(message: str) -> ServiceError:
    """Return BadRequest."""
    return ServiceError("BadRequest", message, status=400)


def method_not_allowed() -> ServiceError:
    """Return the error for what may not be done with a resource."""
    message = "The specified method is not allowed against this resource."
    return ServiceError("MethodNotAllowed", message, status=405)


def invalid_object_state(message: str) -> ServiceError:
    """Return the error for an object that is not in the state that an operation needs."""
    return ServiceError("InvalidObjectState", message, status=403)


def illegal_versioning() -> ServiceError:
    """Return the error for a versioning configuration that says nothing."""
    message = "The Versioning element must be specified"
    return ServiceError("IllegalVersioningConfigurationException", message, status=400)


def invalid_bucket_state(message: str) -> ServiceError:
    """Return the error for what a bucket's state does not allow."""
    return ServiceError("InvalidBucketState", message, status=409)


def internal_error() -> ServiceError:
    """Return the error for a failure of the platform's own."""
    return ServiceError("InternalError", "We encountered an internal error. Please try again.", status=500)


def bad_authorization(message: str) -> ServiceError:
    """Return the error for what a presigned request says of itself."""
    return ServiceError("AuthorizationQueryParametersError", message, status=400)


def expired(expires: str, now: str, lifetime: str | None) -> ServiceError:
    """Return the error for a presigned request that comes too late."""
    members = {"X-Amz-Expires": lifetime, "Expires": expires, "ServerTime": now}
    return ServiceError("AccessDenied", "Request has expired", status=403, members=members)


def cors_refused() -> ServiceError:
    """Return the error for a preflight that no rule of the bucket allows."""
    message = (
        "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request"
        " method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the"
        " resource's CORS spec."
    )
    return ServiceError("AccessForbidden", message, status=403)


def malformed_post() -> ServiceError:
    """Return the error for a form that cannot be read."""
    message = "The body of your POST request is not well-formed multipart/form-data."
    return ServiceError("MalformedPOSTRequest", message, status=400)


def invalid_policy_document() -> ServiceError:
    """Return the error for a form's policy that is none."""
    message = "The content of the form does not meet the conditions specified in the policy document."
    return ServiceError("InvalidPolicyDocument", message, status=400)


def below_range(size: int, least: int) -> ServiceError:
    """Return the error for a form's file that is smaller than its policy wants."""
    message = "Your proposed upload is smaller than the minimum allowed size"
    members = {"ProposedSize": str(size), "MinSizeAllowed": str(least)}
    return ServiceError("EntityTooSmall", message, status=400, members=members)


def invalid_part(upload_id: str, number: int, etag: str) -> ServiceError:
    """Return the error for completing an upload with a part that has not come."""
    message = (
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified"
        " entity tag may not match the part's entity tag."
    )
    members = {"UploadId": upload_id, "PartNumber": str(number), "ETag": etag}
    return ServiceError("InvalidPart", message, status=400, members=members)


def invalid_part_order(upload_id: str) -> ServiceError:
    """Return the error for completing an upload with parts out of order."""
    message = "The list of parts was not in ascending order. Parts must be ordered by part number."
    return ServiceError("InvalidPartOrder", message, status=400, members={"UploadId": upload_id})


def no_object_lock() -> ServiceError:
    """Return the error for an object without the protection that is asked after."""
    message = "The specified object does not have a ObjectLock configuration"
    return ServiceError("NoSuchObjectLockConfiguration", message, status=404)


def unknown_checksum() -> ServiceError:
    """Return the error for a checksum algorithm that there is not."""
    return invalid_request(
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types:"
        " [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
    )
