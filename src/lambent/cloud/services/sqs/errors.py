"""Amazon SQS's errors, with AWS's codes and messages.

The codes are those that clients know since the query format; in JSON the error's type is the shape that the code stands
for (`aws/extras/sqs.json`).
"""

from __future__ import annotations

from lambent.cloud.errors import ServiceError

_BATCH = "AWS.SimpleQueueService"
NO_SUCH_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"


def no_such_queue() -> ServiceError:
    """Return the error for a queue that is not there."""
    return ServiceError(NO_SUCH_QUEUE, "The specified queue does not exist.")


def queue_exists(attribute: str) -> ServiceError:
    """Return the error for creating a queue that is there, with another value of an attribute."""
    message = f"A queue already exists with the same name and a different value for attribute {attribute}"
    return ServiceError("QueueAlreadyExists", message)


def queue_deleted_recently() -> ServiceError:
    """Return the error for the name of a queue that was deleted less than a minute ago."""
    message = "You must wait 60 seconds after deleting a queue before you can create another with the same name."
    return ServiceError(f"{_BATCH}.QueueDeletedRecently", message)


def purge_in_progress(queue: str) -> ServiceError:
    """Return the error for purging a queue twice in a minute."""
    message = f"Only one PurgeQueue operation on {queue} is allowed every 60 seconds."
    return ServiceError(f"{_BATCH}.PurgeQueueInProgress", message, status=403)


def invalid_address(url: str) -> ServiceError:
    """Return the error for what is no queue URL."""
    return ServiceError("InvalidAddress", f"The address {url} is not valid for this endpoint.", status=404)


def invalid_parameter(message: str) -> ServiceError:
    """Return InvalidParameterValue."""
    return ServiceError("InvalidParameterValue", message)


def invalid_value(value: object, parameter: str, reason: str) -> ServiceError:
    """Return InvalidParameterValue in the words that AWS has for one parameter's value."""
    return invalid_parameter(f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


def missing_parameter(name: str) -> ServiceError:
    """Return the error for a parameter that is needed and not there."""
    return ServiceError("MissingParameter", f"The request must contain the parameter {name}.")


def unknown_attribute(name: str) -> ServiceError:
    """Return the error for an attribute that queues do not have."""
    return invalid_attribute_name(f"Unknown Attribute {name}.")


def invalid_attribute_name(message: str) -> ServiceError:
    """Return InvalidAttributeName."""
    return ServiceError("InvalidAttributeName", message)


def invalid_attribute_value(name: str, reason: str = "") -> ServiceError:
    """Return the error for a value that an attribute cannot have."""
    message = f"Invalid value for the parameter {name}."
    return ServiceError("InvalidAttributeValue", f"{message} Reason: {reason}" if reason else message)


def invalid_contents() -> ServiceError:
    """Return the error for characters that no message may have."""
    message = (
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | "
        "#x10000 to #x10FFFF"
    )
    return ServiceError("InvalidMessageContents", message)


def invalid_receipt(handle: str) -> ServiceError:
    """Return the error for what is no receipt handle of the queue."""
    message = f'The input receipt handle "{handle}" is not a valid receipt handle.'
    return ServiceError("ReceiptHandleIsInvalid", message)


def over_limit(message: str) -> ServiceError:
    """Return OverLimit."""
    return ServiceError("OverLimit", message, status=403)


def too_many_in_flight() -> ServiceError:
    """Return the error for receiving more messages than may be in flight."""
    return over_limit(
        "Too many messages are in flight: a queue can have at most 120000 messages that were received and not deleted."
    )


def empty_batch(operation: str) -> ServiceError:
    """Return the error for a batch without entries."""
    message = f"There should be at least one {operation}RequestEntry in the request."
    return ServiceError(f"{_BATCH}.EmptyBatchRequest", message)


def too_many_entries(count: int) -> ServiceError:
    """Return the error for a batch of more than ten entries."""
    message = f"Maximum number of entries per request are 10. You have sent {count}."
    return ServiceError(f"{_BATCH}.TooManyEntriesInBatchRequest", message)


def invalid_entry_id() -> ServiceError:
    """Return the error for an entry's id that no entry may have."""
    message = (
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
        "It can be at most 80 letters long."
    )
    return ServiceError(f"{_BATCH}.InvalidBatchEntryId", message)


def repeated_entry_id(entry_id: str) -> ServiceError:
    """Return the error for an id that two entries of a batch have."""
    return ServiceError(f"{_BATCH}.BatchEntryIdsNotDistinct", f"Id {entry_id} repeated.")


def batch_too_long(most: int, size: int) -> ServiceError:
    """Return the error for entries that are too large together."""
    message = f"Batch requests cannot be longer than {most} bytes. You have sent {size} bytes."
    return ServiceError(f"{_BATCH}.BatchRequestTooLong", message)


def not_found(message: str) -> ServiceError:
    """Return ResourceNotFoundException, which the operations on message move tasks answer."""
    return ServiceError("ResourceNotFoundException", message, status=404)


def unsupported(message: str) -> ServiceError:
    """Return UnsupportedOperation."""
    return ServiceError(f"{_BATCH}.UnsupportedOperation", message)


def access_denied(user: str, action: str, queue: str, because: str) -> ServiceError:
    """Return the error for what a queue's policy does not let somebody do."""
    message = f"User: {user} is not authorized to perform: {action.lower()} on resource: {queue} {because}"
    return ServiceError("AccessDenied", message, status=403)
