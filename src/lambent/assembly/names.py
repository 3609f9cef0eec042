"""The platform's own services by their botocore names, for those who only name them."""

from __future__ import annotations

from typing import Final

DYNAMODB: Final = ("dynamodb", "dynamodbstreams")
NAMES: Final = (
    *("iam", "sts", "logs", "sqs"),
    *DYNAMODB,
    *("lambda", "sns", "events", "s3", "cloudformation", "scheduler", "ec2", "cloudwatch"),
)
"""In the order in which they start."""
