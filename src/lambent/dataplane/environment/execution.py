"""One execution environment, from init to shutdown.

It keeps its identity, its log stream and its /tmp for life, while what runs in its sandbox may change: after a timeout,
a crash in mid-invocation or a failed init the processes are ended, and the next invocation runs init again, inside its
own duration and timeout ("suppressed init").
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle

Invocations travel by callbacks, not tasks: whoever waits for an outcome may go away without touching the environment.
"""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import replace
from functools import partial

from lambent.base.tasks import OwnedTask
from lambent.dataplane.environment.assignment import Assignment
from lambent.dataplane.environment.companions import Companions, ExtensionFailure, Ran, ShutdownReason
from lambent.dataplane.environment.facts import Facts
from lambent.dataplane.environment.host import EnvironmentStatus, Host
from lambent.dataplane.environment.identity import new_identity
from lambent.dataplane.environment.init_phase import CUT_OFF, InitFailure, init_end, init_limit_s
from lambent.dataplane.environment.meter import TOO_LARGE, Meter
from lambent.dataplane.environment.mishaps import Afflicting
from lambent.dataplane.environment.owner import EnvironmentOwner
from lambent.dataplane.errors import DataPlaneError, PlatformStoppingError, as_data_plane_error
from lambent.dataplane.lifecycle import EnvironmentState, Lifecycle
from lambent.dataplane.metering import ColdStart
from lambent.dataplane.runtime_api.messages import Closed, CloseReason, Response, RuntimeAnswer, WorkerEnded
from lambent.dataplane.runtime_api.workers import Workers
from lambent.dataplane.sandbox.handle import Sandbox
from lambent.dataplane.sandbox.spec import Interpreter
from lambent.dataplane.types import (
    Completed,
    Crashed,
    ExitKind,
    FunctionError,
    FunctionSpec,
    InitializationType,
    InvocationReport,
    InvocationStatus,
    ProcessExit,
    TimedOut,
    Usage,
)

_log = logging.getLogger(__name__)
_BUSY, _IDLE = EnvironmentState.BUSY, EnvironmentState.IDLE


class Environment:
    """One execution environment. Its owner starts it, gives it invocations, and is told what becomes of them."""

    def __init__(
        self,
        spec: FunctionSpec,
        interpreter: Interpreter,
        host: Host,
        owner: EnvironmentOwner[Environment],
        started_for: InitializationType = InitializationType.ON_DEMAND,
    ) -> None:
        self.spec = spec
        self._started_for = started_for
        self.since = self.born = host.clock.now()
        self.is_available = False
        """Whether its owner keeps it among those that can take an invocation; the owner's to set."""
        self.init_failure: InitFailure | None = None
        """How its latest init failed; None where it came to its end, or has yet to."""
        self._host = host
        self._owner = owner
        self._identity = new_identity(spec, interpreter, started_for, host)
        self._environment_id = self._identity.environment_id
        self._facts = Facts(self._identity, host.observer)
        self._lifecycle = Lifecycle(self._environment_id)
        self._active: list[Assignment] = []
        self._sandbox: Sandbox | None = None
        self._standing: Sandbox | None = None  # what a reset left of the one before, for the next
        self._companions: Companions | None = None
        self._initializing: OwnedTask[None] | None = None
        self._is_cut_off = False
        self._overdue = 0
        self._crew: Workers | None = None  # of the sandbox, from the end of its init, where it has several
        self._cold_start: ColdStart | None = None
        self._failed_restore: InitFailure | None = None
        self._meter = Meter(spec, host.real_time)
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def free_slots(self) -> int:
        """How many more invocations it can take now; none unless it is idle or busy."""
        state = self._lifecycle.state
        if (state is not _IDLE and state is not _BUSY) or self._is_cut_off or self._initializing is not None:
            return 0
        if self._sandbox is not None and self._sandbox.channel.closed.done():
            return 0  # its process is ending; the exit is not yet known
        free = self.spec.slots - len(self._active) - self._overdue
        return free if self._crew is None else min(free, self._crew.waiting)

    @property
    def coming_slots(self) -> int:
        """How many slots it will have beside those it has, since workers of its are still initializing."""
        return self._crew.coming if self._crew is not None and self._is_up() else 0

    @property
    def busy_slots(self) -> int:
        """How many invocations it works on, also those whose callers have been told of a timeout."""
        return len(self._active) + self._overdue

    @property
    def lost_slots(self) -> int:
        """How many of its slots will never serve again, since their workers have ended."""
        return 0 if self._crew is None else self.spec.slots - self._crew.alive

    @property
    def is_idle(self) -> bool:
        """Whether it serves nothing and waits."""
        return self._lifecycle.state is _IDLE

    @property
    def serves_nobody(self) -> bool:
        """Whether nobody would miss it: it is idle, or busy only with requests whose callers it has failed in time."""
        return self._is_up() and not self._active and self._initializing is None

    @property
    def is_initialized(self) -> bool:
        """Whether an invocation given to it would begin at once, without init."""
        return self._sandbox is not None

    def status(self) -> EnvironmentStatus:
        """Return what introspection shows of it now."""
        info, state = self._facts.environment, self._lifecycle.state
        return EnvironmentStatus(
            self._environment_id, self.spec, state, self.since, self.spec.slots, self.busy_slots, info
        )

    def usage(self) -> Usage:
        """Return what its processes have used of CPU and use of memory; nothing while there are none."""
        return Usage(None, None) if self._sandbox is None else self._sandbox.usage()

    def start(self) -> None:
        """Build its sandbox and run its init phase; the owner is told how that ended."""
        self._initializing = self._host.tasks.start(self._start(), name=f"init of {self._environment_id}")

    def begin(self, assignment: Assignment) -> None:
        """Run an invocation in a free slot; the owner is told of its outcome, and then of the slot."""
        if self._lifecycle.state is _IDLE:
            self._move(_BUSY, "invocation")
        assignment.begin(self, self._host.real_time)
        assignment.cold_start, self._cold_start = self._cold_start, None
        self._active.append(assignment)
        assignment.timer = self._host.timers.call_later(self.spec.timeout_s, self._timed_out, assignment)
        self._facts.invocation_taken(assignment)
        if self._sandbox is None:
            work = self._initialize_within(assignment)
            self._initializing = self._host.tasks.start(work, name=f"init of {self._environment_id} in an invocation")
        else:
            self._facts.invocation_started(assignment, assignment.started_at)
            self._hand_over(assignment, self._sandbox)

    def retire(self, cause: str) -> None:
        """Take no more invocations and end; what it still serves fails with PlatformStoppingError. Idempotent."""
        if self._lifecycle.state in {EnvironmentState.STOPPING, EnvironmentState.GONE}:
            return
        self._leave(cause, ShutdownReason.SPINDOWN)

    def _leave(self, cause: str, reason: ShutdownReason) -> None:
        self._move(EnvironmentState.STOPPING, cause)
        self._owner.leaving(self)
        for assignment in tuple(self._active):
            self._abandon(assignment, PlatformStoppingError(f"the environment was stopped: {cause}"))
        self._host.tasks.start(self._stop(reason), name=f"end of {self._environment_id}")

    async def wait_gone(self) -> None:
        """Return once nothing of it is left; cancelling the wait does not keep it alive."""
        await asyncio.shield(self._gone)

    async def _start(self) -> None:
        try:
            failure = await self._initialize(init_limit_s(self._host.settings, self._started_for, self.spec.timeout_s))
        except Exception as error:  # noqa: BLE001 - outermost: whoever waits must hear of it
            self._initializing = None
            self._give_up(error)
            return
        self._initializing = None
        if self._lifecycle.state is EnvironmentState.INITIALIZING:
            self._move(_IDLE, "init over" if failure is None else f"init failed: {failure.error_type}")
            self._owner.started(self)
            if not self._active:
                self._failed_restore = None  # nobody waits any more: whoever comes later has a restore of their own

    async def _initialize(self, limit_s: float | None) -> InitFailure | None:
        host = self._host
        variables = await self._identity.variables(host)
        begun_at, begun = host.real_time.now(), host.real_time.monotonic()
        sandbox = self._sandbox = await host.launch(self._identity.sandbox(variables))
        self._standing = None
        self._enter(sandbox, begun_at)
        is_restore, up = sandbox.started_by == "snapshot", host.real_time.monotonic()
        limit_s, is_apart = (host.settings.restore_timeout_s if is_restore else limit_s), limit_s is not None
        companions = self._companions
        failure = CUT_OFF if self._is_cut_off else await init_end(sandbox, companions, limit_s)
        now = host.real_time.monotonic()
        took_ms = (now - begun) * 1000
        sandbox.drain_output()
        if companions is not None and not self._is_cut_off:
            companions.init_ended(took_ms, failure)
        self._meter.begin(sandbox)
        if failure is None:
            sandbox.limit_cpu()
            self._facts.init_ended(took_ms, None)
            if is_apart and (is_restore or self._started_for is InitializationType.ON_DEMAND):
                # The retry inside an invocation is part of that one's duration and is not reported apart.
                self._cold_start = ColdStart(took_ms, math.ceil((now - up) * 1000) if is_restore else None)
            sandbox.left.add_done_callback(partial(self._ended, sandbox))
            sandbox.channel.closed.add_done_callback(partial(self._closed, sandbox))
            self._crew = sandbox.workers
            if self._crew is not None:
                self._crew.on_change = partial(self._crew_changed, self._crew)
            self.init_failure = None
            return None
        self.init_failure = failure
        if not self._is_cut_off:
            self._facts.init_ended(took_ms, failure)
        await self._reset_sandbox(sandbox, ShutdownReason.after(failure.status))
        if is_restore:
            failure = replace(failure, of_restore=True)
            self._failed_restore = failure if is_apart else None  # whoever waits for this environment is told
        return failure

    async def _initialize_within(self, assignment: Assignment) -> None:
        try:
            failure, self._failed_restore = self._failed_restore or await self._initialize(None), None
        except Exception as error:  # noqa: BLE001 - outermost: the caller must hear of it
            self._initializing = None
            if not assignment.is_over:
                self._abandon(assignment, as_data_plane_error(error))
            self._give_up(error)
            return
        self._initializing = None
        if assignment.is_over:
            return
        self._facts.invocation_started(assignment, self._host.real_time.now())
        if failure is None and self._sandbox is not None:
            self._hand_over(assignment, self._sandbox)
            self._owner.freed(self)  # of its other slots, if it has any
        elif failure is not None:
            report = self._report(assignment, failure.status, failure.error_type)
            self._conclude(assignment, failure.outcome(report))
            self._free("init failed again")

    def _crew_changed(self, crew: Workers) -> None:
        if self._crew is crew and self._is_up():
            self._owner.freed(self)

    def _is_up(self) -> bool:
        return self._lifecycle.state in (_IDLE, _BUSY) and not self._is_cut_off

    def _enter(self, sandbox: Sandbox, begun_at: float) -> None:
        """Begin an init in a new sandbox: tell of it, and listen to its output and its extensions."""
        if self._lifecycle.state is EnvironmentState.STARTING:
            self._move(EnvironmentState.INITIALIZING, f"sandbox built by {sandbox.started_by}")
        relay = self._facts.entered(sandbox, begun_at)
        self._companions = None
        if sandbox.link is not None:
            self._companions = Companions(sandbox.link, relay.environment, self._host, self)
            self._companions.init_started(relay, begun_at)
        sandbox.on_output(relay)

    def _hand_over(self, assignment: Assignment, sandbox: Sandbox) -> None:
        if self._companions is not None and self._companions.is_active:
            self._companions.invoked(assignment.headers(), assignment.started_at)
        mishap = assignment.invocation.mishap
        if mishap is not None:
            Afflicting(mishap, assignment, sandbox, self, self._host.timers).begin()
            return
        self.run_handler(assignment, sandbox).add_done_callback(assignment.answered)

    def runs(self, assignment: Assignment, sandbox: Sandbox) -> bool:
        """Whether an invocation is still under way in this sandbox."""
        return not assignment.is_over and self._sandbox is sandbox and not self._is_cut_off

    def run_handler(self, assignment: Assignment, sandbox: Sandbox) -> asyncio.Future[RuntimeAnswer]:
        """Give an invocation to the runtime, and return the promise of its answer."""
        invocation = assignment.invocation
        return sandbox.channel.invoke(assignment.headers(), invocation.payload, assignment.sink(self._host.real_time))

    def answered(self, assignment: Assignment, answer: RuntimeAnswer) -> None:
        """Conclude an invocation that the runtime has answered; called once per assignment, on the loop."""
        sandbox = self._sandbox
        if sandbox is None:
            return
        if isinstance(answer, Closed):
            # The process is ending, and its exit will be the outcome; one that talks nonsense has to be made to.
            if answer.reason is CloseReason.MALFORMED:
                self._host.tasks.start(sandbox.reset(), name=f"kill of {self._environment_id}")
            return
        if isinstance(answer, WorkerEnded):
            self._crash(assignment, answer.exit)
            self._free("a worker ended")
            return
        if self._crew is None:  # what a worker wrote has been read already
            sandbox.drain_output()
        outcome: Completed | FunctionError
        if isinstance(answer, Response):
            report = self._report(assignment, InvocationStatus.SUCCESS)
            outcome = Completed(answer.payload, answer.content_type, report)
        else:
            report = self._report(assignment, InvocationStatus.ERROR, answer.error_type)
            outcome = FunctionError(answer.payload, answer.error_type, report)
        companions = self._companions
        if companions is not None and companions.is_active:
            companions.runtime_done(report, assignment.invocation.trace_id, len(answer.payload))
            if companions.are_awaited:
                # The caller has the answer at once; the environment, and the bill, wait for the extensions.
                assignment.outcome = outcome
                if not assignment.invocation.waits_for_extensions:
                    assignment.settle(outcome)
                return
            outcome = replace(outcome, report=replace(report, extensions_ms=0.0))
        self._close(assignment, outcome)

    def extensions_returned(self) -> None:
        """Conclude the invocation that only extensions were still working on; called by those."""
        for assignment in tuple(self._active):
            outcome = assignment.outcome
            if outcome is not None:
                report = self._report(assignment, outcome.report.status, outcome.report.error_type)
                self._close(assignment, replace(outcome, report=report))

    def extension_failed(self, failure: ExtensionFailure) -> None:
        """End the environment's processes, and with them its invocation, because an extension has ended."""
        if self._is_cut_off or self._sandbox is None:
            return
        if not self._active:
            self._leave(f"an extension failed: {failure.error_type}", ShutdownReason.FAILURE)
            return
        self._is_cut_off = True
        for assignment in tuple(self._active):
            payload = failure.payload(assignment.invocation.request_id)
            report = self._report(assignment, InvocationStatus.ERROR, failure.error_type)
            report = replace(report, fault=failure.message)
            self._conclude(assignment, FunctionError(payload, failure.error_type, report))
        self._begin_reset(failure.error_type, ShutdownReason.FAILURE)

    def _close(self, assignment: Assignment, outcome: Completed | FunctionError) -> None:
        self._conclude(assignment, outcome)
        is_too_large = isinstance(outcome, FunctionError) and outcome.error_type == TOO_LARGE
        if is_too_large and not self._active and self._crew is None:
            # AWS's client ends now, unless it is one of several workers; the next invocation must not meet that end.
            self._is_cut_off = True
            self._begin_reset(TOO_LARGE, ShutdownReason.FAILURE)
            return
        self._free("invocation over")

    def answered_late(self) -> None:
        """Take back the slot of an invocation that had timed out, now that its code has come to an end."""
        if self._overdue:
            self._overdue -= 1
            self._free("late answer")

    def _timed_out(self, assignment: Assignment) -> None:
        if assignment.is_over:
            return
        if self._sandbox is not None:
            self._sandbox.drain_output()
        report = self._report(assignment, InvocationStatus.TIMEOUT, "Sandbox.Timedout")
        if self.spec.is_managed:
            # Other requests go on beside it, so the code keeps running and keeps its slot.
            # https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-execution-environment.html
            self._overdue += assignment.leaves_code_running(self._crew)
            self._conclude(assignment, TimedOut(self.spec.timeout_s, report))
            self._free("timed out")  # of a caller, though not of the code
            return
        self._is_cut_off = True
        self._conclude(assignment, TimedOut(self.spec.timeout_s, report))
        self._begin_reset("timed out", ShutdownReason.TIMEOUT)

    def _ended(self, sandbox: Sandbox, exited: asyncio.Future[ProcessExit]) -> None:
        if self._sandbox is not sandbox or self._is_cut_off:
            return
        if not self._active:
            if self._is_up():
                self._leave("its process ended while it served nobody", ShutdownReason.FAILURE)
            return
        self._is_cut_off = True
        cause = exited.result()
        for assignment in tuple(self._active):
            self._crash(assignment, cause)
        self._begin_reset(f"{cause.kind} {cause.code}", ShutdownReason.FAILURE)

    def _crash(self, assignment: Assignment, cause: ProcessExit) -> None:
        error_type = "Runtime.OutOfMemory" if cause.kind is ExitKind.OUT_OF_MEMORY else "Runtime.ExitError"
        report = replace(self._report(assignment, InvocationStatus.ERROR, error_type), exit=cause)
        self._conclude(assignment, Crashed(cause, report))

    def _closed(self, sandbox: Sandbox, _: asyncio.Future[Closed]) -> None:
        # Sooner than the exit: an environment whose channel is closed must not be given an invocation.
        if self._sandbox is sandbox and self._lifecycle.state is _IDLE:
            self._leave("its channel closed while it was idle", ShutdownReason.FAILURE)

    def _conclude(self, assignment: Assignment, outcome: Ran) -> None:
        if self._companions is not None and self._companions.is_active:
            self._companions.invocation_ended(assignment, outcome)
        self._end(assignment, outcome.report)
        if assignment.outcome is not None:
            assignment.settle(assignment.outcome)  # what became of extensions later is not the caller's
        self._owner.concluded(assignment, outcome)

    def _abandon(self, assignment: Assignment, error: DataPlaneError) -> None:
        """End an invocation for a fault of the platform's: its facts are completed, and the caller gets the error."""
        self._end(assignment, self._report(assignment, InvocationStatus.FAILURE, "Sandbox.Failure"))
        self._owner.concluded(assignment, error)

    def _end(self, assignment: Assignment, report: InvocationReport) -> None:
        assignment.is_over = True
        if assignment.timer is not None:
            assignment.timer.cancel()
        if assignment.later is not None:
            assignment.later.cancel()
        self._active.remove(assignment)
        self._facts.invocation_ended(assignment, report)

    def _free(self, cause: str) -> None:
        if not self._active and not self._overdue and self._lifecycle.state is _BUSY:
            self._move(_IDLE, cause)
        self._owner.freed(self)

    def _report(self, ran: Assignment, status: InvocationStatus, error_type: str | None = None) -> InvocationReport:
        return self._meter.report(ran, self._sandbox, status, error_type)

    def _begin_reset(self, cause: str, reason: ShutdownReason) -> None:
        self._owner.resetting(self)
        self._host.tasks.start(self._reset(cause, reason), name=f"reset of {self._environment_id}")

    async def _reset(self, cause: str, reason: ShutdownReason) -> None:
        try:
            self._is_cut_off = True
            if self._sandbox is not None:
                await self._reset_sandbox(self._sandbox, reason)
            await self._await_init()
        except Exception as error:  # noqa: BLE001 - outermost: whoever waits must hear of it
            self._give_up(error)
            return
        if self._lifecycle.state is _BUSY:
            self._free(f"reset after: {cause}")

    async def _reset_sandbox(self, sandbox: Sandbox, reason: ShutdownReason) -> None:
        await self._shut_down(sandbox, reason)
        self._standing = sandbox if await sandbox.reset() else None
        self._sandbox = self._crew = None

    def _give_up(self, error: Exception) -> None:
        """Leave for a fault of the platform's, and let the owner fail whoever waits for this environment."""
        is_known = isinstance(
            error, DataPlaneError
        )  # a sandbox that was killed, say: where it was noticed tells nothing
        _log.warning(
            "environment %s is of no use: %s", self._environment_id, error, exc_info=None if is_known else error
        )
        self.retire("it could not be built or reset")
        self._owner.start_failed(self, as_data_plane_error(error))

    async def _stop(self, reason: ShutdownReason) -> None:
        try:
            await self._end_sandbox(reason)
        finally:
            self._move(EnvironmentState.GONE, "nothing is left")
            self._gone.set_result(None)
            self._owner.gone(self)

    async def _end_sandbox(self, reason: ShutdownReason) -> None:
        self._is_cut_off = True
        if (sandbox := self._sandbox) is not None:
            await self._shut_down(sandbox, reason)
            await sandbox.terminate()
        await self._await_init()
        if self._standing is not None:
            await self._standing.terminate()

    async def _shut_down(self, sandbox: Sandbox, reason: ShutdownReason) -> None:
        # Without extensions the shutdown phase has no time of its own: SIGKILL at once.
        # https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown
        if self._companions is not None:
            await self._companions.shut_down(sandbox, reason)

    async def _await_init(self) -> None:
        """Wait for an init under way, and be ready for another."""
        if self._initializing is not None:
            # It sees that it was cut off, at the latest when its launch returns.
            await self._initializing.result()
        self._sandbox = self._crew = None
        self._overdue = 0
        self._is_cut_off = False

    def _move(self, target: EnvironmentState, cause: str) -> None:
        self._lifecycle.move(target, cause)
        self.since = self._host.clock.now()
