"""SnapStart: what has run a version's init, and the environments that are restored from it.

A snapshot is kept as a template: an environment whose init is over, and from which others are forked. It is made when
the version is published; one that is lost, or was given up for the room it takes, is made anew when next needed.
https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from lambent.base.tasks import OwnedTask
from lambent.dataplane.environment.host import Host
from lambent.dataplane.environment.identity import Identity, new_identity
from lambent.dataplane.environment.init_phase import InitFailure, init_end, init_limit_s
from lambent.dataplane.errors import PlatformStoppingError, SandboxError
from lambent.dataplane.logs import OutputRelay
from lambent.dataplane.runtime_api.companion_link import LinkClosed, Told
from lambent.dataplane.runtime_api.messages import Snapshot
from lambent.dataplane.sandbox.handle import Sandbox
from lambent.dataplane.sandbox.namespaces import USER_ID
from lambent.dataplane.sandbox.spec import Interpreter, SandboxSpec
from lambent.dataplane.types import (
    FunctionSpec,
    InitializationType,
    InvocationStatus,
    IsolationLevel,
    VersionArn,
)
from lambent.guest import framing

SNAP_START = InitializationType.SNAP_START
_ANEW: Final = "the snapshot was made anew: it had not been kept"
_EXTENSIONS: Final = "extensions work beside the function"
_RETIRED: Final = "the version was deleted or changed"
_CREDENTIALS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


@dataclass(slots=True)
class Template:
    """A snapshot: the sandbox that others are forked from, or why init runs again for each."""

    spec: FunctionSpec
    sandbox: Sandbox | None = None
    obstacle: str | None = None
    failure: InitFailure | None = None
    base_mb: int = 0
    used: int = 0

    @property
    def is_of_use(self) -> bool:
        """Whether nothing need be made anew: it stands, or it is known that none can."""
        return self.obstacle is not None or (self.sandbox is not None and not self.sandbox.channel.closed.done())


@dataclass(frozen=True, slots=True)
class _Making:
    """A snapshot on its way, and the work on it."""

    template: Template
    task: OwnedTask[None]


class Snapshots:
    """The snapshots of every version that has one. `is_served` says whether a version still takes invocations."""

    def __init__(self, host: Host, is_served: Callable[[FunctionSpec], bool]) -> None:
        self._host = host
        self._is_served = is_served
        self._templates: dict[VersionArn, Template] = {}
        self._making: dict[VersionArn, _Making] = {}
        self._uses = 0
        self._has_given_up = False

    async def take(self, spec: FunctionSpec, interpreter: Interpreter) -> InitFailure | None:
        """Run a version's init and keep what it leads to; return how init failed, if it did. Raises SandboxError."""
        return (await self._template(spec, interpreter)).failure

    async def launch(self, wanted: SandboxSpec) -> Sandbox:
        """Return a new environment: restored from the version's snapshot, if it is to have one and there can be one.

        That one's `started_by` is "snapshot", and its `first_next` is still to come. Raises SandboxError.
        """
        if wanted.initialization_type is not SNAP_START:
            return await self._host.launcher.launch(wanted)
        spec = wanted.function
        is_known = spec.version_arn in self._templates
        if not (self._has_given_up or self._is_served(spec)):
            # Whoever waited when it was retired is still served, but nobody would ever end a snapshot made for them.
            return await self._afresh(wanted, _RETIRED)
        template = await self._template(spec, wanted.interpreter)
        notices = () if is_known else (_ANEW,)
        if template.failure is not None:
            return await self._afresh(wanted, f"its snapshot could not be made anew: {template.failure.error_type}")
        if template.sandbox is None:
            return await self._afresh(wanted, template.obstacle or "there is no snapshot")
        self._use(template)
        # What init has made of the other variables is part of the snapshot.
        own = {name: wanted.variables[name] for name in _CREDENTIALS}
        try:
            return await self._host.launcher.restore(
                template.sandbox, replace(wanted, variables=own, notices=notices), template.base_mb
            )
        except SandboxError as error:
            if template.is_of_use:
                # The kernel forbids what a restore takes (a user namespace, say), and will do so the next time.
                template.obstacle = str(error)
                self._end_later(template)  # others restored from it may serve for as long as they like
            return await self._afresh(wanted, str(error))

    def retire(self, version_arn: VersionArn) -> None:
        """Give up a version's snapshot; environments restored from it come to their end first.

        Environments that wait for it are initialized one by one.
        """
        making = self._making.pop(version_arn, None)
        if making is not None:
            making.task.cancel()
        template = self._templates.pop(version_arn, None)
        if template is not None and template.sandbox is not None:
            self._end_later(template)

    def give_up(self) -> None:
        """Make no snapshot any more: whoever waits for one is told that the platform is stopping."""
        self._has_given_up = True
        for making in tuple(self._making.values()):
            making.task.cancel()

    async def stop(self) -> None:
        """End every template; the environments restored from them have ended before."""
        self.give_up()
        templates, self._templates = tuple(self._templates.values()), {}
        await asyncio.gather(*(self._end(template) for template in templates))

    async def _afresh(self, wanted: SandboxSpec, reason: str) -> Sandbox:
        notice = f"init runs again in place of a restore: {reason}"
        return await self._host.launcher.launch(replace(wanted, notices=(notice,)))

    async def _template(self, spec: FunctionSpec, interpreter: Interpreter) -> Template:
        known = self._templates.get(spec.version_arn)
        if known is not None and known.is_of_use and known.spec.revision == spec.revision:
            return known
        if self._has_given_up:
            raise PlatformStoppingError("the data plane is being stopped")
        if known is not None:
            self._end_later(known)  # what ran in it has ended; the place it stood in has not
        making = self._making.get(spec.version_arn)
        if making is None:
            template = Template(spec)
            task = self._host.tasks.start(self._make(template, interpreter), name=f"snapshot of {spec.version_arn}")
            making = self._making[spec.version_arn] = _Making(template, task)
        try:
            await making.task.result()
        except asyncio.CancelledError:
            if not making.task.done:
                raise  # it is the caller who was cancelled
            if self._has_given_up:
                raise PlatformStoppingError("the snapshot was given up") from None
            return Template(spec, obstacle=_RETIRED)
        return making.template

    def _use(self, template: Template) -> None:
        self._uses += 1
        template.used = self._uses

    async def _make(self, template: Template, interpreter: Interpreter) -> None:
        version_arn = template.spec.version_arn
        try:
            await self._initialize(template, interpreter)
            if template.failure is None:
                self._templates[version_arn] = template
                self._use(template)
                self._make_room(template)
        finally:
            making = self._making.get(version_arn)
            if making is not None and making.template is template:
                del self._making[version_arn]

    async def _initialize(self, template: Template, interpreter: Interpreter) -> None:
        host, spec = self._host, template.spec
        identity = new_identity(spec, interpreter, SNAP_START, host)
        made_from = await self._made_from(identity)
        begun_at, begun = host.real_time.now(), host.real_time.monotonic()
        sandbox = await host.launcher.launch(made_from)
        try:
            if sandbox.link is not None and sandbox.link.expected:
                template.obstacle = _EXTENSIONS
                return  # nothing of this init is told: each environment will tell of its own
            info = identity.info(sandbox)
            host.observer.init_started(info, begun_at)
            sandbox.on_output(OutputRelay(host.observer, info))
            self._watch_for_extensions(template, sandbox)
            failure = await init_end(sandbox, None, init_limit_s(host.settings, SNAP_START, spec.timeout_s))
            init_ms = (host.real_time.monotonic() - begun) * 1000
            sandbox.drain_output()
            if template.obstacle is not None:
                return  # it ended because we ended it, which is neither a success nor a failure of the function's
            template.failure = failure
            status = InvocationStatus.SUCCESS if failure is None else failure.status
            host.observer.init_ended(info, init_ms, status, None if failure is None else failure.error_type)
            answer = sandbox.channel.first_next.result() if sandbox.channel.first_next.done() else None
            if isinstance(answer, Snapshot):
                template.obstacle = answer.obstacle
            if failure is None and template.obstacle is None:
                template.base_mb, template.sandbox = sandbox.peak_memory_mb(), sandbox
        finally:
            if template.sandbox is None:
                await sandbox.terminate()

    def _watch_for_extensions(self, template: Template, sandbox: Sandbox) -> None:
        """Give the snapshot up where an extension registers in the function: no fork takes it along."""

        def told(what: Told) -> None:
            if not isinstance(what, LinkClosed):
                template.obstacle = _EXTENSIONS
                self._host.tasks.start(sandbox.terminate(), name=f"end of the snapshot of {template.spec.version_arn}")

        if sandbox.link is not None:
            sandbox.link.on_told(told)

    async def _made_from(self, identity: Identity) -> SandboxSpec:
        config = {
            "namespaces": identity.isolation is IsolationLevel.NAMESPACE,
            "user_id": USER_ID,
            "storage_mb": identity.spec.ephemeral_storage_mb,
        }
        variables = await identity.variables(self._host)
        return identity.sandbox({**variables, framing.TEMPLATE_VARIABLE: json.dumps(config)})

    def _make_room(self, newest: Template) -> None:
        """Have ended what is too many, but nothing in use."""
        kept = {each.sandbox: each for each in self._templates.values() if each.sandbox is not None}
        idle = [each for sandbox, each in kept.items() if not self._host.launcher.restored_from(sandbox)]
        idle = sorted((each for each in idle if each is not newest), key=lambda each: each.used)
        for template in idle[: max(0, len(kept) - self._host.settings.most_snapshots)]:
            del self._templates[template.spec.version_arn]
            self._end_later(template)

    def _end_later(self, template: Template) -> None:
        self._host.tasks.start(self._end(template), name=f"end of the snapshot of {template.spec.version_arn}")

    async def _end(self, template: Template) -> None:
        sandbox, template.sandbox = template.sandbox, None
        if sandbox is None:
            return
        # Its end would be theirs: they live in its pid namespace.
        await asyncio.gather(*(each.exited for each in self._host.launcher.restored_from(sandbox)))
        with contextlib.suppress(SandboxError):
            await sandbox.terminate()
