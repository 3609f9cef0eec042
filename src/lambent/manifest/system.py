"""The manifest's model: what `lambent.yaml` says, as frozen values; the same classes build a system in Python.

Only what one value can show by itself is refused here (an unknown key, a wrong type, a word that is not in a list).
What AWS's rules say of values and of their combinations is told by `checks`, each rule with AWS's own message.
"""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from lambent.manifest.event_sources import Bucket, Bus, Grant, Queue, Rule, Table, Topic, Trigger
from lambent.manifest.expression import Expression, Reference, parse_expression
from lambent.manifest.node import DeadLetter, Document, Node, Retry, Seconds, Tags, Texts, Words

__all__ = ["Expression", "Reference", "parse_expression"]

Architecture = Literal["x86_64", "arm64"]


class Parameter(Node):
    """A value given from outside, with `--set name=value`; put in before anything else is read."""

    type: Literal["string", "number", "boolean", "list"] = "string"
    """What it is; a list is given as `a,b,c`."""
    default: str | int | float | bool | list[str] | None = None
    """Its value where none is given; without a default it must be given."""
    allowed: list[str | int | float] | None = None
    """The values it may have."""
    pattern: str | None = None
    """A regular expression that the whole value matches."""
    description: str = ""
    """What it is for."""
    secret: bool = False
    """Keep it out of the template: it becomes a CloudFormation parameter that is not echoed."""


class S3Code(Node):
    """A zip in a bucket of the same region."""

    bucket: Expression
    """The bucket's name."""
    key: Expression
    """The object's key."""
    version: Expression | None = None
    """The object's version; without it, what the key holds at the time of deployment."""


class Code(Node):
    """Where a function's or a layer's code comes from: exactly one of these. Plain text is a folder or a zip."""

    path: str | None = None
    """A folder, packaged with what its requirements.txt or package.json names; a zip; one file. Beside the manifest."""
    s3: S3Code | None = None
    """A zip in a bucket."""
    image: Expression | None = None
    """A container image in ECR."""
    inline: str | None = None
    """The code itself, as index.py or index.js; 4 MB at most."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_a_path(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return {"image": value} if ".dkr.ecr." in value or value.startswith("public.ecr.aws/") else {"path": value}


class Vpc(Node):
    """The network a function is attached to; nothing is attached where both lists are empty."""

    subnets: Texts = ()
    """Subnet ids or references, in at least two Availability Zones."""
    security_groups: Texts = ()
    """Security group ids or references."""
    discover: Expression | None = None
    """A VPC id: its subnets (at most three, of different zones) and its default security group are looked up."""
    ipv6: bool = False
    """Allow outbound IPv6 traffic to dual-stack subnets."""


class Logs(Node):
    """Where and how a function logs. By default a log group of its own, kept for 30 days, as text."""

    group: Expression | None = None
    """A shared log group (`${log_groups.NAME}` or a name) in place of `/aws/lambda/<function>`."""
    retention: int | None = None
    """Days the own log group keeps events."""
    format: Literal["text", "json"] | None = None
    """Plain text or JSON."""
    level: Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] | None = None
    """The least level of the function's own lines; needs JSON."""
    system_level: Literal["DEBUG", "INFO", "WARN"] | None = None
    """The least level of the platform's lines; needs JSON."""
    key: Expression | None = None
    """A KMS key that encrypts the own log group."""


class Cors(Node):
    """Cross-origin rules of a function URL."""

    origins: Words = ()
    """Origins that may call, or `*`."""
    methods: Words = ()
    """HTTP methods, or `*`."""
    headers: Words = ()
    """Request headers that may be sent."""
    expose: Words = ()
    """Response headers that scripts may read."""
    credentials: bool = False
    """Allow cookies."""
    max_age: Seconds | None = None
    """How long browsers keep the answer, at most 86,400 s."""


class Url(Node):
    """A function URL."""

    auth: Literal["none", "iam"] = "iam"
    """Who may call: anybody, or signed requests only. Anybody gets both permissions that AWS asks for."""
    mode: Literal["buffered", "response_stream"] = "buffered"
    """Whether the answer is streamed."""
    cors: Cors | None = None
    """Cross-origin rules."""


class Alias(Node):
    """An alias of the version that is published with each change of code or configuration."""

    name: str
    """Its name."""
    description: Expression | None = None
    """What it is for."""
    weights: dict[str, float] = {}
    """Share of calls that go to another published version, by its number: `{"3": 0.1}`."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_the_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value


class Managed(Node):
    """How a function uses a capacity provider (Lambda Managed Instances)."""

    provider: Expression
    """`${capacity_providers.NAME}` or an ARN."""
    memory_per_vcpu: float | None = None
    """GiB per vCPU: 2, 4 or 8."""
    max_concurrency: int | None = None
    """Requests that one execution environment handles at the same time."""
    min_environments: int | None = None
    """Execution environments kept at least."""
    max_environments: int | None = None
    """Execution environments at most."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_the_provider(cls, value: object) -> object:
        return {"provider": value} if isinstance(value, str) else value


class FunctionDefaults(Node):
    """What every function has that does not say otherwise; maps (environment, tags) are merged key by key."""

    runtime: str | None = None
    """The runtime's identifier, such as python3.13."""
    handler: str | None = None
    """The method that handles events, such as app.handler."""
    memory: int | None = None
    """Memory in MB; 128 where nothing is said."""
    timeout: Seconds | None = None
    """Seconds (or 30s, 5m); 3 where nothing is said."""
    architecture: Architecture | None = None
    """The instruction set; x86_64 where nothing is said."""
    environment: dict[str, Expression] = {}
    """Environment variables."""
    kms_key: Expression | None = None
    """The key that encrypts the environment variables: an ARN or `${keys.NAME}`."""
    layers: Texts | None = None
    """Layer versions, in order: ARNs or `${layers.NAME}`."""
    ephemeral_storage: int | None = None
    """Size of /tmp in MB; 512 where nothing is said."""
    role: Expression | None = None
    """The execution role: an ARN or `${roles.NAME}`; one with least privilege is made where none is given."""
    policies: list[Expression | Document] | None = None
    """What the generated role may do besides: managed policies by ARN or name, or policy statements."""
    vpc: Vpc | None = None
    """The network it is attached to."""
    tracing: Literal["active", "passthrough"] | None = None
    """X-Ray tracing."""
    logs: Logs | None = None
    """Where and how it logs."""
    tags: Tags = {}
    """Tags."""


class Function(FunctionDefaults):
    """A function."""

    name: Expression | None = None
    """Its name on AWS; `<stack>-<key>` where none is given."""
    description: Expression | None = None
    """What it does."""
    code: Code
    """Its code."""
    requirements: str | None = None
    """A requirements file other than the folder's requirements.txt; of Node.js, a package.json with its lock beside."""
    bundle: bool = False
    """Bundle the handler, TypeScript or JavaScript, with all that it imports, by the project's esbuild."""
    reserved_concurrency: int | None = None
    """Concurrency kept for it alone, and its limit; 0 stops it."""
    provisioned_concurrency: int | None = None
    """Execution environments initialised ahead, on its alias (or, without one, on the published version)."""
    alias: Alias | None = None
    """An alias that follows the newest published version."""
    snap_start: bool = False
    """Start published versions from a snapshot of the initialised function."""
    url: Url | None = None
    """A function URL, on the alias where there is one."""
    triggers: list[Trigger] = []
    """What invokes it: schedules, buckets, queues, topics, event buses, streams."""
    permissions: list[Grant] = []
    """What it may do with resources of this manifest, each `VERB: NAME`, such as `read: raw`, `send: jobs`."""
    dead_letter: DeadLetter | None = None
    """A queue or topic that gets events whose attempts are used up; `true` makes a queue that keeps them 14 days."""
    on_success: Expression | None = None
    """Destination of records of successful asynchronous invocations."""
    on_failure: Expression | None = None
    """Destination of records of failed asynchronous invocations."""
    retry: Retry | None = None
    """How asynchronous invocations are tried again."""
    capacity_provider: Managed | None = None
    """Run on Lambda Managed Instances."""
    depends_on: Words = ()
    """Resources of this manifest (`roles.x`) that must be there first, where no reference shows it."""


class Layer(Node):
    """A layer built from a folder, a zip, requirements, or all of them."""

    name: Expression | None = None
    """Its name on AWS; `<stack>-<key>` where none is given."""
    code: Code | None = None
    """A folder (laid out as /opt; plain packages are put where the runtime looks), a zip, or an object in S3."""
    requirements: str | None = None
    """A requirements file whose packages are put under python/; of Node.js, a package.json, under nodejs/."""
    runtimes: Words = ()
    """Runtimes it is for."""
    architecture: Architecture | None = None
    """The instruction set of its native packages."""
    description: Expression | None = None
    """What it holds."""
    license: str | None = None
    """Its licence: an SPDX identifier, or a link."""
    retain: bool = True
    """Keep older versions, which functions outside the stack may use."""


class Role(Node):
    """An IAM role."""

    name: Expression | None = None
    """Its name on AWS; CloudFormation makes one where none is given."""
    service: Words = ("lambda.amazonaws.com",)
    """Services that may assume it."""
    trust: Document | None = None
    """A trust policy in place of `service`."""
    managed_policies: Texts = ()
    """Managed policies by ARN, or by name for AWS's own (`AWSLambdaBasicExecutionRole`)."""
    policies: dict[str, Document] = {}
    """Inline policies by name."""
    permissions_boundary: Expression | None = None
    """A managed policy that bounds what it may do."""
    path: str | None = None
    """Its path, `/` where none is given."""
    description: Expression | None = None
    """What it is for."""
    tags: Tags = {}
    """Tags."""


class LogGroup(Node):
    """A log group that functions may share."""

    name: Expression | None = None
    """Its name; `/<stack>/<key>` where none is given."""
    retention: int | None = 30
    """Days it keeps events; null keeps them for ever."""
    key: Expression | None = None
    """A KMS key that encrypts it."""
    log_class: Literal["standard", "infrequent_access", "delivery"] | None = None
    """The log group class."""
    tags: Tags = {}
    """Tags."""


class Key(Node):
    """A KMS key."""

    alias: str | None = None
    """`alias/<name>`; `alias/<stack>-<key>` where none is given."""
    description: Expression | None = None
    """What it is for."""
    rotation: bool = True
    """Rotate it every year."""
    deletion_window: int | None = None
    """Days it waits, 7 to 30, before it is gone."""
    policy: Document | None = None
    """Its key policy; the account may do everything where none is given."""
    tags: Tags = {}
    """Tags."""


class ProviderLogs(Node):
    """What a capacity provider tells of its instances."""

    level: Literal["DEBUG", "INFO", "WARN"] | None = None
    """The least level of its events; INFO where nothing is said."""
    group: Expression | None = None
    """A log group (`${log_groups.NAME}` or a name) in place of `/aws/lambda/capacity-provider/<name>`."""


class CapacityProvider(Node):
    """Where Managed Instances run."""

    name: Expression | None = None
    """Its name on AWS; `<stack>-<key>` where none is given."""
    vpc: str | None = None
    """A VPC id, or `default`: without `subnets` those to use are looked up in it, one of each Availability Zone."""
    subnets: Texts = ()
    """Subnet ids or references, in at least two Availability Zones."""
    security_groups: Texts | None = None
    """Security group ids or references; one with egress alone is made where none is given, `[]` is the VPC's own."""
    operator_role: Expression | None = None
    """The role with which Lambda runs the instances; one is made where none is given."""
    architecture: Architecture | None = None
    """The instances' instruction set."""
    instance_types: Words = ()
    """Instance types that may be used."""
    excluded_instance_types: Words = ()
    """Instance types that may not."""
    scaling: Literal["Auto", "Manual"] | None = None
    """Who chooses the scaling targets."""
    target_cpu: float | None = None
    """The average CPU utilisation in per cent that Manual scaling holds."""
    max_vcpus: int | None = None
    """vCPUs at most, 400 where nothing is said."""
    kms_key: Expression | None = None
    """The key that encrypts the instances' volumes."""
    logs: ProviderLogs | None = None
    """Which of its events it logs, and where."""
    propagate_tags: Tags = {}
    """Tags that it puts on the instances, volumes and network interfaces that it makes."""
    tags: Tags = {}
    """Tags."""


class Output(Node):
    """A value that the stack tells the world. Plain text is the value."""

    value: Expression
    """The value."""
    description: str = ""
    """What it is."""
    export: str | None = None
    """The export's name; `<stack>:<output>` where none is given."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_the_value(cls, value: object) -> object:
        return value if isinstance(value, dict | Output) else {"value": value}


class System(Node):
    """A whole manifest."""

    stack: str
    """The stack's name, and the prefix of every name in it."""
    description: str = ""
    """What the system does."""
    region: str | None = None
    """The region it belongs in; the target's where none is given."""
    parameters: dict[str, Parameter] = {}
    """Values given from outside."""
    defaults: FunctionDefaults = FunctionDefaults()
    """What every function has that does not say otherwise."""
    functions: dict[str, Function] = {}
    """Functions by key."""
    layers: dict[str, Layer] = {}
    """Layers by key."""
    roles: dict[str, Role] = {}
    """IAM roles by key."""
    log_groups: dict[str, LogGroup] = {}
    """Shared log groups by key."""
    keys: dict[str, Key] = {}
    """KMS keys by key."""
    capacity_providers: dict[str, CapacityProvider] = {}
    """Capacity providers by key."""
    buckets: dict[str, Bucket] = {}
    """S3 buckets by key."""
    queues: dict[str, Queue] = {}
    """SQS queues by key."""
    topics: dict[str, Topic] = {}
    """SNS topics by key."""
    tables: dict[str, Table] = {}
    """DynamoDB tables by key."""
    buses: dict[str, Bus] = {}
    """EventBridge event buses by key."""
    rules: dict[str, Rule] = {}
    """EventBridge rules whose targets are more than one function, by key."""
    outputs: dict[str, Output] = {}
    """What the stack tells the world."""
    tags: Tags = {}
    """Tags of the stack, which CloudFormation puts on every resource that takes tags."""
