"""Waits for a debugger inside the first invocation, and then runs the handler that is meant.

The wait is no part of init, which Lambda ends after ten seconds; and as the handler is loaded afterwards, breakpoints
hold in all of its code. LAMBENT_DEBUG says what the copy of the function stands for.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import socket
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_loaded: Callable[[Any, Any], Any] | None = None  # Any: events, contexts and answers are the user's


def handler(event: Any, context: Any) -> Any:  # Any: as above
    """Run the function's own handler; the first time, once a debugger is attached."""
    global _loaded  # noqa: PLW0603 - one environment, one handler
    if _loaded is None:
        told = json.loads(os.environ.pop("LAMBENT_DEBUG"))
        os.environ.update(told["variables"])
        for name, value in told["context"].items():
            setattr(context, name, value)
        _wait(told)
        _loaded = _load(told["handler"])
    return _loaded(event, context)


def _wait(told: dict[str, Any]) -> None:  # Any: what the command told
    import debugpy  # noqa: T100 - this is what the file is for

    asking = socket.create_connection((told["host"], told["control"]))
    debugpy.listen((told["host"], told["port"]))  # noqa: T100 - as above
    # Whoever asked for the debugger ends it by going away.
    threading.Thread(target=_end_with, args=(asking,), daemon=True).start()
    asking.sendall(json.dumps({"root": os.environ["LAMBDA_TASK_ROOT"]}).encode() + b"\n")
    debugpy.wait_for_client()  # noqa: T100 - as above


def _end_with(asking: socket.socket) -> None:
    with contextlib.suppress(OSError):  # gone all the same
        asking.recv(1)
    os._exit(0)


def _load(name: str) -> Callable[[Any, Any], Any]:  # Any: as above
    module, _, function = name.rpartition(".")
    loaded = importlib.import_module(module.replace("/", "."))
    found: Callable[[Any, Any], Any] = getattr(loaded, function)  # Any: as above
    return found
