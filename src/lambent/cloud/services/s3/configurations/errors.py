"""What S3 answers to configurations that it does not take or does not have, with AWS's codes and messages.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from collections.abc import Mapping

from lambent.cloud.errors import ServiceError


def invalid_tag(message: str, key: str, value: str | None = None) -> ServiceError:
    """Return the error for a tag that S3 does not take."""
    return ServiceError("InvalidTag", message, members={"TagKey": key, "TagValue": value})


def invalid_bucket_state(message: str) -> ServiceError:
    """Return the error for what the bucket's state does not allow."""
    return ServiceError("InvalidBucketState", message, status=409)


def malformed_policy(message: str) -> ServiceError:
    """Return the error for a text that is no policy."""
    return ServiceError("MalformedPolicy", message)


def malformed_acl() -> ServiceError:
    """Return the error for an access control list that is not as the schema says."""
    return ServiceError(
        "MalformedACLError",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def acls_not_supported() -> ServiceError:
    """Return the error for an access control list where the bucket's owner owns every object."""
    return ServiceError("AccessControlListNotSupported", "The bucket does not allow ACLs")


def not_configured(code: str, message: str, bucket: str) -> ServiceError:
    """Return the error for a configuration that the bucket does not have."""
    return ServiceError(code, message, status=404, members={"BucketName": bucket})


def unreachable_destinations(found: Mapping[str, str]) -> ServiceError:
    """Return the error for destinations of notifications, each with what is wrong with it."""
    members: dict[str, str] = {}
    for number, (destination, problem) in enumerate(found.items(), 1):
        members |= {f"ArgumentName{number}": destination, f"ArgumentValue{number}": problem}
    return ServiceError(
        "InvalidArgument", "Unable to validate the following destination configurations", members=members
    )


def public_access_is_blocked(caller: str, action: str, bucket_arn: str, setting: str) -> ServiceError:
    """Return the error for making a bucket public whose public access is blocked, by which `setting`."""
    what = "public policies" if setting == "BlockPublicPolicy" else "public access control lists (ACLs)"
    message = (
        f'User: {caller} is not authorized to perform: {action} on resource: "{bucket_arn}" because {what} are'
        f" prevented by the {setting} setting in S3 Block Public Access."
    )
    return ServiceError("AccessDenied", message, status=403)
