"""Attributes of queues that topics and rules of any account may send to."""

from __future__ import annotations

import json

_STATEMENT = {
    "Effect": "Allow",
    "Principal": {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]},
    "Action": "sqs:SendMessage",
    "Resource": "*",
}
FROM_SERVICES = {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [_STATEMENT]})}
