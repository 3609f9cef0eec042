"""Byte code of the SDK for this interpreter, written once, so that functions need not compile it at every start.

Functions cannot: to them /var/runtime is read-only. Python itself would do the same on a first import.
"""

from __future__ import annotations

import compileall
import os
import signal

from lambent.guest import kernel, privileges


def precompile(runtime_dir: str) -> None:
    """Compile what lacks byte code of this version, in a process of its own and at the lowest priority.

    Where the files are not ours to write beside, nothing happens. Never raises; the process ends with its parent.
    """
    if os.fork():
        return
    try:
        kernel.die_with_parent(signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        privileges.close_all_but({0, 1, 2})
        os.nice(19)
        for name in sorted(os.listdir(runtime_dir)):
            place = os.path.realpath(os.path.join(runtime_dir, name))
            if os.path.isdir(place) and os.access(place, os.W_OK):
                compileall.compile_dir(place, quiet=2)
    finally:
        os._exit(0)
