"""Starts execution environments in the strongest isolation that holds here."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from lambent.base.clock import Clock
from lambent.dataplane.errors import IsolationUnavailableError, RuntimeUnavailableError, SandboxError
from lambent.dataplane.runtime_api.companion_link import CompanionLink
from lambent.dataplane.runtime_api.rendezvous import RuntimeChannel
from lambent.dataplane.sandbox.cgroups import Cgroup, CgroupError, Cgroups
from lambent.dataplane.sandbox.crew import Crew
from lambent.dataplane.sandbox.fork_servers import ForkServers
from lambent.dataplane.sandbox.handle import Sandbox
from lambent.dataplane.sandbox.interpreters import RUNTIMES, Interpreters
from lambent.dataplane.sandbox.names import answer_within
from lambent.dataplane.sandbox.namespaces import (
    USER_ID,
    filter_finding,
    namespace_finding,
    namespace_means,
    network_finding,
    process_weaknesses,
)
from lambent.dataplane.sandbox.node_sdk.installation import NodeSdk
from lambent.dataplane.sandbox.process_memory import GroupMemory, Measure, MemoryWatch, ProcessMemory
from lambent.dataplane.sandbox.request import (
    SandboxPaths,
    exec_cause,
    external_extensions,
    restore_request,
    serves_several,
    spawn_request,
    start_variables,
)
from lambent.dataplane.sandbox.running import RunningSandbox, SandboxParts, Standing
from lambent.dataplane.sandbox.runtime_directory import (
    assemble_runtime,
    merge_layers,
    minor_version,
    older_packages,
)
from lambent.dataplane.sandbox.spec import Interpreter, SandboxSpec
from lambent.dataplane.supervision.fork_server import ForkServer, ForkServerSpec, StartVariables
from lambent.dataplane.supervision.restored import RestoredKeeper
from lambent.dataplane.types import (
    DataPlaneSettings,
    EndpointServer,
    FunctionSpec,
    IsolationFinding,
    IsolationLevel,
    RuntimeInfo,
)

# Of a fork server that was killed, sandboxes may still be ending; nothing tells us when they have.
_CGROUP_PATIENCE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a runtime's socket, and the workers behind it where there are several."""

    channel: RuntimeChannel
    guest: socket.socket
    crew: Crew | None

    def close(self) -> None:
        """Close the host's end of everything."""
        if self.crew is not None:
            self.crew.close()
        self.channel.close()


@dataclass(frozen=True, slots=True)
class Start:
    """What a runtime is started with: the request, and the descriptors that go with it."""

    request: dict[str, object]
    descriptors: dict[str, int]


class Launcher:
    """Makes sandboxes.

    Owns the fork servers and everything it puts under the scratch directory.
    """

    def __init__(self, settings: DataPlaneSettings, *, real_time: Clock) -> None:
        self._settings = settings
        self._real_time = real_time
        self._interpreters = Interpreters()
        self._node_sdk = NodeSdk(settings.node_sdk, real_time)
        self._means = namespace_means()
        self._namespace_failure: str | None = None
        self._isolation: IsolationLevel | None = None
        self._cgroups: Cgroups | None = None
        self._memory_watch = MemoryWatch()
        self._servers = ForkServers(self._server_spec)
        self._running: dict[str, RunningSandbox] = {}
        self._numbers = itertools.count()
        self._templates: dict[RunningSandbox, RunningSandbox] = {}
        self._folder = settings.scratch / "sandboxes"

    @property
    def isolation(self) -> IsolationLevel:
        """The isolation that environments get; known once started."""
        if self._isolation is None:
            raise RuntimeError("the launcher has not been started")
        return self._isolation

    async def start(self) -> None:
        """Prepare scratch directories and learn what the kernel allows.

        Raises IsolationUnavailableError where the level that the settings demand does not hold.
        """
        shutil.rmtree(self._folder, ignore_errors=True)
        for name in ("layers", "environments", "roots"):
            (self._folder / name).mkdir(parents=True)
        self._known_cgroups.sweep()
        self._known_cgroups.establish()
        demanded = self._settings.isolation
        if demanded is IsolationLevel.NAMESPACE and not self._means.can_try:
            raise IsolationUnavailableError(f"{self._means.reason}; {self._means.remedy}")
        can = self._means.can_try and demanded is not IsolationLevel.PROCESS
        self._isolation = IsolationLevel.NAMESPACE if can else IsolationLevel.PROCESS
        if can:
            await self._prove_namespaces(demanded)
        if self._settings.endpoint_server is not None and self._isolation is not IsolationLevel.NAMESPACE:
            finding = namespace_finding(self._means, self._namespace_failure)
            reason = finding.reason if not finding.holds else "process isolation was asked for"
            raise IsolationUnavailableError(f"a closed network needs namespaces, which do not hold here: {reason}")

    async def stop(self) -> None:
        """End every sandbox and fork server, and remove what was made; idempotent."""
        self._memory_watch.stop()
        await self._node_sdk.aclose()
        await asyncio.gather(*(sandbox.terminate() for sandbox in self._running.values()))
        await self._servers.stop()
        deadline = self._real_time.now() + _CGROUP_PATIENCE_S
        while not self._known_cgroups.remove() and self._real_time.now() < deadline:
            await self._real_time.sleep_until(self._real_time.now() + 0.005)
        shutil.rmtree(self._folder, ignore_errors=True)

    def resolve(self, runtime: str, *, strict: bool = False) -> Interpreter:
        """Return what runs `runtime` here.

        Raises RuntimeUnavailableError where nothing does or, if strict, not exactly it.
        """
        return self._interpreters.resolve(runtime, strict=strict or self._settings.strict_runtimes)

    async def prepare(self, spec: FunctionSpec) -> None:
        """Have the fork server of the runtime's interpreter ready; raises as `resolve`, and SandboxError.

        Where a function of Node.js names the AWS SDK without bringing it, this is when that is installed.
        """
        # In a thread: the search looks into many folders, and may have to ask a program for its version.
        interpreter = await asyncio.to_thread(self.resolve, spec.runtime)
        server = await self._best_server(spec, interpreter)
        await server.ready()
        if interpreter.family == "nodejs":
            await self._node_sdk.offer(spec.code, spec.layers)

    async def launch(self, spec: SandboxSpec) -> Sandbox:
        """Start an environment and return it at once, before its init is over (await `channel.first_next`).

        Where a reset left something of the same environment standing, it is started therein. Raises SandboxError where
        it could not be built. A cancelled launch leaves nothing behind.
        """
        earlier = self._running.get(spec.environment_id)
        if earlier is not None:
            try:
                return await self._launch(spec, earlier.standing)
            except SandboxError:  # the kernel ended its keeper, for want of memory perhaps
                await earlier.terminate()
        return await self._launch(spec, None)

    async def _launch(self, spec: SandboxSpec, standing: Standing | None) -> Sandbox:
        place = standing or await self._best_server(spec.function, spec.interpreter)
        layers = await self._layers(spec)
        ours, theirs = socket.socketpair()
        with theirs:
            crew = await self._crew(spec, ours)
            channel = crew.workers if crew is not None else await RuntimeChannel.open(ours)
            # From here to the sandbox that owns it all there is no await: nothing can be lost to a cancellation.
            temporary = self._folder / "environments" / spec.environment_id
            paths = SandboxPaths(self._runtime_directory(spec.interpreter), layers, temporary)
            sandbox = self._spawn(place, spec, paths, Ends(channel, theirs, crew))
        try:
            keeper = await asyncio.shield(sandbox.started)
        except BaseException:
            sandbox.kill()  # its own end cleans up, whether or not anyone waits for it
            raise
        if isinstance(place, ForkServer) and self._settings.endpoint_server is not None:
            await self._connect(sandbox, place, self._settings.endpoint_server)
        self._watch(sandbox, ProcessMemory(keeper) if crew is None else GroupMemory(keeper), spec)
        return sandbox

    async def restore(self, template: Sandbox, spec: SandboxSpec, shared_mb: int) -> Sandbox:
        """Start an environment as a fork of `template`, whose init is over; the same holds as for `launch`.

        Of `spec.variables` only those are set. `shared_mb` is the memory that it has in common with the template.
        """
        if not isinstance(template, RunningSandbox):
            raise SandboxError("what is no sandbox of ours cannot be forked")
        ours, theirs = socket.socketpair()
        with theirs:
            channel = await RuntimeChannel.open(ours)
            sandbox = self._fork(template, spec, channel, theirs, shared_mb)
        try:
            # A template waits in the function's own interpreter, and may be kept from answering there.
            async with asyncio.timeout(self._settings.restore_timeout_s):
                keeper = await asyncio.shield(sandbox.started)
        except TimeoutError as error:
            sandbox.kill()
            channel.close()
            raise SandboxError("the snapshot did not answer in time") from error
        except BaseException:
            sandbox.kill()
            channel.close()  # a template that hangs would hold the other end
            raise
        self._watch(sandbox, ProcessMemory(keeper), spec)
        return sandbox

    def restored_from(self, template: Sandbox) -> list[Sandbox]:
        """Return the environments restored from `template` that have not ended."""
        return [sandbox for sandbox, origin in self._templates.items() if origin is template]

    async def _connect(self, sandbox: RunningSandbox, server: ForkServer, serve: EndpointServer) -> None:
        """Answer in the sandbox's own network: AWS requests, and questions for names."""
        child = sandbox.standing.child
        try:
            endpoint, names = server.passed_sockets(child)
            await answer_within(child.gone, endpoint, names, serve)
        except BaseException:
            sandbox.kill()
            raise

    def findings(self) -> list[IsolationFinding]:
        """Return, for each means of isolation, whether it holds here, and if not, why and what would help."""
        means, failure = self._means, self._namespace_failure
        found = [tell(means, failure) for tell in (namespace_finding, network_finding, filter_finding)]
        found += self._known_cgroups.findings()
        if self._settings.isolation is IsolationLevel.PROCESS:
            return found + process_weaknesses("leave --isolation to auto" if found[0].holds else found[0].remedy)
        return found if found[0].holds else found + process_weaknesses(found[0].remedy)

    def runtimes(self) -> list[RuntimeInfo]:
        """Return every managed runtime and what would run it here."""
        return self._interpreters.list()

    @property
    def _known_cgroups(self) -> Cgroups:
        if self._cgroups is None:
            self._cgroups = Cgroups(os.getpid(), str(self._folder), limits_cpu=self._settings.limits_cpu)
        return self._cgroups

    async def _prove_namespaces(self, demanded: IsolationLevel | None) -> None:
        """Start the fork server most likely to be used; where the kernel refuses, fall back or, if demanded, fail."""
        try:
            await self._servers.plain(self.resolve(RUNTIMES[-1]))
        except SandboxError as error:
            self._namespace_failure = str(error)
            if demanded is IsolationLevel.NAMESPACE:
                raise IsolationUnavailableError(f"namespaces cannot be used here: {error}") from error
            self._isolation = IsolationLevel.PROCESS
        except RuntimeUnavailableError:
            return  # no Python at all: nothing to prove it with, and nothing to run

    async def _best_server(self, function: FunctionSpec, interpreter: Interpreter) -> ForkServer:
        if "PYTHONPATH" in function.environment:  # then it looks into the folders, the first time
            variables = await asyncio.to_thread(start_variables, function, interpreter)
        else:
            variables = start_variables(function, interpreter)
        return await self._servers.best(interpreter, variables)

    def _server_spec(self, interpreter: Interpreter, variables: StartVariables) -> ForkServerSpec:
        in_namespace = self.isolation is IsolationLevel.NAMESPACE
        return ForkServerSpec(
            executable=(interpreter.host or interpreter).executable,
            prefixes=(interpreter.prefix, *((interpreter.host.prefix,) if interpreter.host else ())),
            preloads=interpreter.host is None,
            base=Path(tempfile.mkdtemp(dir=self._folder / "roots")),
            runtime_dir=self._runtime_directory(interpreter),
            has_namespaces=in_namespace,
            needs_user_namespace=in_namespace and self._means.needs_user_namespace,
            switches_user=in_namespace,
            user_id=USER_ID,
            endpoint_port=(urlsplit(self._settings.endpoint_url).port or 0) if self._settings.endpoint_server else 0,
            variables=variables,
        )

    def _runtime_directory(self, interpreter: Interpreter) -> Path:
        """Return what an interpreter's functions find at /var/runtime, made when first asked for."""
        minor = minor_version(interpreter.version)
        directory = self._folder / f"runtime-{interpreter.family}{minor}"
        if not directory.is_dir():
            assemble_runtime(directory, interpreter.family, minor, self._settings.node_sdk)
        return directory

    async def _layers(self, spec: SandboxSpec) -> Path | None:
        layers = spec.function.layers
        if len(layers) < 2:
            return layers[0] if layers else None
        return await asyncio.to_thread(merge_layers, layers, self._folder / "layers")

    async def _crew(self, spec: SandboxSpec, host_end: socket.socket) -> Crew | None:
        if not serves_several(spec):
            return None
        try:
            polls = spec.interpreter.family != "python"
            return await Crew.open(host_end, spec.function.slots, self._folder / "environments", polls=polls)
        except OSError as error:
            host_end.close()
            raise SandboxError(f"no sockets for the environment's workers: {error}") from error

    def _spawn(
        self, place: ForkServer | Standing, spec: SandboxSpec, paths: SandboxPaths, ends: Ends
    ) -> RunningSandbox:
        crew = ends.crew
        server = place if isinstance(place, ForkServer) else place.server
        cause = exec_cause(spec.function, spec.interpreter, server.variables)
        request = spawn_request(
            spec,
            paths,
            cause,
            limits_processes=self._known_cgroups.limits_processes,
            doors=None if crew is None else crew.doors,
        )
        extensions = external_extensions(paths.layers)
        link, extensions_end = socket.socketpair()
        output, output_end = _output_pipe()
        descriptors = {"channel": ends.guest.fileno(), "extensions": extensions_end.fileno(), "output": output_end}
        extension_output: int | None = None
        if extensions:
            extension_output, descriptors["extension_output"] = _output_pipe()
        if crew is not None:
            descriptors.update(crew.doors.descriptors())
        try:
            if isinstance(place, ForkServer):
                place = self._stand(place, spec, paths, Start(request, descriptors))
            else:
                _start_again(place, Start(request, descriptors))
        except SandboxError:
            ends.close()
            link.close()
            _close_all(output, extension_output)
            raise
        finally:
            extensions_end.close()
            _close_all(output_end, descriptors.get("extension_output"))
            if crew is not None:
                crew.doors.passed()
        started_by: Literal["fork", "exec"] = "exec" if cause or spec.interpreter.host is not None else "fork"
        notices = _notices(spec, cause)
        parts = SandboxParts(
            place,
            ends.channel,
            CompanionLink(link, extensions),
            output,
            extension_output,
            started_by,
            notices,
            spec.limits.memory_mb,
            crew,
        )
        sandbox = RunningSandbox(parts, self._real_time.now)
        self._running[spec.environment_id] = sandbox
        return sandbox

    def _stand(self, server: ForkServer, spec: SandboxSpec, paths: SandboxPaths, start: Start) -> Standing:
        """Ask for a new sandbox with its first runtime."""
        cgroup = self._make_cgroup(spec, paths)
        joining = {f"cgroup{number}": descriptor for number, descriptor in enumerate(cgroup.join if cgroup else ())}
        child = server.spawn(start.request, {**start.descriptors, **joining})
        if cgroup is not None:
            cgroup.joined()
        standing = Standing(server, child, cgroup, spec.isolation is IsolationLevel.NAMESPACE)
        child.gone.add_done_callback(lambda _: self._forget(spec.environment_id, standing, paths.temporary))
        return standing

    def _fork(
        self, template: RunningSandbox, spec: SandboxSpec, channel: RuntimeChannel, guest: socket.socket, shared_mb: int
    ) -> RunningSandbox:
        """Ask a template for a fork; where it does not hear us, the sandbox returned ends without having started."""
        temporary = self._folder / "environments" / spec.environment_id
        try:
            cgroup = self._make_cgroup(spec, SandboxPaths(self._runtime_directory(spec.interpreter), None, temporary))
            template.make_room(len(self.restored_from(template)) + 1)
        except SandboxError:
            channel.close()
            raise
        keeper = RestoredKeeper(shared_mb)
        output, output_end = os.pipe()
        os.set_blocking(output, False)
        descriptors = {"channel": guest.fileno(), "output": output_end, "control": keeper.their_end}
        for number, descriptor in enumerate(cgroup.join if cgroup else ()):
            descriptors[f"cgroup{number}"] = descriptor
        standing = Standing(keeper, keeper.child, cgroup, spec.isolation is IsolationLevel.NAMESPACE)
        parts = SandboxParts(
            standing, channel, None, output, None, "snapshot", _notices(spec, None), spec.limits.memory_mb
        )
        sandbox = self._running[spec.environment_id] = RunningSandbox(parts, self._real_time.now)
        self._templates[sandbox] = template
        keeper.child.gone.add_done_callback(lambda _: self._templates.pop(sandbox))
        keeper.child.gone.add_done_callback(lambda _: self._forget(spec.environment_id, standing, temporary))
        try:
            template.channel.restore(restore_request(spec, temporary, tuple(descriptors)), tuple(descriptors.values()))
        except OSError as error:
            keeper.give_up(error.strerror or str(error))
        os.close(output_end)
        keeper.passed()
        if cgroup is not None:
            cgroup.joined()
        return sandbox

    def _watch(self, sandbox: RunningSandbox, memory: Measure, spec: SandboxSpec) -> None:
        if not self._known_cgroups.limits_memory:
            self._memory_watch.add(sandbox, memory, spec.limits.memory_mb)

    def _make_cgroup(self, spec: SandboxSpec, paths: SandboxPaths) -> Cgroup | None:
        try:
            # Numbered, because the kernel may not be done with an earlier one of the same environment.
            cgroup = self._known_cgroups.create(f"{spec.environment_id}-{next(self._numbers)}", spec.limits)
            if spec.isolation is IsolationLevel.PROCESS:
                paths.temporary.mkdir()
            return cgroup
        except CgroupError as error:
            raise SandboxError(f"no control group for the environment: {error}") from error

    def _forget(self, environment_id: str, standing: Standing, temporary: Path) -> None:
        del self._running[environment_id]
        if standing.cgroup is not None:
            self._known_cgroups.discard(standing.cgroup)
        shutil.rmtree(temporary, ignore_errors=True)


def _start_again(standing: Standing, start: Start) -> None:
    """Ask for another runtime where one was ended."""
    if standing.cgroup is not None:
        standing.cgroup.begin_anew()
    standing.server.spawn_again(standing.child, start.request, start.descriptors)


def _output_pipe() -> tuple[int, int]:
    source, end = os.pipe()
    os.set_blocking(source, False)
    return source, end


def _close_all(*descriptors: int | None) -> None:
    for descriptor in descriptors:
        if descriptor is not None:
            os.close(descriptor)


def _notices(spec: SandboxSpec, cause: str | None) -> tuple[str, ...]:
    started = f"started by exec, not by fork, because {cause} is set" if cause else None
    minor = minor_version(spec.interpreter.version)
    if spec.interpreter.host is not None:
        return tuple(notice for notice in (spec.interpreter.notice, *spec.notices) if notice)
    lacks_sdk = minor == "3.9" and not older_packages(minor).is_dir()
    sdk = "boto3 is not offered: no release that serves Python 3.9 is installed beside ours" if lacks_sdk else None
    return tuple(notice for notice in (spec.interpreter.notice, started, sdk, *spec.notices) if notice)
