"""Runs functions: execution environments, their pools and limits. Knows no AWS API and no store.

The face of the package; nothing else in it is imported from outside. `DataPlane` (in `plane.py`) offers:

    DataPlane(settings, *, clock, ids, credentials, observer, world=None)
    isolation                                       the isolation level in force, once started
    await start()                                   raises IsolationUnavailableError
    await stop()                                    ends every environment and waits for it
    await invoke(invocation) -> Outcome             raises RuntimeUnavailableError, SandboxError, PlatformStoppingError
    await prepare(spec)                             have the runtime's fork server ready
    await snapshot(spec) -> InitFailure | None      run the init of a version with SnapStart, and keep what it leads to
    reserve(function_arn, concurrency | None)       reserved concurrency; None takes the reservation away
    retire(version_arn)                             drain and end the environments of a deleted or changed version
    environments() -> Sequence[EnvironmentStatus]   every environment with its state, since when, busy slots
    await open_provider(ProviderSpec)               have a capacity provider, or change it
    await close_provider(arn)                       end all it has; returns when its instances are gone
    await deploy(spec, arn, Bounds) -> DeployFailure | None
                                                    a version, or a new revision of it, on a capacity provider
    await bound(version_arn, Bounds)                how many environments it has, at once; 0 and 0 end all
    await settled(version_arn) -> DeployFailure | None
                                                    when it has come so far
    capacity() -> Sequence[ProviderStatus]          instances, what runs on them, and what of them is in use
    diagnose(settings) -> Diagnosis                 which runtimes and isolation hold here, and why not more
    known_runtimes() -> [RuntimeInfo]                the same of runtimes alone

An invocation whose caller is cancelled runs to its end all the same. The observer hears, on the loop and in this
order: `init_started`, `output` without request id, `telemetry_subscribed` and `extension_initialized` for what
extensions do in init, `init_ended` if it failed; then for each invocation `invocation_started`, `output` with its
request id, `init_ended` where init had to be run again and failed again, `invocation_ended`.

`replay(ReplayPlan(...), fraction) -> Day` is a day of traffic on a capacity provider in virtual time; it needs no
DataPlane.

The last group of names is for scripted launchers (`lambent.testing.runtimes`), which stand in for real processes.
"""

from lambent.dataplane.capacity.replay import Day, Minute, ReplayError, durations, replay
from lambent.dataplane.capacity.replay import Handler as ReplayHandler
from lambent.dataplane.capacity.replay import Plan as ReplayPlan
from lambent.dataplane.capacity.reports import (
    CapacityObserver,
    DeploymentStatus,
    InstanceEvent,
    InstanceEventKind,
    ProviderStatus,
)
from lambent.dataplane.capacity.types import (
    Bounds,
    DeploymentId,
    EnvironmentUse,
    Instance,
    InstanceId,
    InstanceState,
    InstanceUse,
    ProviderArn,
    ProviderSpec,
    Share,
    Subnet,
    Timing,
)
from lambent.dataplane.environment import EnvironmentStatus, SandboxLauncher, Timer, Timers
from lambent.dataplane.environment.init_phase import InitFailure
from lambent.dataplane.errors import (
    DataPlaneError,
    IsolationUnavailableError,
    PlatformStoppingError,
    RuntimeUnavailableError,
    SandboxError,
    UnknownProviderError,
)
from lambent.dataplane.lifecycle import EnvironmentState
from lambent.dataplane.managed import DeployFailure
from lambent.dataplane.plane import DataPlane, Diagnosis, RealWorld, diagnose, known_runtimes
from lambent.dataplane.runtime_api.messages import (
    Closed,
    CloseReason,
    ErrorAnswer,
    InvocationHeaders,
    Parked,
    Response,
    RuntimeAnswer,
    WorkerEnded,
)
from lambent.dataplane.runtime_api.rendezvous import RuntimeChannel
from lambent.dataplane.sandbox.handle import OutputCallback, Sandbox
from lambent.dataplane.sandbox.spec import Interpreter, SandboxSpec
from lambent.dataplane.supervision.child import signal_name
from lambent.dataplane.types import (
    CapacityThrottle,
    Completed,
    Crashed,
    Credentials,
    CredentialSource,
    DataPlaneSettings,
    EndpointServer,
    EnvironmentInfo,
    ExitKind,
    ExtensionStatus,
    FunctionArn,
    FunctionError,
    FunctionSpec,
    InitFailed,
    InitializationType,
    InstancePlace,
    Invocation,
    InvocationReport,
    InvocationStatus,
    IsolationFinding,
    IsolationLevel,
    Mishap,
    Observer,
    Outcome,
    OutputLine,
    ProcessExit,
    Provision,
    ReportedError,
    ResponseSink,
    RestoreFailed,
    RuntimeInfo,
    TelemetrySubscribed,
    Throttled,
    ThrottleReason,
    TimedOut,
    Usage,
    VersionArn,
)

__all__ = [
    "Bounds",
    "CapacityObserver",
    "CapacityThrottle",
    "CloseReason",
    "Closed",
    "Completed",
    "Crashed",
    "CredentialSource",
    "Credentials",
    "DataPlane",
    "DataPlaneError",
    "DataPlaneSettings",
    "Day",
    "DeployFailure",
    "DeploymentId",
    "DeploymentStatus",
    "Diagnosis",
    "EndpointServer",
    "EnvironmentInfo",
    "EnvironmentState",
    "EnvironmentStatus",
    "EnvironmentUse",
    "ErrorAnswer",
    "ExitKind",
    "ExtensionStatus",
    "FunctionArn",
    "FunctionError",
    "FunctionSpec",
    "InitFailed",
    "InitFailure",
    "InitializationType",
    "Instance",
    "InstanceEvent",
    "InstanceEventKind",
    "InstanceId",
    "InstancePlace",
    "InstanceState",
    "InstanceUse",
    "Interpreter",
    "Invocation",
    "InvocationHeaders",
    "InvocationReport",
    "InvocationStatus",
    "IsolationFinding",
    "IsolationLevel",
    "IsolationUnavailableError",
    "Minute",
    "Mishap",
    "Observer",
    "Outcome",
    "OutputCallback",
    "OutputLine",
    "Parked",
    "PlatformStoppingError",
    "ProcessExit",
    "ProviderArn",
    "ProviderSpec",
    "ProviderStatus",
    "Provision",
    "RealWorld",
    "ReplayError",
    "ReplayHandler",
    "ReplayPlan",
    "ReportedError",
    "Response",
    "ResponseSink",
    "RestoreFailed",
    "RuntimeAnswer",
    "RuntimeChannel",
    "RuntimeInfo",
    "RuntimeUnavailableError",
    "Sandbox",
    "SandboxError",
    "SandboxLauncher",
    "SandboxSpec",
    "Share",
    "Subnet",
    "TelemetrySubscribed",
    "ThrottleReason",
    "Throttled",
    "TimedOut",
    "Timer",
    "Timers",
    "Timing",
    "UnknownProviderError",
    "Usage",
    "VersionArn",
    "WorkerEnded",
    "diagnose",
    "durations",
    "known_runtimes",
    "replay",
    "signal_name",
]
