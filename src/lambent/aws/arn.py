"""Amazon Resource Names, and the ways in which Lambda lets a function be named."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace

_REGION = r"(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d"
# The pattern of FunctionName in Lambda's model, its parts named:
# https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html
_FUNCTION = re.compile(
    r"(?:arn:(?P<partition>aws[a-zA-Z-]*)?:lambda:)?"
    rf"(?:(?P<region>{_REGION}):)?"
    r"(?:(?P<account>\d{12}):)?"
    r"(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_.]+)"
    r"(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)


class MalformedArnError(ValueError):
    """The text is not an ARN."""


class MalformedFunctionIdentifierError(ValueError):
    """The text names no function in any of the forms that Lambda accepts."""


@dataclass(frozen=True, slots=True)
class Arn:
    """`arn:partition:service:region:account:resource`; region and account are empty where the resource has none."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Arn:
        """Return the parts of `text`; raises MalformedArnError."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not (parts[1] and parts[2] and parts[5]):
            raise MalformedArnError(f"not an ARN: {text!r}")
        return cls(*parts[1:])

    @property
    def resource_type(self) -> str:
        """What stands before the resource's first `:` or `/`; empty where there is neither, as in an SQS queue's."""
        found = re.search("[:/]", self.resource)
        return self.resource[: found.start()] if found else ""

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


@dataclass(frozen=True, slots=True)
class FunctionIdentifier:
    """A function as a request names it: what the text did not say is None.

    >>> FunctionIdentifier.parse("123456789012:function:resize:prod")
    FunctionIdentifier(name='resize', qualifier='prod', account='123456789012', region=None, partition=None)
    """

    name: str
    qualifier: str | None = None
    account: str | None = None
    region: str | None = None
    partition: str | None = None

    @classmethod
    def parse(cls, text: str) -> FunctionIdentifier:
        """Return the parts of a name, `account:function:name`, or ARN, each with or without `:qualifier`.

        Raises MalformedFunctionIdentifierError.
        """
        found = _FUNCTION.fullmatch(text)
        # An ARN leaves nothing out, though the pattern would let it.
        is_arn = text.startswith("arn:")
        if found is None or (is_arn and not (found["partition"] and found["region"] and found["account"])):
            raise MalformedFunctionIdentifierError(f"names no function: {text!r}")
        return cls(found["name"], found["qualifier"], found["account"], found["region"], found["partition"])

    def unqualified(self) -> FunctionIdentifier:
        """Return the same without its qualifier."""
        return replace(self, qualifier=None)


def function_arn(region: str, account: str, name: str, qualifier: str | None = None) -> str:
    """Return the ARN of a function, or of its version or alias."""
    suffix = f":{qualifier}" if qualifier else ""
    return f"arn:{partition_of(region)}:lambda:{region}:{account}:function:{name}{suffix}"


def queue_url(queue: Arn) -> str:
    """Return the URL of a queue, as SQS's own host has it."""
    return f"https://sqs.{queue.region}.amazonaws.com/{queue.account}/{queue.resource}"


@functools.cache
def partition_of(region: str) -> str:
    """Return the partition a region is in, such as `aws`, `aws-cn` or `aws-us-gov`.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    for prefix, partition in _PARTITIONS:
        if region.startswith(prefix):
            return partition
    return "aws"


_PARTITIONS = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-isob-", "aws-iso-b"),
    ("us-isof-", "aws-iso-f"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-iso-", "aws-iso"),
    ("eusc-", "aws-eusc"),
)
