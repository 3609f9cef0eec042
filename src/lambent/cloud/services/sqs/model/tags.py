"""Tags of queues.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-tags.html
"""

from __future__ import annotations

from collections.abc import Mapping

from lambent.cloud.framework.tags import MOST_TAGS, TagProblem, find_problem
from lambent.cloud.services.sqs import errors


def check_tags(added: Mapping[str, str], present: Mapping[str, str], *, by_aws: bool) -> None:
    """Raise InvalidParameterValue for tags that a queue cannot have; AWS's own services may set `aws:` tags."""
    own = {key: value for key, value in added.items() if not (by_aws and key.startswith("aws:"))}
    problem = find_problem(own, present)
    if problem is TagProblem.TOO_MANY:
        raise errors.invalid_parameter(f"Too many tags added for queue. The maximum is {MOST_TAGS}.")
    if problem is TagProblem.RESERVED_PREFIX:
        raise errors.invalid_parameter("Tag keys must not begin with 'aws:': it is reserved for AWS use.")
    if problem is not None:
        raise errors.invalid_parameter(
            "Tag keys must be between 1 and 128 characters in length and tag values at most 256, of letters, digits, "
            "white space and _.:/=+-@."
        )
