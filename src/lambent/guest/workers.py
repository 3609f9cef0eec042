"""Several requests at once: AWS's client forks as many workers, and each has a channel of its own to the platform.

The runtime's first process only forks them and waits for their ends; no code of the function runs in it. A worker that
ends is not replaced, and the environment goes on with the others; it ends with the last.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-python-runtime.html
"""

from __future__ import annotations

import _socket
import os
import select

from lambent.guest import framing, runtime_client

COUNT_VARIABLE = "AWS_LAMBDA_MAX_CONCURRENCY"
DOOR_VARIABLE = "_LAMBENT_WORKER_SOCKET"


FIRST_ALONE_S = 5.0


class Gate:
    """Lets the first worker come to its first `next` before the others begin to initialize, or for five seconds.

    Init is over with one worker. Where all of them load a large module at once, on fewer processors than there are
    workers, none is done before nearly all are. Measured with three environments of 16 workers, each of which makes a
    client of boto3, on two processors that others used as well: active after 13 s, and after 1.4 s with this.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        self._is_open = False

    def forked(self) -> None:
        """Note, in the process above the workers, that one more has been forked."""
        if not self._is_open:
            self._is_open = True
            os.close(self._writer)  # so that its end is seen if the first ends early

    def enter(self) -> None:
        """Wait, in a worker, until it is its turn."""
        if self._is_open:
            select.select([self._reader], [], [], FIRST_ALONE_S)
        else:
            runtime_client.when_parked = self._open
        os.close(self._reader)

    def _open(self) -> None:
        # A byte that nobody reads, since a process that the function has started may hold the descriptor, too.
        os.write(self._writer, b"1")
        os.close(self._writer)


def are_wanted() -> bool:
    """Return whether this environment serves several requests at once."""
    return COUNT_VARIABLE in os.environ


def watch_those_of_aws() -> None:
    """Tell the platform how each process ends that AWS's client forks and then waits for.

    It waits for one after the other, in the order of their start; told here, the end of any is known at once.
    """
    import multiprocessing  # no environment needs it that serves one request at a time

    context, gate = multiprocessing.get_context("fork"), Gate()

    class Worker(context.Process):  # type: ignore[name-defined,misc]  # an attribute to mypy, not a class
        def start(self) -> None:
            super().start()
            gate.forked()

        def run(self) -> None:
            del context.__dict__["Process"]  # what the function starts is none of ours
            gate.enter()
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
