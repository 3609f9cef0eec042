"""Events of EventBridge and its scheduler, and of CloudWatch alarms.

https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lambent.aws.events.kind import Event, Kind, Values


def _envelope(values: Values, source: str, kind: str, resources: list[str], detail: Event) -> Event:
    return {
        "version": "0",
        "id": values.ids.uuid(),
        "detail-type": kind,
        "source": source,
        "account": values.account,
        "time": values.time(milliseconds=False),
        "region": values.region,
        "resources": resources,
        "detail": detail,
    }


def _custom(values: Values) -> Event:
    return _envelope(values, values["source"], values["detail-type"], [], values.json("detail"))


def _scheduled(values: Values) -> Event:
    return _envelope(values, "aws.events", "Scheduled Event", [values.arn("events", f"rule/{values['rule']}")], {})


def _s3(values: Values) -> Event:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    detail = {
        "version": "0",
        "bucket": {"name": values["bucket"]},
        "object": {
            "key": values["key"],
            "size": int(values["size"]),
            "etag": values.ids.hex(32),
            "sequencer": values.ids.hex(18).upper(),
        },
        "request-id": values.ids.base32(16),
        "requester": values.account,
        "source-ip-address": "203.0.113.1",
        "reason": "PutObject",
    }
    return _envelope(values, "aws.s3", "Object Created", [f"arn:aws:s3:::{values['bucket']}"], detail)


def _ec2(values: Values) -> Event:
    instance = values["instance"]
    arn = values.arn("ec2", f"instance/{instance}")
    detail = {"instance-id": instance, "state": values["state"]}
    return _envelope(values, "aws.ec2", "EC2 Instance State-change Notification", [arn], detail)


def _schedule(values: Values) -> Event:
    # The schedule's Input as it is, its keywords replaced.
    return values.json("input")


def _notification(values: Values) -> Event:
    # What a target without Input gets; its detail is text.
    arn = values.arn("scheduler", f"schedule/default/{values['schedule']}")
    return _envelope(values, "aws.scheduler", "Scheduled Event", [arn], "{}")


def _alarm(values: Values) -> Event:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
    at = values.time().replace("Z", "+0000")
    return {
        "source": "aws.cloudwatch",
        "alarmArn": values.arn("cloudwatch", f"alarm:{values['alarm']}"),
        "accountId": values.account,
        "time": at,
        "region": values.region,
        "alarmData": {
            "alarmName": values["alarm"],
            "state": {
                "value": values["state"],
                "reason": "Threshold Crossed: 1 datapoint was greater than the threshold (1.0).",
                "reasonData": "{}",
                "timestamp": at,
            },
            "previousState": {"value": "OK", "reason": "no data", "reasonData": "{}", "timestamp": at},
            "configuration": {
                "description": "",
                "metrics": [
                    {
                        "id": values.ids.uuid(),
                        "metricStat": {
                            "metric": {"namespace": "AWS/Lambda", "name": "Errors", "dimensions": {}},
                            "period": 60,
                            "stat": "Sum",
                        },
                        "returnData": True,
                    }
                ],
            },
        },
    }


def _kinds() -> Iterator[Kind]:
    custom = {"source": "com.example.orders", "detail-type": "Order placed", "detail": '{"orderId": "1"}'}
    yield Kind("eventbridge", "event", "an event that was put on a bus", _custom, custom)
    yield Kind("eventbridge", "scheduled", "a rule with a schedule fires", _scheduled, {"rule": "example-rule"})
    created = {"bucket": "example-bucket", "key": "test/key.txt", "size": "1024"}
    yield Kind("eventbridge", "s3-object-created", "S3 tells EventBridge of an object", _s3, created)
    instance = {"instance": "i-0123456789abcdef0", "state": "running"}
    yield Kind("eventbridge", "ec2-state", "an instance changed its state", _ec2, instance)
    yield Kind("scheduler", "schedule", "EventBridge Scheduler sends a schedule's input", _schedule, {"input": "{}"})
    named = {"schedule": "example-schedule"}
    yield Kind("scheduler", "default", "EventBridge Scheduler fires a schedule without input", _notification, named)
    yield Kind("cloudwatch", "alarm", "an alarm's action", _alarm, {"alarm": "example-alarm", "state": "ALARM"})


KINDS: Final = tuple(_kinds())
