"""Turns a fresh process of a sandbox into AWS's Lambda runtime for Python.

Two ways lead here: forked from the fork server, everything loaded; or executed afresh as /var/runtime/bootstrap.py,
for variables that only take effect so. Both end in AWS's own loop: loading the handler, context, errors, logging.
"""

from __future__ import annotations

import atexit
import errno
import importlib
import json
import os
import signal
import sys
import threading
import time

from lambent.guest import framing, preloaded, privileges, runtime_client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, NoReturn

    from lambent.guest.framing import SpawnRequest

CHANNEL = 3
LOG = 4
_LAYERS_VARIABLE = "_LAMBENT_LAYERS"
_PROGRAM = "bootstrap"

_client_code: preloaded.Compiled | None = None


def preload(runtime_dir: str, shown_dir: str) -> None:
    """Load what every environment needs; called once, in the fork server."""
    global _client_code  # noqa: PLW0603 - inherited by every fork
    _client_code = preloaded.preload(runtime_dir, shown_dir)
    importlib.import_module("lambent.guest.snapshot")  # inside a sandbox it could not be found any more


def become_runtime(request: SpawnRequest, descriptors: dict[str, int]) -> None:
    """Be the runtime of one environment, in a process forked for it; never returns."""
    _wire(descriptors)
    variables = request["variables"]
    os.chdir(request["task_root_seen"])
    if request["serves_runtime"]:
        _start_program([request["task_root_seen"], request["layers_seen"]], variables)
    if request["command"]:
        os.set_inheritable(CHANNEL, True)  # noqa: FBT003 - the call's own interface
        os.set_inheritable(LOG, True)  # noqa: FBT003 - as above
        variables[_LAYERS_VARIABLE] = request["layers_seen"]
        _execute(request["command"], variables)
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    script = os.path.join(request["runtime_dir_seen"], "bootstrap.py")
    sys.argv = [script]
    sys.modules["__main__"].__dict__.update(__file__=script)
    sys.path[:] = _search_path(request["layers_seen"], [request["runtime_dir_seen"], *sys.path])
    if _client_code is not None:
        sys.meta_path.insert(0, _client_code)
    _end_as_an_interpreter_does(_run)


def main() -> None:
    """Be the runtime of one environment, executed afresh; ends by an exception, as AWS's does."""
    layers = os.environ.pop(_LAYERS_VARIABLE)
    sys.path[:] = _search_path(layers, sys.path)
    os.set_inheritable(LOG, False)  # noqa: FBT003 - as above
    _run()


def _execute(command: list[str], variables: dict[str, str]) -> NoReturn:
    try:
        os.execve(command[0], command, variables)  # noqa: S606 - no shell is meant
    except OSError as error:
        # AWS's bootstrap is a shell script: it looks at the wrapper first, and runs one without `#!` as its own kind.
        if error.errno == errno.ENOEXEC and os.path.exists("/bin/sh"):
            os.execve("/bin/sh", ["/bin/sh", *command], variables)  # noqa: S606 - no shell but for its script
        is_there = os.path.isfile(command[0])
        os.write(1, f"{command[0]}: {'is not an executable' if is_there else 'does not exist'}\n".encode())
        os._exit(126 if is_there else 127)


def _start_program(folders: list[str], variables: dict[str, str]) -> NoReturn:
    """Be the runtime that the function brings itself; where there is none, say so as AWS's platform does."""
    programs = [os.path.join(folder, _PROGRAM) for folder in folders]
    program = next((program for program in programs if os.path.isfile(program)), None)
    message = f"Couldn't find valid bootstrap(s): [{' '.join(programs)}]"
    if program is not None:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # the interpreter ignores it
        try:
            os.execve(program, [program], variables)  # noqa: S606 - no shell is meant
        except OSError as error:
            message = f"fork/exec {program}: {(error.strerror or '').lower()}"
    sys.stderr.write(f"{message}\n")
    runtime_client.connect(CHANNEL)
    runtime_client.post_init_error(json.dumps({"errorType": "Runtime.InvalidEntrypoint", "errorMessage": message}))
    os._exit(1)


def _wire(descriptors: dict[str, int]) -> None:
    """Put the passed descriptors where the runtime expects them, and let go of every other."""
    moved = {name: os.dup(descriptor) for name, descriptor in descriptors.items() if name in {"channel", "output"}}
    # Above every number we are about to use, so that no step overwrites what a later one needs.
    high = {name: _above(descriptor, 16) for name, descriptor in moved.items()}
    nothing = _above(os.open(os.devnull, os.O_RDONLY), 16)
    os.dup2(nothing, 0)
    os.dup2(high["output"], 1)
    os.dup2(high["output"], 2)
    os.dup2(high["channel"], CHANNEL, inheritable=False)
    os.dup2(high["output"], LOG, inheritable=False)
    privileges.close_all_but({0, 1, 2, CHANNEL, LOG})


def _above(descriptor: int, least: int) -> int:
    import fcntl

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, least)


def _search_path(layers: str, rest: list[str]) -> list[str]:
    # The order of AWS's runtime; task root, layers, then the runtime's own packages and the standard library.
    # The runtime's name counts, whichever Python stands for it: layers are laid out for that.
    version = os.environ["AWS_EXECUTION_ENV"].rpartition("_")[2]
    python = os.path.join(layers, "python")
    return [os.environ["LAMBDA_TASK_ROOT"], os.path.join(python, "lib", version, "site-packages"), python, *rest]


def _run() -> None:
    """Run AWS's client until it ends by an exception; SystemExit passes through."""
    os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = str(LOG)
    template = os.environ.pop(framing.TEMPLATE_VARIABLE, None)
    if template is not None:
        from lambent.guest import snapshot
    runtime_client.connect(CHANNEL)
    sys.modules["runtime_client"] = runtime_client
    # A function may bring a package of our name; what we need of ours is loaded and stays referenced.
    for name in [name for name in sys.modules if name == "lambent" or name.startswith("lambent.")]:
        del sys.modules[name]
    from awslambdaric import bootstrap, lambda_runtime_client, lambda_runtime_marshaller

    class Client(lambda_runtime_client.LambdaRuntimeClient):  # type: ignore[misc]  # AWS ships no types
        def post_init_error(self, error: dict[str, object], error_type_override: str | None = None) -> None:
            if error_type_override:
                error = dict(error, errorType=error_type_override)
            runtime_client.post_init_error(lambda_runtime_marshaller.to_json(error))

        def restore_next(self) -> None:
            """Return in every environment restored from this one; at once where it is no template itself."""
            if template is not None:
                snapshot.await_restore(runtime_client.channel(), json.loads(template))

        def report_restore_error(self, error: dict[str, object]) -> None:
            self.post_init_error(error, "Runtime.AfterRestoreError")

    if _client_code is not None:
        sys.meta_path.remove(_client_code)
    bootstrap.run(os.environ["_HANDLER"], Client(os.environ.get("AWS_LAMBDA_RUNTIME_API", "")))


def _end_as_an_interpreter_does(run: Callable[[], None]) -> NoReturn:
    # Below us are the fork server's frames, which must not be unwound: what the interpreter does at its end, in order.
    code: str | int | None = 0
    try:
        run()
    except SystemExit as leaving:
        code = leaving.code
    except BaseException:  # noqa: BLE001 - printed, as by the interpreter
        import traceback  # it costs 6 ms of the platform's start, and is there in a fork by then

        traceback.print_exc()
        code = 1
    if code is not None and not isinstance(code, int):
        sys.stderr.write(f"{code}\n")
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - joins the threads that are no daemons; multiprocessing ends forks alike
    atexit._run_exitfuncs()  # noqa: SLF001 - as above
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # closed by the function
            continue
    os._exit((code or 0) & 0xFF)
