"""The tags of objects.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
"""

from __future__ import annotations

from collections.abc import Iterable

from lambent.cloud.framework.tags import TagProblem, find_problem
from lambent.cloud.services.s3 import errors

_MOST = 10
_TEXTS = {
    TagProblem.KEY_LENGTH: "The TagKey you have provided is invalid",
    TagProblem.KEY_CHARACTERS: "The TagKey you have provided is invalid",
    TagProblem.VALUE_LENGTH: "The TagValue you have provided is invalid",
    TagProblem.VALUE_CHARACTERS: "The TagValue you have provided is invalid",
    TagProblem.RESERVED_PREFIX: "Your TagKey cannot be prefixed with aws:",
    TagProblem.TOO_MANY: "Object tags cannot be greater than 10",
}


def checked_tags(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return tags that an object may have; raises InvalidTag and BadRequest."""
    tags: dict[str, str] = {}
    for key, value in pairs:
        if key in tags:
            raise errors.invalid_tag("Cannot provide multiple Tags with the same key")
        tags[key] = value
    if len(tags) > _MOST:
        raise errors.bad_request(_TEXTS[TagProblem.TOO_MANY])
    problem = find_problem(tags)
    if problem is not None:
        raise errors.invalid_tag(_TEXTS[problem])
    return tags
