"""Turns a process that the fork server has forked into the runtime of one environment.

For Python that is AWS's client, everything loaded (`runtime.py`); where a variable only takes effect in an interpreter
that is executed afresh, and for other languages, it is a program.
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

from lambent.guest import preloaded, privileges, runtime, runtime_client, search_path, workers
from lambent.guest.runtime import CHANNEL, DOORS, LAYERS_VARIABLE, LOG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, NoReturn

    from lambent.guest.framing import SpawnRequest

_PROGRAM = "bootstrap"

_client_code: preloaded.Compiled | None = None


def preload(runtime_dir: str, shown_dir: str) -> None:
    """Load what every environment needs; called once, in the fork server."""
    global _client_code  # noqa: PLW0603 - inherited by every fork
    _client_code = preloaded.preload(runtime_dir, shown_dir)
    search_path.add_builtins()
    importlib.import_module("lambent.guest.snapshot")  # inside a sandbox it could not be found any more


def stand_by() -> None:
    """Do what can be done before it is known for whom."""
    if _client_code is not None:
        preloaded.rehearse(_client_code)


def become(request: SpawnRequest, descriptors: dict[str, int]) -> None:
    """Be the runtime of one environment, in a process forked for it; never returns."""
    _wire(descriptors)
    variables = request["variables"]
    os.chdir(request["task_root_seen"])
    if request["serves_runtime"]:
        if "logs" in descriptors:
            os.set_inheritable(DOORS["logs"], True)  # noqa: FBT003 - the call's own interface
        variables.pop(workers.DOOR_VARIABLE, None)
        _start_program([request["task_root_seen"], request["layers_seen"]], variables)
    if request["command"]:
        os.set_inheritable(CHANNEL, True)  # noqa: FBT003 - the call's own interface
        os.set_inheritable(LOG, True)  # noqa: FBT003 - as above
        for number in (number for name, number in DOORS.items() if name in descriptors):
            os.set_inheritable(number, True)  # noqa: FBT003 - as above
        variables[LAYERS_VARIABLE] = request["layers_seen"]
        _execute(request["command"], variables)
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    script = os.path.join(request["runtime_dir_seen"], "bootstrap.py")
    sys.argv = [script]
    if sys.version_info >= (3, 10):
        sys.orig_argv[:] = [sys.executable, script]
    sys.modules["__main__"].__dict__.update(__file__=script)
    own = variables["PYTHONPATH"].split(os.pathsep) if variables.get("PYTHONPATH") else []
    sys.path[:0] = [request["runtime_dir_seen"], *map(os.path.abspath, own)]
    if _client_code is not None:
        sys.meta_path.insert(0, _client_code)
    _end_as_an_interpreter_does(lambda: runtime.run(request["layers_seen"], _client_code))


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
    wanted = {"channel", "output", *DOORS}
    moved = {name: os.dup(descriptor) for name, descriptor in descriptors.items() if name in wanted}
    # Above every number we are about to use, so that no step overwrites what a later one needs.
    high = {name: _above(descriptor, 16) for name, descriptor in moved.items()}
    nothing = _above(os.open(os.devnull, os.O_RDONLY), 16)
    os.dup2(nothing, 0)
    os.dup2(high["output"], 1)
    os.dup2(high["output"], 2)
    os.dup2(high["channel"], CHANNEL, inheritable=False)
    os.dup2(high["output"], LOG, inheritable=False)
    doors = {name: number for name, number in DOORS.items() if name in high}
    for name, number in doors.items():
        os.dup2(high[name], number, inheritable=False)
    privileges.close_all_but({0, 1, 2, CHANNEL, LOG, *doors.values()})


def _above(descriptor: int, least: int) -> int:
    import fcntl

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, least)


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
