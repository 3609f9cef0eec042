"""Several requests at once: AWS's client forks as many workers, and each has a channel of its own to the platform.

The runtime's first process only forks them and waits for their ends; no code of the function runs in it. A worker that
ends is not replaced, and the environment goes on with the others; it ends with the last.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-python-runtime.html
"""

from __future__ import annotations

import os
import signal
import socket

from lambent.guest import framing, runtime_client

COUNT_VARIABLE = "AWS_LAMBDA_MAX_CONCURRENCY"
DOOR_VARIABLE = "_LAMBENT_WORKER_SOCKET"

_door = ""


def are_wanted() -> bool:
    """Return whether this environment serves several requests at once."""
    return COUNT_VARIABLE in os.environ


def watch() -> None:
    """Tell the platform from now on how each child of this process ends; called before the first is forked."""
    global _door  # noqa: PLW0603 - inherited by every worker
    _door = os.environ.pop(DOOR_VARIABLE)
    signal.signal(signal.SIGCHLD, _tell_ends)


def become_one() -> None:
    """Connect the calling process, just forked, as a worker of its own."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    runtime_client.disconnect()
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(_door)
    runtime_client.connect(connection.detach())
    runtime_client.tell(framing.WORKER, framing.WORKER_ID.pack(os.getpid()))


def _tell_ends(_number: int, _frame: object) -> None:
    # AWS's client waits for one worker after the other, in the order of their start; a child that is gone by then is
    # no error to it. Told here, the end of any is known at once.
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        runtime_client.tell(framing.WORKER_ENDED, framing.WORKER_END.pack(pid, status))
