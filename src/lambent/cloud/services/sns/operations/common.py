"""What the operations of Amazon SNS share: finding topics and subscriptions, and pages of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.paging import InvalidMarkerError, Page, decode_marker
from lambent.cloud.framework.service import Result
from lambent.cloud.services.sns import repository
from lambent.cloud.services.sns.errors import invalid_parameter, subscription_not_found, topic_not_found
from lambent.cloud.services.sns.model.names import subscription_of, topic_of
from lambent.cloud.services.sns.model.subscription import Subscription
from lambent.cloud.services.sns.model.topic import Topic
from lambent.cloud.store.unit_of_work import Reader, Store, Transaction

T = TypeVar("T")
PAGE = 100


def the_topic(reader: Reader, context: RequestContext, arn: str) -> Topic:
    """Return the topic; raises NotFound, and InvalidParameter for no ARN of a topic in this region."""
    found = repository.topic(reader, topic_of(arn, context.scope))
    if found is None:
        raise topic_not_found()
    return found


def the_subscription(reader: Reader, context: RequestContext, arn: str) -> Subscription:
    """Return the subscription; raises NotFound, and InvalidParameter for no ARN of one in this region."""
    found = repository.subscription(reader, *subscription_of(arn, context.scope))
    if found is None:
        raise subscription_not_found()
    return found


async def change_topic(store: Store, context: RequestContext, arn: str, change: Callable[[Topic], Topic]) -> None:
    """Replace a topic by what `change` makes of it; raises as `the_topic`."""

    def work(transaction: Transaction) -> None:
        repository.change_topic(transaction, change(the_topic(transaction, context, arn)))

    await store.write(work)


def position_of(token: str | None) -> str:
    """Return the key that a page begins behind, "" without a token; raises InvalidParameter for a foreign token."""
    try:
        return decode_marker(token) if token else ""
    except InvalidMarkerError as error:
        raise invalid_parameter("NextToken") from error


def listing(member: str, page: Page[T], show: Callable[[T], Mapping[str, str]]) -> Result:
    """Return the answer of a list call."""
    answer: dict[str, object] = {member: [show(item) for item in page.items]}
    return answer if page.next_marker is None else {**answer, "NextToken": page.next_marker}
