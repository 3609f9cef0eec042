"""Amazon SNS's errors, with AWS's codes, messages and statuses."""

from __future__ import annotations

from lambent.cloud.errors import ServiceError


def invalid_parameter(what: str) -> ServiceError:
    """Return InvalidParameter, which names the parameter, and perhaps a reason behind it."""
    return ServiceError("InvalidParameter", f"Invalid parameter: {what}")


def invalid_words(message: str) -> ServiceError:
    """Return InvalidParameter in words of its own."""
    return ServiceError("InvalidParameter", message)


def invalid_value(message: str) -> ServiceError:
    """Return the error for a message attribute that cannot be."""
    return ServiceError("ParameterValueInvalid", message)


def not_null(path: str) -> ServiceError:
    """Return the error for a member that must be there."""
    text = f"1 validation error detected: Value null at '{path}' failed to satisfy constraint: Member must not be null"
    return ServiceError("ValidationError", text)


def malformed_arn(parameter: str, parts: int) -> ServiceError:
    """Return the error for a text that is no ARN."""
    return invalid_parameter(f"{parameter} Reason: An ARN must have at least 6 elements, not {parts}")


def topic_not_found() -> ServiceError:
    """Return the error for a topic that is not there."""
    return ServiceError("NotFound", "Topic does not exist", status=404)


def subscription_not_found() -> ServiceError:
    """Return the error for a subscription that is not there."""
    return ServiceError("NotFound", "Subscription does not exist", status=404)


def resource_not_found() -> ServiceError:
    """Return the error for something without tags, because it is not there."""
    return ServiceError("ResourceNotFound", "Resource does not exist", status=404)


def too_many_tags() -> ServiceError:
    """Return the error for more tags than a topic may have."""
    return ServiceError("TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded")


def too_many_filter_policies() -> ServiceError:
    """Return the error for one more filter policy than there may be."""
    return ServiceError("FilterPolicyLimitExceeded", "Filter policy limit exceeded", status=403)


def not_authorized(caller: str, action: str, resource: str, *, is_denied: bool = False) -> ServiceError:
    """Return the refusal of a caller that the topic's policy does not let in, or keeps out."""
    reason = (
        f"with an explicit deny in a resource-based policy: {resource}"
        if is_denied
        else f"because no resource-based policy allows the {action} action"
    )
    text = f"User: {caller} is not authorized to perform: {action} on resource: {resource} {reason}"
    return ServiceError("AuthorizationError", text, status=403)


def too_many_entries() -> ServiceError:
    """Return the error for a batch of more than ten messages."""
    return ServiceError("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.")


def empty_batch() -> ServiceError:
    """Return the error for a batch of no messages."""
    return ServiceError("EmptyBatchRequest", "The batch request doesn't contain any entries.")


def ids_not_distinct() -> ServiceError:
    """Return the error for a batch in which two messages have one id."""
    return ServiceError("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")


def invalid_entry_id(problem: str) -> ServiceError:
    """Return the error for a batch in which a message's id has characters that it may not have, or too many."""
    return ServiceError("InvalidBatchEntryId", f"The Id of a batch entry in the batch request {problem}")


def batch_too_long() -> ServiceError:
    """Return the error for a batch of more than 256 KB."""
    return ServiceError("BatchRequestTooLong", "The length of all the messages put together is more than the limit.")
