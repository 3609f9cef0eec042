"""CloudWatch Logs' errors, with AWS's codes and messages."""

from __future__ import annotations

from lambent.cloud.errors import ServiceError


def group_not_found() -> ServiceError:
    """Return the error for a log group that is not there."""
    return ServiceError("ResourceNotFoundException", "The specified log group does not exist.")


def stream_not_found() -> ServiceError:
    """Return the error for a log stream that is not there."""
    return ServiceError("ResourceNotFoundException", "The specified log stream does not exist.")


def resource_not_found(message: str = "The specified resource does not exist.") -> ServiceError:
    """Return the error for what is not there."""
    return ServiceError("ResourceNotFoundException", message)


def limit_exceeded() -> ServiceError:
    """Return the error for one more than there may be."""
    return ServiceError("LimitExceededException", "Resource limit exceeded.")


def group_exists() -> ServiceError:
    """Return the error for a second log group of one name."""
    return ServiceError("ResourceAlreadyExistsException", "The specified log group already exists")


def stream_exists() -> ServiceError:
    """Return the error for a second log stream of one name in a group."""
    return ServiceError("ResourceAlreadyExistsException", "The specified log stream already exists")


def invalid_parameter(message: str) -> ServiceError:
    """Return InvalidParameterException."""
    return ServiceError("InvalidParameterException", message)


def too_many_tags(resource: str) -> ServiceError:
    """Return the error for more tags than a resource may have."""
    message = "The resource cannot have more than 50 tags."
    return ServiceError("TooManyTagsException", message, members={"resourceName": resource})


def group_is_protected() -> ServiceError:
    """Return the error for deleting a log group whose deletion protection is on."""
    message = "The specified log group has deletion protection enabled. Disable it before deleting the log group."
    return ServiceError("ValidationException", message)
