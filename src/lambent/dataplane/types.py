"""What the data plane is told and what it answers: function, invocation, outcome, facts."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal, NewType, Protocol

FunctionArn = NewType("FunctionArn", str)
"""A function's unqualified ARN: what reserved concurrency belongs to."""
VersionArn = NewType("VersionArn", str)
"""A function version's ARN, ending in `:$LATEST` or a number: what a pool of environments belongs to."""


class Listening(Protocol):
    """A socket on which the platform answers."""

    def close(self) -> None:
        """Answer no new connection there."""


class EndpointServer(Protocol):
    """What answers AWS requests on a listening socket; the platform's gateway."""

    async def __call__(self, listener: socket.socket, /) -> Listening:
        """Answer on `listener`, which the server owns from now on, until it is closed."""


class IsolationLevel(StrEnum):
    """How far an execution environment is kept apart from the host."""

    NAMESPACE = "namespace"
    PROCESS = "process"


class InitializationType(StrEnum):
    """Why an environment was started, as `AWS_LAMBDA_INITIALIZATION_TYPE` says it."""

    ON_DEMAND = "on-demand"
    PROVISIONED_CONCURRENCY = "provisioned-concurrency"
    SNAP_START = "snap-start"
    MANAGED_INSTANCES = "lambda-managed-instances"


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One function version, as far as running it goes. Equal specs may share environments.

    `code` and `layers` are unpacked, read-only directories; `environment` holds the user's own variables alone;
    `revision` changes whenever anything here changes, so that environments of an older revision drain.
    `slots` is how many invocations one environment serves at once: 1 in the standard model, more only where it
    `is_managed`, on Managed Instances; there `vcpus` is how much CPU the function asks for with its memory.
    """

    function_arn: FunctionArn
    version_arn: VersionArn
    revision: str
    account: str
    region: str
    function_name: str
    version: str
    runtime: str
    handler: str
    role_arn: str
    code: Path
    layers: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    memory_mb: int = 128
    timeout_s: int = 3
    ephemeral_storage_mb: int = 512
    log_group: str = ""
    log_format: Literal["Text", "JSON"] = "Text"
    application_log_level: str | None = None
    tracing_active: bool = False
    slots: int = 1
    snap_start: bool = False
    """Whether environments are restored from a snapshot: of published versions alone."""
    is_managed: bool = False
    vcpus: float | None = None


class ResponseSink(Protocol):
    """Who takes an answer while a function writes it; called on the loop, and never fails."""

    def begin(self, content_type: str) -> None:
        """The function begins to answer; called at most once."""

    def write(self, data: bytes) -> None:
        """It wrote something; only after `begin`."""

    def is_full(self, on_room: Callable[[], None]) -> bool:
        """Return whether the function should wait; if so, `on_room` is called once when it need not any more."""


@dataclass(frozen=True, slots=True)
class ReportedError:
    """An error as a runtime reports it; `payload` is its JSON."""

    payload: bytes
    error_type: str


@dataclass(frozen=True, slots=True)
class Mishap:
    """What befalls an invocation on purpose, once it has an environment that is initialized; times are real seconds.

    Its handler begins `delay_s` late, within the function's timeout. Where there is an `error`, that is answered in the
    handler's place. The environment is killed when the handler has run for `killed_after_s`, if it still does;
    `on_kill` is told of that.
    """

    delay_s: float = 0.0
    error: ReportedError | None = None
    killed_after_s: float | None = None
    on_kill: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Invocation:
    """One request to run a function version.

    `invoked_arn` is the ARN the caller used, with its qualifier if it had one. `client_context` is the decoded JSON
    text. `trace_id` is the `X-Amzn-Trace-Id` value handed to the runtime. A function that streams writes its answer to
    the `sink`, if there is one, and its outcome has no payload then; without one the answer is collected.
    """

    request_id: str
    spec: FunctionSpec
    payload: bytes
    invoked_arn: str
    client_context: str | None = None
    cognito_identity: str | None = None
    trace_id: str | None = None
    sink: ResponseSink | None = None
    is_event: bool = False
    """Whether it was accepted as an event, for which nobody waits."""
    waits_for_extensions: bool = False
    """Whether the outcome is told only when extensions, too, are done with the invocation, and all is logged."""
    mishap: Mishap | None = None


class InvocationStatus(StrEnum):
    """How an invocation ended, in the words of the platform.report event."""

    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class InvocationReport:
    """The timed facts of one invocation, from which REPORT line, metrics, trace and cost are derived.

    Times are real: `started_at`/`ended_at` in seconds since the epoch, durations in milliseconds. `init_ms` is set
    only where the invocation waited for a fresh environment's init. `error_type` is set for error and timeout.
    """

    request_id: str
    status: InvocationStatus
    started_at: float
    ended_at: float
    duration_ms: float
    init_ms: float | None
    billed_ms: int
    memory_mb: int
    max_memory_mb: int
    error_type: str | None = None
    exit: ProcessExit | None = None
    """How the runtime's process ended, where it ended before it answered."""
    fault: str | None = None
    """What an extension failed of, where that ended the invocation."""
    restore_ms: float | None = None
    """Set only where the invocation waited for an environment to be restored from a snapshot; `init_ms` is not then."""
    billed_restore_ms: int | None = None
    extensions_ms: float | None = None
    """How much of the duration extensions took after the runtime was done; None where none was waited for.

    It is the metric PostRuntimeExtensionsDuration."""


@dataclass(frozen=True, slots=True)
class Provision:
    """How far a version's provisioned concurrency is: asked for, ready, and why no more come, if something failed."""

    wanted: int
    ready: int
    failure: str | None = None


class ThrottleReason(StrEnum):
    """Why an invocation was refused, as in TooManyRequestsException's `Reason`."""

    ACCOUNT = "ConcurrentInvocationLimitExceeded"
    RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"
    RATE = "FunctionInvocationRateLimitExceeded"
    RESERVED_RATE = "ReservedFunctionInvocationRateLimitExceeded"


class CapacityThrottle(StrEnum):
    """Why every execution environment of a version on Managed Instances refused a request, as its metric is named.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-monitoring.html
    """

    CONCURRENCY = "ConcurrencyThrottles"
    CPU = "CPUThrottles"
    MEMORY = "MemoryThrottles"
    DISK = "DiskThrottles"


@dataclass(frozen=True, slots=True)
class Completed:
    """The handler returned; `payload` is its answer as the runtime sent it."""

    payload: bytes
    content_type: str
    report: InvocationReport


@dataclass(frozen=True, slots=True)
class FunctionError:
    """The runtime reported an error: the handler raised, or the response was too large. `payload` is its JSON."""

    payload: bytes
    error_type: str
    report: InvocationReport


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The function's timeout passed; the environment is reset before its next invocation."""

    timeout_s: int
    report: InvocationReport


@dataclass(frozen=True, slots=True)
class Crashed:
    """The environment's process ended in mid-invocation: by exit code, by signal, or for want of memory."""

    exit: ProcessExit
    report: InvocationReport


@dataclass(frozen=True, slots=True)
class InitFailed:
    """Init failed, also when retried inside the invocation. `payload` is the runtime's error, or None if it died."""

    payload: bytes | None
    error_type: str
    exit: ProcessExit | None
    report: InvocationReport


@dataclass(frozen=True, slots=True)
class Throttled:
    """A concurrency limit, or the want of capacity, refused the invocation; it never reached an environment."""

    reason: ThrottleReason | CapacityThrottle


@dataclass(frozen=True, slots=True)
class RestoreFailed:
    """No environment could be restored from the snapshot: a hook failed, or took too long (`is_timeout`)."""

    is_timeout: bool
    report: InvocationReport


Outcome = Completed | FunctionError | TimedOut | Crashed | InitFailed | RestoreFailed | Throttled


class ExitKind(StrEnum):
    """What ended a process."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    OUT_OF_MEMORY = "out-of-memory"
    KILLED_BY_PLATFORM = "killed-by-platform"


@dataclass(frozen=True, slots=True)
class ProcessExit:
    """A typed cause of a process's end: `code` is its exit status or its signal number."""

    kind: ExitKind
    code: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """A role's temporary credentials, as they stand in a function's environment variables."""

    access_key_id: str
    secret_access_key: str
    session_token: str


class CredentialSource(Protocol):
    """Where an environment's role credentials come from."""

    async def issue(self, spec: FunctionSpec) -> Credentials:
        """Return credentials of the function's execution role, valid for as long as an environment may live."""


@dataclass(frozen=True, slots=True)
class EnvironmentInfo:
    """An execution environment as others see it: ids, what runs in it, and how it came to be."""

    environment_id: str
    spec: FunctionSpec
    log_stream: str
    initialization_type: InitializationType
    isolation: IsolationLevel
    interpreter: str
    started_by: Literal["fork", "exec", "snapshot"]
    notices: tuple[str, ...] = ()
    """Differences from the real thing worth telling, such as a neighbouring interpreter standing in."""
    init_phase: Literal["init", "invoke"] = "init"
    """Where its latest init ran: in a phase of its own, or, after a failure or a reset, inside an invocation."""


@dataclass(frozen=True, slots=True)
class InstancePlace:
    """The virtual instance that an environment of Managed Instances runs on."""

    provider_arn: str
    instance_id: str
    instance_type: str
    zone: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What an environment's processes have used of CPU since they began, in seconds, and use of memory now.

    None is what nothing here tells.
    """

    cpu_s: float | None
    memory_mb: int | None


@dataclass(frozen=True, slots=True)
class OutputLine:
    """One line (or one framed log message) the function wrote, with the real time of writing in epoch milliseconds."""

    timestamp_ms: int
    text: str
    by_extension: bool = False
    """Whether an external extension wrote it, not the function."""
    is_ended: bool = True
    """Whether it is to end as a line does; the errors that AWS's client for Python reports do not."""


@dataclass(frozen=True, slots=True)
class ExtensionStatus:
    """How far an extension came in an init phase, in the words of AWS's log."""

    name: str
    state: str
    events: tuple[str, ...]
    error_type: str | None = None


@dataclass(frozen=True, slots=True)
class TelemetrySubscribed:
    """An extension has subscribed to telemetry, by the API of this name (Telemetry or Logs)."""

    api: str
    name: str
    state: str
    types: tuple[str, ...]


class Observer(Protocol):
    """Is told each fact as it occurs, in order, on the loop; must return at once."""

    def init_started(self, environment: EnvironmentInfo, at: float) -> None:
        """An environment began its init phase."""

    def init_ended(
        self, environment: EnvironmentInfo, init_ms: float, status: InvocationStatus, error_type: str | None
    ) -> None:
        """An init phase is over that no invocation reports: it failed, or no invocation had caused it.

        One that failed on demand is tried again inside the first invocation.
        """

    def restore_started(self, environment: EnvironmentInfo, at: float) -> None:
        """An environment began to be restored from its version's snapshot."""

    def restore_ended(
        self, environment: EnvironmentInfo, restore_ms: float, status: InvocationStatus, error_type: str | None
    ) -> None:
        """A restore is over, with the hooks that follow it."""

    def extension_initialized(self, environment: EnvironmentInfo, extension: ExtensionStatus) -> None:
        """An init phase has come to its end, and an extension has come so far in it."""

    def telemetry_subscribed(self, environment: EnvironmentInfo, subscribed: TelemetrySubscribed) -> None:
        """An extension subscribed to telemetry."""

    def invocation_started(self, environment: EnvironmentInfo, invocation: Invocation, at: float) -> None:
        """A request was handed to the runtime."""

    def output(self, environment: EnvironmentInfo, request_id: str | None, line: OutputLine) -> None:
        """The function wrote something, during the named invocation or, if None, outside of any."""

    def invocation_ended(self, environment: EnvironmentInfo, invocation: Invocation, report: InvocationReport) -> None:
        """An invocation is over and all it wrote has been passed on."""


@dataclass(frozen=True, slots=True)
class DataPlaneSettings:
    """How the data plane runs.

    `scratch` is a directory it owns (created and emptied by it). `endpoint_url` is what functions get as
    `AWS_ENDPOINT_URL`. `isolation` None means the strongest that holds here. `limits_cpu` holds functions to the CPU
    that their memory brings, where the kernel lets us. With an `endpoint_server` each environment has a network of its
    own, in which nothing but the endpoint is to be found; without, it has the machine's. `idle_expiry_s`, and
    `lifetime_s` after which an environment is recycled however busy it is, are platform time.
    `instance_launch_s` is how long a virtual instance of a capacity provider takes to come, and
    `first_instance_launch_s` those that the first version published there asks for, in platform time.
    `node_sdk` is the folder in which npm installs the AWS SDK that functions of Node.js find; None offers none.
    """

    scratch: Path
    endpoint_url: str
    isolation: IsolationLevel | None = None
    strict_runtimes: bool = False
    limits_cpu: bool = True
    endpoint_server: EndpointServer | None = None
    account_concurrency: int = 1000
    idle_expiry_s: float = 600.0
    lifetime_s: float = 7200.0
    init_timeout_s: float = 10.0
    restore_timeout_s: float = 10.0
    most_snapshots: int = 16
    """Each takes the memory of an initialized function; the one not used for longest makes room."""
    long_init_timeout_s: float = 130.0
    """Of environments that no caller waits for: where it is longer, the function's own timeout holds."""
    node_sdk: Path | None = None
    instance_launch_s: float = 33.0
    first_instance_launch_s: float = 0.0


@dataclass(frozen=True, slots=True)
class RuntimeInfo:
    """A runtime's name and what would run it here: an interpreter, exact or neighbouring, or nothing.

    A provided runtime is run by what the function brings, which has no `version` that is known here.
    """

    runtime: str
    interpreter: str | None
    version: str | None
    is_exact: bool
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class IsolationFinding:
    """Whether one means of isolation holds here; if not, why, and what would help."""

    name: str
    holds: bool
    reason: str = ""
    remedy: str = ""
