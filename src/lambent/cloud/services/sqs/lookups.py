"""Which queue a request is about."""

from __future__ import annotations

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.sqs import errors
from lambent.cloud.services.sqs.live import LiveQueue, Queues
from lambent.cloud.services.sqs.model.queue import Address, address_in_url


def address_meant(context: RequestContext, parameters: Parameters) -> Address:
    """Return the queue that a request names by its URL, or is sent to; raises InvalidAddress, MissingParameter.

    Only the path of a URL counts: clients reach the platform by many names.
    """
    url = parameters.get("QueueUrl")
    if not url:
        found = address_in_url(context.path, context.scope.region)
        if found is None:
            raise errors.missing_parameter("QueueUrl")
        return found
    found = address_in_url(url, context.scope.region)
    if found is None:
        raise errors.invalid_address(url)
    return found


def queue_meant(queues: Queues, context: RequestContext, parameters: Parameters) -> LiveQueue:
    """Return the queue that a request names; raises NonExistentQueue, and as `address_meant`."""
    return queues.the(address_meant(context, parameters))
