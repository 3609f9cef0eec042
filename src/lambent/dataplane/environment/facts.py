"""What is told of one environment to those who observe it: its inits, its invocations and what it writes."""

from __future__ import annotations

from lambent.dataplane.environment.assignment import Assignment
from lambent.dataplane.environment.identity import Identity
from lambent.dataplane.environment.init_phase import InitFailure
from lambent.dataplane.logs import OutputRelay
from lambent.dataplane.sandbox.handle import Sandbox
from lambent.dataplane.types import EnvironmentInfo, InitializationType, InvocationReport, InvocationStatus, Observer


class Facts:
    """Tells the observer each fact of one environment, in order, with what ran in it at the time."""

    __slots__ = ("_identity", "_observer", "_relay")

    def __init__(self, identity: Identity, observer: Observer) -> None:
        self._identity = identity
        self._observer = observer
        self._relay: OutputRelay | None = None

    @property
    def environment(self) -> EnvironmentInfo | None:
        """How others see the environment; None until its first sandbox is built."""
        return None if self._relay is None else self._relay.environment

    def entered(self, sandbox: Sandbox, at: float) -> OutputRelay:
        """Take a new sandbox, and return what its output goes to.

        Told is the restore that begins with it, or the init of the environment's first.
        """
        before = self._relay
        info = self._identity.info(sandbox, "init" if before is None else "invoke")
        self._relay = relay = OutputRelay(self._observer, info)
        if before is not None:
            relay.request_id = before.request_id
        if sandbox.started_by == "snapshot":
            self._observer.restore_started(info, at)
        elif before is None:
            self._observer.init_started(info, at)
        return relay

    def init_ended(self, took_ms: float, failure: InitFailure | None) -> None:
        """Tell that the latest sandbox's init or restore is over, unless an invocation's report says so."""
        info = self._present().environment
        is_restore = info.started_by == "snapshot"
        ended = self._observer.restore_ended if is_restore else self._observer.init_ended
        if failure is not None:
            ended(info, took_ms, failure.status, failure.error_type)
        elif is_restore or info.initialization_type is not InitializationType.ON_DEMAND:
            ended(info, took_ms, InvocationStatus.SUCCESS, None)

    def invocation_taken(self, assignment: Assignment) -> None:
        """Note that an invocation is served from now on; where it is alone, what is written is its own."""
        alone = self._identity.spec.slots == 1
        self._present().request_id = assignment.invocation.request_id if alone else None

    def invocation_started(self, assignment: Assignment, at: float) -> None:
        """Tell, once, that an invocation has begun: after the init that runs again within it, as in Lambda's log."""
        if not assignment.is_told:
            assignment.is_told = True
            self._observer.invocation_started(self._present().environment, assignment.invocation, at)

    def invocation_ended(self, assignment: Assignment, report: InvocationReport) -> None:
        """Tell that an invocation is over."""
        relay = self._present()
        relay.request_id = None
        self.invocation_started(assignment, report.ended_at)
        self._observer.invocation_ended(relay.environment, assignment.invocation, report)

    def _present(self) -> OutputRelay:
        if self._relay is None:
            environment_id = self._identity.environment_id
            raise RuntimeError(f"environment {environment_id} was given an invocation before its sandbox")
        return self._relay
