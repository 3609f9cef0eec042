"""What callers are told whom a fault strikes: each service's own throttle, and its own internal error."""

from __future__ import annotations

from collections.abc import Mapping

from lambent.cloud.errors import ServiceError

_FAILED = "The request processing has failed because of an unknown error, exception or failure."
_THROTTLES: Mapping[str, tuple[str, str, int]] = {
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
    "dynamodb": (
        "ProvisionedThroughputExceededException",
        (
            "The level of configured provisioned throughput for the table was exceeded. Consider increasing your "
            "provisioning level with the UpdateTable API."
        ),
        400,
    ),
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    "s3": ("SlowDown", "Please reduce your request rate.", 503),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    "sqs": ("RequestThrottled", "The request was denied due to request throttling.", 400),
    # https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
    "sns": ("ThrottledException", "Rate exceeded", 429),
    # https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html
    "events": ("ThrottlingException", "Rate exceeded", 400),
    "scheduler": ("ThrottlingException", "Rate exceeded", 429),
}
_FAILURES: Mapping[str, tuple[str, str]] = {
    "dynamodb": ("InternalServerError", "The request processing has failed because of an unknown error."),
    "s3": ("InternalError", "We encountered an internal error. Please try again."),
    "sqs": ("InternalFailure", _FAILED),
    "sns": ("InternalErrorException", _FAILED),
    "events": ("InternalException", _FAILED),
    "scheduler": ("InternalServerException", _FAILED),
}


def throttle_of(service: str) -> ServiceError:
    """Return what a service answers to callers that come too fast."""
    code, message, status = _THROTTLES[service]
    return ServiceError(code, message, status=status)


def failure_of(service: str) -> ServiceError:
    """Return what a service answers where it fails itself, with status 500."""
    code, message = _FAILURES[service]
    return ServiceError(code, message, status=500)
