"""From a sandbox's specification to what the fork server is asked for; looks at nothing but its layers."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lambent.dataplane.runtime_api.extensions import MAX_EXTENSIONS
from lambent.dataplane.sandbox import nodes, python_path
from lambent.dataplane.sandbox.doors import Doors
from lambent.dataplane.sandbox.spec import Interpreter, SandboxSpec
from lambent.dataplane.supervision.fork_server import StartVariables
from lambent.dataplane.types import FunctionSpec, IsolationLevel
from lambent.guest import framing, rootfs

_EXEC_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
_LOG_DESCRIPTOR = "4"
_READ_ONCE = frozenset({_EXEC_WRAPPER, "OPENSSL_CONF"})
_READ_LATER = frozenset({"PYTHONASYNCIODEBUG", "PYTHONBREAKPOINT", "PYTHONTZPATH"})
# An interpreter may be started with these outside of any sandbox: none leads it to code, or makes it write files.
_OF_THE_INTERPRETER = frozenset(
    {
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONFAULTHANDLER",
        "PYTHONHASHSEED",
        "PYTHONINTMAXSTRDIGITS",
        "PYTHONIOENCODING",
        "PYTHONNODEBUGRANGES",
        "PYTHONUNBUFFERED",
        "PYTHONUTF8",
    }
)
# How many threads AWS's client for Node.js starts, unless AWS_LAMBDA_NODEJS_WORKER_COUNT says otherwise:
# https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/blob/main/src/utils/worker.ts
_THREADS_PER_VCPU = 8
_THREADS_VARIABLE = "_LAMBENT_THREADS"
# What Lambda disables in which runtimes, and the first Node.js that knows of it.
_EXPERIMENTAL = (
    ("experimental-require-module", frozenset({20, 22}), (20, 17)),
    ("experimental-detect-module", frozenset({22}), (20, 10)),
)


@dataclass(frozen=True, slots=True)
class SandboxPaths:
    """Where a sandbox's parts lie on the host; `layers` is None without layers."""

    runtime_dir: Path
    layers: Path | None
    temporary: Path


def start_variables(function: FunctionSpec, interpreter: Interpreter) -> StartVariables:
    """Return the user's variables that Python reads when it starts and that change nothing but itself.

    None where there are others for whose sake it has to be executed afresh, and for what is no Python.
    """
    if interpreter.host is not None:
        return ()
    found = [(name, value) for name, value in function.environment.items() if name in _OF_THE_INTERPRETER]
    variables = tuple(sorted(found))
    return () if exec_cause(function, interpreter, variables) else variables


def exec_cause(function: FunctionSpec, interpreter: Interpreter, given: StartVariables) -> str | None:
    """Return the user's variable that only takes effect when the interpreter is executed afresh, or None.

    The dynamic loader and the interpreter read these once, when a program starts. What is no Python is always executed.
    `given` are those that the interpreter to be forked was started with.
    """
    if interpreter.host is not None:
        return None
    for name, value in function.environment.items():
        is_read_once = name.startswith(("PYTHON", "LD_", "MALLOC_", "GLIBC_")) or name in _READ_ONCE
        if not is_read_once or name in _READ_LATER or (name, value) in given:
            continue
        if name != "PYTHONPATH" or not python_path.is_plain(function, value):
            return name
    return None


def serves_several(spec: SandboxSpec) -> bool:
    """Return whether the runtime serves several requests at once: processes, threads, or whatever a function brings."""
    return spec.function.is_managed


def spawn_request(
    spec: SandboxSpec, paths: SandboxPaths, cause: str | None, *, limits_processes: bool, doors: Doors | None = None
) -> dict[str, object]:
    """Return the body of the fork server's SPAWN request; `cause` is why it is to execute an interpreter, if it is.

    `limits_processes` tells that a control group counts processes; the per-user limit would count all environments
    together and is left alone then, and where all run as one user.
    """
    in_namespace = spec.isolation is IsolationLevel.NAMESPACE
    task_root = rootfs.TASK_ROOT if in_namespace else str(spec.function.code)
    runtime_dir = rootfs.RUNTIME_DIR if in_namespace else str(paths.runtime_dir)
    layers = str(paths.layers or "")
    layers_seen = rootfs.LAYERS if in_namespace else layers or str(paths.temporary / "no-layers")
    return {
        "task_root": str(spec.function.code),
        "task_root_seen": task_root,
        "layers": layers,
        "layers_seen": layers_seen,
        "runtime_dir_seen": runtime_dir,
        "storage_mb": spec.limits.ephemeral_storage_mb,
        "files": spec.limits.files,
        "processes": spec.limits.processes if in_namespace and not limits_processes else None,
        "variables": {
            **_variables(spec, paths, layers_seen, task_root, runtime_dir),
            **({} if doors is None else doors.variables()),
        },
        "command": _command(spec, runtime_dir, cause),
        "extensions": list(external_extensions(paths.layers)[:MAX_EXTENSIONS]),
        "serves_runtime": spec.interpreter.family == "provided",
    }


def restore_request(spec: SandboxSpec, temporary: Path, descriptors: Sequence[str]) -> bytes:
    """Return a template's RESTORE frame: `spec.variables` are all that the fork is to set."""
    in_namespace = spec.isolation is IsolationLevel.NAMESPACE
    own = {} if in_namespace else {"TMPDIR": str(temporary)}
    body = {
        "descriptors": list(descriptors),
        "variables": {**spec.variables, **own},
        "temporary": "/tmp" if in_namespace else str(temporary),
    }
    return framing.frame(framing.RESTORE, json.dumps(body).encode())


def external_extensions(layers: Path | None) -> tuple[str, ...]:
    """Return the names of the external extensions that a function's merged layers bring, in order.

    Whatever lies in `extensions` and is no folder is one: it is started, or that fails.
    https://docs.aws.amazon.com/lambda/latest/dg/extensions-configuration.html
    """
    if layers is None:
        return ()
    try:
        with os.scandir(layers / "extensions") as entries:
            return tuple(sorted(entry.name for entry in entries if not entry.is_dir(follow_symlinks=False)))
    except OSError:
        return ()


def _node_path(spec: SandboxSpec, layers: str, task_root: str, runtime_dir: str) -> str:
    # https://docs.aws.amazon.com/lambda/latest/dg/nodejs-package.html#nodejs-package-searchpath
    major = nodes.major_of(spec.function.runtime)
    folders = (f"{layers}/nodejs/node{major}/node_modules", f"{layers}/nodejs/node_modules")
    return ":".join((*folders, f"{runtime_dir}/node_modules", runtime_dir, task_root))


def _variables(
    spec: SandboxSpec, paths: SandboxPaths, layers_seen: str, task_root: str, runtime_dir: str
) -> dict[str, str]:
    variables = {**spec.variables, "LAMBDA_TASK_ROOT": task_root, "LAMBDA_RUNTIME_DIR": runtime_dir}
    if spec.interpreter.family != "provided":
        variables.setdefault("PWD", task_root)
    if spec.interpreter.family == "nodejs":
        variables["_LAMBDA_TELEMETRY_LOG_FD"] = _LOG_DESCRIPTOR
        variables.setdefault("NODE_PATH", _node_path(spec, layers_seen, task_root, runtime_dir))
        if serves_several(spec):
            variables[_THREADS_VARIABLE] = str(_THREADS_PER_VCPU * max(1, math.ceil(spec.limits.vcpus or 1)))
    if spec.isolation is IsolationLevel.PROCESS:
        # There is no /var/lang and no private /tmp here.
        variables["TMPDIR"] = str(paths.temporary)
        if "PATH" not in spec.function.environment:
            variables["PATH"] = f"{spec.interpreter.prefix}/bin:/usr/local/bin:/usr/bin:/bin"
    return variables


def _command(spec: SandboxSpec, runtime_dir: str, cause: str | None) -> list[str] | None:
    wrapper = spec.function.environment.get(_EXEC_WRAPPER)
    if spec.interpreter.family == "provided":
        return None  # a program that the function brings; wrappers are for managed runtimes alone
    if spec.interpreter.family == "nodejs":
        program = "threads.mjs" if serves_several(spec) else "index.mjs"
        command = [str(spec.interpreter.executable), *_node_options(spec), f"{runtime_dir}/{program}"]
        return [wrapper, *command] if wrapper else command
    if cause is None:
        return None
    # Without site-packages: functions see the standard library and /var/runtime, as in AWS. The script comes last,
    # because wrappers insert the interpreter's options before the last argument.
    # https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper
    command = [str(spec.interpreter.executable), "-s", "-S", f"{runtime_dir}/bootstrap.py"]
    return [wrapper, *command] if wrapper else command


def _node_options(spec: SandboxSpec) -> list[str]:
    return [*_memory_options(spec), *_disabled_features(spec)]


def _disabled_features(spec: SandboxSpec) -> Iterator[str]:
    """Yield the options by which Lambda switches experimental features off that the function does not switch on.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html
    """
    major = nodes.major_of(spec.function.runtime)
    wanted = spec.function.environment.get("NODE_OPTIONS", "").split()
    # A Node.js that stands in and is older has neither the features nor the options.
    version = tuple(int(number) for number in spec.interpreter.version.split("."))
    for feature, majors, since in _EXPERIMENTAL:
        if major in majors and version >= since and f"--{feature}" not in wanted:
            yield f"--no-{feature}"


def _memory_options(spec: SandboxSpec) -> list[str]:
    # AWS's bootstrap leaves a tenth of the memory to what is not the heap, and a twentieth to each young generation.
    memory = spec.limits.memory_mb
    heap, young = memory * 9 // 10, max(1, memory // 20)
    return ["--expose-gc", f"--max-old-space-size={heap}", f"--max-semi-space-size={young}"]
