"""The system under load: every way in which an event reaches a function, each with a place for what fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambent.testing.builders import create_function, zip_of
from lambent.testing.clients import Clients

Client = Any  # Any: boto3's clients are classes made at run time
FUNCTION = Path(__file__).with_name("function.py")
PREFIX = "arn:aws:{}:us-east-1:000000000000:{}"
SERVICES = ("iam", "lambda", "s3", "sqs", "sns", "events", "scheduler", "dynamodb", "dynamodbstreams")
HANDLED_AT_MOST = 3
"""How often a message is received before it goes where its redrive policy says."""


@dataclass(frozen=True, slots=True)
class Sink:
    """A place that events of a flow come to: a function of that name, or a queue; `groups` are kept in order."""

    flow: str
    groups: int = 0
    takes: str = ""
    """Which kind of the flow's events it takes; all but the lost ones where it says nothing, all for `*`."""
    limit: int = 0
    """How often a message is received at the most; 0 where that is not counted."""

    def is_owed(self, name: str) -> bool:
        """Whether an event of the flow has to come here."""
        if self.takes == "*":
            return True
        return name.endswith("_lost") == (self.takes == "lost")


SINKS: Mapping[str, Sink] = {
    "objects": Sink("objects"),
    "orders": Sink("orders", limit=HANDLED_AT_MOST),
    "lines": Sink("lines", groups=7, limit=HANDLED_AT_MOST),
    "news_queue": Sink("news", limit=HANDLED_AT_MOST),
    "news_function": Sink("news"),
    "bus_function": Sink("bus"),
    "bus_lost": Sink("bus", takes="lost"),
    "calls": Sink("calls"),
    "calls_ended": Sink("calls", takes="*"),
    "items": Sink("items", groups=5),
    "schedules": Sink("schedules"),
}
MESSAGES = {"orders": "orders", "lines": "lines.fifo", "news_queue": "news"}
"""The functions that are mapped to queues, with their queues."""
DEAD = {"orders": "orders-dead", "lines": "lines-dead.fifo", "news_queue": "news-dead"}
EVENTS = ("objects", "news_function", "bus_function", "calls", "schedules", "ticks")
RESULTS = ("calls-ended", "bus-dead")
"""The queues that are read all the time: there is something in them for every event."""
LETTERS = (*DEAD.values(), "items-given-up", "undelivered")
_ALLOWED = ["sqs:*", "dynamodb:*", "lambda:InvokeFunction"]
_TRUSTED = ["lambda.amazonaws.com", "scheduler.amazonaws.com"]


@dataclass(frozen=True, slots=True)
class Times:
    """How long a received message is hidden, and how often an event that failed is tried again."""

    visibility_s: int = 6
    retries: int = 1


def make_system(clients: Clients, collector: int, times: Times) -> None:
    """Make all of it; functions tell a collector on that port."""
    for service in SERVICES:
        clients.get(service)  # threads may share clients, but not make them
    role = _role(clients.get("iam"))
    _queues(clients.get("sqs"), times)
    for name in (*MESSAGES, "items", *EVENTS):
        kind = "messages" if name in MESSAGES else "changes" if name == "items" else "event"
        create_function(
            clients.get("lambda"),
            clients.get("iam"),
            name,
            zip_of({"function.py": FUNCTION.read_text(encoding="utf-8")}),
            Runtime="python3.11",
            Role=role,
            Handler="function.handler",
            Timeout=times.visibility_s,
            Environment={"Variables": {"KIND": kind, "COLLECTOR": str(collector)}},
        )
    _mappings(clients, times)
    _events(clients, times)


def url_of(clients: Clients, queue: str) -> str:
    """Return a queue's URL, as the platform at the clients' address has it."""
    return f"{clients.get('sqs').meta.endpoint_url}/000000000000/{queue}"


def queue_arn(name: str) -> str:
    """Return a queue's ARN."""
    return PREFIX.format("sqs", name)


def function_arn(name: str) -> str:
    """Return a function's ARN."""
    return PREFIX.format("lambda", f"function:{name}")


def _role(iam: Client) -> str:
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": _TRUSTED}, "Action": "sts:AssumeRole"}]}
    role: str = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": _ALLOWED, "Resource": "*"}]}
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(policy))
    return role


def _queues(sqs: Client, times: Times) -> None:
    senders = {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}
    statement = {"Effect": "Allow", "Principal": senders, "Action": "sqs:SendMessage", "Resource": "*"}
    policy = {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}
    for name in (*LETTERS, *RESULTS):
        sqs.create_queue(QueueName=name, Attributes={**policy, **_fifo(name)})
    for function, name in MESSAGES.items():
        redrive = {"deadLetterTargetArn": queue_arn(DEAD[function]), "maxReceiveCount": HANDLED_AT_MOST}
        attributes = {
            **policy,
            **_fifo(name),
            "VisibilityTimeout": str(times.visibility_s),
            "RedrivePolicy": json.dumps(redrive),
        }
        sqs.create_queue(QueueName=name, Attributes=attributes)


def _fifo(name: str) -> dict[str, str]:
    return {"FifoQueue": "true"} if name.endswith(".fifo") else {}


def _mappings(clients: Clients, times: Times) -> None:
    functions = clients.get("lambda")
    reports = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
    for name, queue in MESSAGES.items():
        functions.create_event_source_mapping(FunctionName=name, EventSourceArn=queue_arn(queue), **reports)
    table = clients.get("dynamodb").create_table(
        TableName="items",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    functions.create_event_source_mapping(
        FunctionName="items",
        EventSourceArn=table["LatestStreamArn"],
        StartingPosition="TRIM_HORIZON",
        BatchSize=50,
        MaximumRetryAttempts=times.retries + 1,
        BisectBatchOnFunctionError=True,
        DestinationConfig={"OnFailure": {"Destination": queue_arn("items-given-up")}},
        **reports,
    )


def _events(clients: Clients, times: Times) -> None:
    functions = clients.get("lambda")
    ended = {"Destination": queue_arn("calls-ended")}
    for name in EVENTS:
        elsewhere = {"OnFailure": {"Destination": queue_arn("undelivered")}}
        functions.put_function_event_invoke_config(
            FunctionName=name,
            MaximumRetryAttempts=times.retries,
            DestinationConfig={"OnSuccess": ended, "OnFailure": ended} if name == "calls" else elsewhere,
        )
        for service in ("s3", "sns", "events"):
            functions.add_permission(
                FunctionName=name,
                StatementId=service,
                Action="lambda:InvokeFunction",
                Principal=f"{service}.amazonaws.com",
            )
    _bucket(clients.get("s3"))
    _topic(clients.get("sns"))
    _rules(clients.get("events"))


def _bucket(s3: Client) -> None:
    s3.create_bucket(Bucket="things")
    notified = {"LambdaFunctionArn": function_arn("objects"), "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket="things", NotificationConfiguration={"LambdaFunctionConfigurations": [notified]}
    )


def _topic(sns: Client) -> None:
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn("news"))
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function_arn("news_function"))


def _rules(events: Client) -> None:
    """Make a rule for a function, one whose queue is not there and which has a queue for that, and one each minute."""
    found = {"source": ["endurance"], "detail-type": ["found"]}
    lost = {"source": ["endurance"], "detail-type": ["lost"]}
    dead = {"Arn": queue_arn("bus-dead")}
    events.put_rule(Name="found", EventPattern=json.dumps(found))
    events.put_targets(Rule="found", Targets=[{"Id": "1", "Arn": function_arn("bus_function")}])
    events.put_rule(Name="lost", EventPattern=json.dumps(lost))
    events.put_targets(Rule="lost", Targets=[{"Id": "1", "Arn": queue_arn("absent"), "DeadLetterConfig": dead}])
    events.put_rule(Name="ticks", ScheduleExpression="rate(1 minute)")
    events.put_targets(Rule="ticks", Targets=[{"Id": "1", "Arn": function_arn("ticks")}])
