"""Several requests at once: AWS's client forks as many workers, and each has a channel of its own to the platform.

The runtime's first process only forks them and waits for their ends; no code of the function runs in it. A worker that
ends is not replaced, and the environment goes on with the others; it ends with the last.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-python-runtime.html
"""

from __future__ import annotations

import _socket
import os

from lambent.guest import framing, runtime_client

COUNT_VARIABLE = "AWS_LAMBDA_MAX_CONCURRENCY"
DOOR_VARIABLE = "_LAMBENT_WORKER_SOCKET"


def are_wanted() -> bool:
    """Return whether this environment serves several requests at once."""
    return COUNT_VARIABLE in os.environ


def watch_those_of_aws() -> None:
    """Tell the platform how each process ends that AWS's client forks and then waits for.

    It waits for one after the other, in the order of their start; told here, the end of any is known at once.
    """
    import multiprocessing  # no environment needs it that serves one request at a time

    context = multiprocessing.get_context("fork")

    class Worker(context.Process):  # type: ignore[name-defined,misc]  # an attribute to mypy, not a class
        def run(self) -> None:
            del context.__dict__["Process"]  # what the function starts is none of ours
            super().run()

        def join(self, timeout: float | None = None) -> None:
            """Wait for every worker, whichever this is."""
            del timeout
            _tell_ends()

    context.__dict__["Process"] = Worker


def become_one(door: str) -> None:
    """Connect the calling process, just forked, as a worker of its own."""
    runtime_client.disconnect()
    connection = _socket.socket(_socket.AF_UNIX)  # the function may have a module of the name that Python's own has
    connection.connect(door)
    runtime_client.connect(connection.detach())
    runtime_client.tell(framing.WORKER, framing.WORKER_ID.pack(os.getpid()))


def _tell_ends() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return
        runtime_client.tell(framing.WORKER_ENDED, framing.WORKER_END.pack(pid, status))
