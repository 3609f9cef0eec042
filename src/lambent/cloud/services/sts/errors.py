"""STS's errors, with AWS's codes, messages and statuses."""

from __future__ import annotations

from lambent.cloud.errors import ServiceError


def may_not_assume(caller_arn: str, role_arn: str) -> ServiceError:
    """Return AccessDenied for a role that does not exist or does not trust the caller; AWS does not tell which."""
    message = f"User: {caller_arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
    return ServiceError("AccessDenied", message, status=403)


def access_denied(message: str) -> ServiceError:
    """Return AccessDenied."""
    return ServiceError("AccessDenied", message, status=403)


def validation_error(message: str) -> ServiceError:
    """Return ValidationError."""
    return ServiceError("ValidationError", message)


def malformed_policy(message: str) -> ServiceError:
    """Return MalformedPolicyDocument."""
    return ServiceError("MalformedPolicyDocument", message)


def expired_token() -> ServiceError:
    """Return the answer to credentials that have expired."""
    return ServiceError("ExpiredToken", "The security token included in the request is expired", status=403)


def invalid_token() -> ServiceError:
    """Return the answer to a session token that is not what was issued."""
    return ServiceError("InvalidClientTokenId", "The security token included in the request is invalid.", status=403)


def invalid_authorization_message() -> ServiceError:
    """Return InvalidAuthorizationMessageException."""
    return ServiceError("InvalidAuthorizationMessageException", "Message is invalid")
