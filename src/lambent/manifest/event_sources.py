"""What invokes functions and what they work with: triggers, grants, buckets, queues, topics, tables, buses, rules.

Wherever a resource of the manifest is wanted its key is enough (`queue: jobs`); an ARN or a reference serves as well.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from lambent.manifest.expression import Expression
from lambent.manifest.node import DeadLetter, Document, Node, Retry, Seconds, Tags, Texts, Words

Json = Any  # Any: what a handler is given, as YAML has it
View = Literal["keys", "new", "old", "both"]


class Transformer(Node):
    """What a target gets in place of the event: a text with what was found in the event."""

    paths: dict[str, str] = {}
    """JSON paths into the event by the names that the template uses."""
    template: str
    """The text, with each name as `<name>`."""


class Schedule(Node):
    """A schedule of EventBridge Scheduler. Plain text is its expression."""

    expression: Expression
    """`rate(5 minutes)`, `cron(0 8 ? * MON-FRI *)` or `at(2027-01-01T00:00:00)`."""
    timezone: str | None = None
    """The time zone that cron and at expressions are in; UTC where none is given."""
    input: Json = None
    """The event that the function gets; without it, the time and the schedule's ARN."""
    enabled: bool = True
    """Whether it fires."""
    window: Seconds | None = None
    """How much later it may fire, in whole minutes, so that many do not fire at once."""
    retry: Retry | None = None
    """How often, and for how long, an invocation that is refused is tried again: up to 185 times, 1 min to 24 h."""
    dead_letter: Expression | None = None
    """A queue for what could not be delivered."""
    start: str | None = None
    """When it begins, as 2027-01-01T00:00:00Z."""
    end: str | None = None
    """When it ends."""
    description: str | None = None
    """What it is for."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_the_expression(cls, value: object) -> object:
        return {"expression": value} if isinstance(value, str) else value


class ObjectTrigger(Node):
    """Objects of a bucket of this manifest. Plain text is the bucket."""

    bucket: Expression
    """The bucket's key."""
    events: Words = ("created",)
    """`created`, `removed`, `restored`, or events as S3 names them, such as `s3:ObjectCreated:Put`."""
    prefix: str | None = None
    """How their keys begin."""
    suffix: str | None = None
    """How their keys end."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_the_bucket(cls, value: object) -> object:
        return {"bucket": value} if isinstance(value, str) else value


class QueueTrigger(Node):
    """Messages of a queue, by an event source mapping. Plain text is the queue."""

    queue: Expression
    """The queue's key or ARN."""
    batch_size: int | None = None
    """Messages at most in one invocation, 10 where nothing is said."""
    window: Seconds | None = None
    """How long messages are gathered, up to 5 min."""
    max_concurrency: int | None = None
    """Invocations at most at the same time, 2 to 1,000."""
    filter: list[Document] = []
    """Patterns of which one has to match; other messages are dropped."""
    partial_failures: bool = False
    """The function returns which messages failed (`batchItemFailures`); only those come again."""
    enabled: bool = True
    """Whether messages are read."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_the_queue(cls, value: object) -> object:
        return {"queue": value} if isinstance(value, str) else value


class TopicTrigger(Node):
    """Notifications of a topic. Plain text is the topic."""

    topic: Expression
    """The topic's key or ARN."""
    filter: Document | None = None
    """A filter policy."""
    filter_by: Literal["attributes", "body"] = "attributes"
    """What the filter policy looks at."""
    dead_letter: Expression | None = None
    """A queue for what could not be delivered."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_the_topic(cls, value: object) -> object:
        return {"topic": value} if isinstance(value, str) else value


class EventTrigger(Node):
    """Events of a bus that match a pattern."""

    pattern: Document
    """The event pattern."""
    bus: Expression | None = None
    """The bus's key, name or ARN; the account's default bus where none is given."""
    input: Json = None
    """What the function gets in place of the event."""
    input_path: str | None = None
    """The part of the event that it gets, as a JSON path."""
    transformer: Transformer | None = None
    """A text made of the event, which it gets in its place."""
    retry: Retry | None = None
    """How often, and for how long, an invocation that is refused is tried again: up to 185 times, 1 min to 24 h."""
    dead_letter: Expression | None = None
    """A queue for what could not be delivered."""
    enabled: bool = True
    """Whether the rule matches events."""


class StreamTrigger(Node):
    """Records of a DynamoDB or Kinesis stream, by an event source mapping. Plain text is the table or stream."""

    source: Expression
    """A table's key, or a stream's ARN."""
    start: str = "latest"
    """`latest`, `trim_horizon`, or a moment (Kinesis) as 2027-01-01T00:00:00Z."""
    batch_size: int | None = None
    """Records at most in one invocation, 100 where nothing is said."""
    window: Seconds | None = None
    """How long records are gathered, up to 5 min."""
    parallelization: int | None = None
    """Batches of one shard at the same time, 1 to 10."""
    retry: Retry | None = None
    """How often a batch is tried again, and up to which age of its records; without end where nothing is said."""
    bisect: bool = False
    """Split a batch that failed in two."""
    tumbling_window: Seconds | None = None
    """Aggregate over windows of so long, up to 15 min."""
    filter: list[Document] = []
    """Patterns of which one has to match; other records are skipped."""
    partial_failures: bool = False
    """The function returns which records failed (`batchItemFailures`)."""
    on_failure: Expression | None = None
    """A queue, topic or bucket that is told of batches that were given up."""
    enabled: bool = True
    """Whether records are read."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_the_source(cls, value: object) -> object:
        return {"source": value} if isinstance(value, str) else value


class Trigger(Node):
    """What invokes a function: exactly one of these."""

    schedule: Schedule | None = None
    """Moments."""
    s3: ObjectTrigger | None = None
    """Objects of a bucket."""
    sqs: QueueTrigger | None = None
    """Messages of a queue."""
    sns: TopicTrigger | None = None
    """Notifications of a topic."""
    event: EventTrigger | None = None
    """Events of a bus."""
    stream: StreamTrigger | None = None
    """Records of a stream."""


class Grant(Node):
    """What a function may do, and with which resources: keys of this manifest, or references to them."""

    read: Texts = ()
    """Get and list objects of buckets; get, query and scan items of tables."""
    write: Texts = ()
    """Put objects into buckets; put, update and delete items of tables."""
    delete: Texts = ()
    """Delete objects of buckets, and items of tables."""
    send: Texts = ()
    """Send messages to queues; publish to topics; put events on buses."""
    receive: Texts = ()
    """Receive and delete messages of queues."""
    invoke: Texts = ()
    """Invoke functions."""
    encrypt: Texts = ()
    """Encrypt with keys."""
    decrypt: Texts = ()
    """Decrypt with keys."""


class Lifecycle(Node):
    """When objects of a bucket go, or go elsewhere."""

    prefix: str | None = None
    """How the keys begin that it is about; all where none is given."""
    expire: int | None = None
    """Days after which objects are deleted."""
    expire_noncurrent: int | None = None
    """Days after which versions that were replaced are deleted."""
    abort_uploads: int | None = None
    """Days after which multipart uploads that were not completed are given up."""
    transitions: dict[str, int] = {}
    """Days after which objects go to a storage class, by its name: `{STANDARD_IA: 30}`."""


class Notification(Node):
    """Events of a bucket that are sent to a queue or topic of this manifest."""

    to: Expression
    """The queue's or topic's key."""
    events: Words = ("created",)
    """`created`, `removed`, `restored`, or events as S3 names them."""
    prefix: str | None = None
    """How their keys begin."""
    suffix: str | None = None
    """How their keys end."""


class Bucket(Node):
    """An S3 bucket: closed to the public, encrypted, its objects the account's own."""

    name: Expression | None = None
    """Its name; `<stack>-<key>-<account>-<region>` where none is given, since names are shared by all of AWS."""
    versioning: bool = False
    """Keep what is replaced or deleted."""
    key: Expression | None = None
    """The KMS key that encrypts objects: an ARN or `${keys.NAME}`; S3's own where none is given."""
    lifecycle: list[Lifecycle] = []
    """When objects go."""
    notify: list[Notification] = []
    """Queues and topics that are told of changes; functions have triggers for it."""
    event_bus: bool = False
    """Put its events on the account's default bus."""
    retain: bool = False
    """Keep it when the stack goes; otherwise that fails as long as it has objects."""
    tags: Tags = {}
    """Tags."""


class Queue(Node):
    """An SQS queue, encrypted."""

    name: Expression | None = None
    """Its name; `<stack>-<key>` where none is given, with `.fifo` behind that of a FIFO queue."""
    fifo: bool = False
    """Keep the order of messages within a group, and take each once."""
    deduplicate: bool = False
    """Of messages with the same body within five minutes take one; of FIFO queues."""
    visibility: Seconds | None = None
    """How long a received message is hidden; six times the timeout of the function it triggers, 30 s without one."""
    retention: Seconds | None = None
    """How long messages are kept, 1 min to 14 d; 4 d where nothing is said."""
    delay: Seconds | None = None
    """How long messages are held back, up to 15 min."""
    wait: Seconds | None = None
    """How long a receiver waits for messages, up to 20 s."""
    max_size: int | None = None
    """Bytes of a message at most."""
    dead_letter: DeadLetter | None = None
    """A queue for messages that were received too often; `true` makes one that keeps them 14 days."""
    max_receives: int = 3
    """How often a message is received before it goes there."""
    key: Expression | None = None
    """The KMS key that encrypts messages; SQS's own where none is given."""
    tags: Tags = {}
    """Tags."""


class Subscription(Node):
    """Somebody who gets a topic's notifications: exactly one of e-mail, queue and URL; functions have triggers."""

    email: Expression | None = None
    """An e-mail address, which has to confirm."""
    queue: Expression | None = None
    """A queue's key or ARN."""
    url: Expression | None = None
    """An address that takes POST requests, and has to confirm."""
    filter: Document | None = None
    """A filter policy."""
    filter_by: Literal["attributes", "body"] = "attributes"
    """What the filter policy looks at."""
    raw: bool = False
    """Deliver the message alone, without what SNS puts around it."""
    dead_letter: Expression | None = None
    """A queue for what could not be delivered."""


class Topic(Node):
    """An SNS topic."""

    name: Expression | None = None
    """Its name; `<stack>-<key>` where none is given, with `.fifo` behind that of a FIFO topic."""
    fifo: bool = False
    """Keep the order of messages within a group, and take each once."""
    deduplicate: bool = False
    """Of messages with the same body within five minutes take one; of FIFO topics."""
    display_name: str | None = None
    """The sender that e-mails show."""
    subscriptions: list[Subscription] = []
    """Who gets its notifications besides functions."""
    key: Expression | None = None
    """The KMS key that encrypts messages."""
    tags: Tags = {}
    """Tags."""


AttributeType = Literal["string", "number", "binary"]
KeyAttribute = str | dict[str, AttributeType]


class Index(Node):
    """A global secondary index."""

    key: KeyAttribute
    """Its partition key: an attribute, of text unless it says otherwise: `{count: number}`."""
    sort: KeyAttribute | None = None
    """Its sort key."""
    attributes: Words | None = None
    """The attributes it has besides the keys; all where nothing is said."""


class Table(Node):
    """A DynamoDB table, billed by request unless it says otherwise."""

    name: Expression | None = None
    """Its name; `<stack>-<key>` where none is given."""
    key: KeyAttribute
    """Its partition key: an attribute, of text unless it says otherwise: `{count: number}`."""
    sort: KeyAttribute | None = None
    """Its sort key."""
    indexes: dict[str, Index] = {}
    """Global secondary indexes by name."""
    ttl: str | None = None
    """The attribute that says when an item expires, in seconds since 1970."""
    stream: View | None = None
    """What its stream tells of each change; `both` images where a function has a `stream` trigger."""
    capacity: dict[Literal["read", "write"], int] | None = None
    """Capacity units to be provisioned; without them requests are billed."""
    encryption_key: Expression | None = None
    """The KMS key that encrypts it; DynamoDB's own where none is given."""
    backups: bool = False
    """Point-in-time recovery."""
    protect: bool = False
    """Refuse to delete it."""
    retain: bool = False
    """Keep it when the stack goes."""
    tags: Tags = {}
    """Tags."""


class Bus(Node):
    """An event bus."""

    name: Expression | None = None
    """Its name; `<stack>-<key>` where none is given."""
    archive: int | None = None
    """Days for which its events are kept, to be replayed; 0 keeps them for ever."""
    dead_letter: Expression | None = None
    """A queue for events that no target could be given."""
    key: Expression | None = None
    """The KMS key that encrypts events."""
    tags: Tags = {}
    """Tags."""


class Target(Node):
    """What a rule sends events to. Plain text is the resource."""

    to: Expression
    """A function, queue, topic or bus by its key, or an ARN."""
    input: Json = None
    """What it gets in place of the event."""
    input_path: str | None = None
    """The part of the event that it gets, as a JSON path."""
    transformer: Transformer | None = None
    """A text made of the event, which it gets in its place."""
    group: str | None = None
    """The message group, of a FIFO queue."""
    retry: Retry | None = None
    """How often, and for how long, it is tried again: up to 185 times, 1 min to 24 h."""
    dead_letter: Expression | None = None
    """A queue for what could not be delivered."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_the_resource(cls, value: object) -> object:
        return {"to": value} if isinstance(value, str) else value


class Rule(Node):
    """A rule of an event bus."""

    name: Expression | None = None
    """Its name; `<stack>-<key>` where none is given."""
    pattern: Document | None = None
    """The event pattern."""
    schedule: Expression | None = None
    """A rate or cron expression, of the default bus."""
    bus: Expression | None = None
    """The bus's key, name or ARN; the account's default bus where none is given."""
    targets: list[Target]
    """What its events are sent to, five at most."""
    enabled: bool = True
    """Whether it matches events."""
    description: str | None = None
    """What it is for."""
