"""AWS's Lambda runtime client for Python, over our own transport: loading the handler, context, errors, logging.

Two ways lead here: from a fork that has everything loaded (`bootstrap.py`), and as /var/runtime/bootstrap.py in an
interpreter executed afresh. The latter pays for each import, so only what it needs is imported here.
"""

from __future__ import annotations

import contextlib
import os
import sys

from lambent.guest import framing, runtime_client, search_path, workers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from lambent.guest.preloaded import Compiled

CHANNEL = 3
LOG = 4
DOORS = {"workers": 8, "logs": 9}
"""Where workers connect, if there are several; only ever named by their paths in /proc."""
LAYERS_VARIABLE = "_LAMBENT_LAYERS"


def main() -> None:
    """Be the runtime of one environment, executed afresh; ends by an exception, as AWS's does."""
    layers = os.environ.pop(LAYERS_VARIABLE)
    for number in (CHANNEL, LOG, *(DOORS.values() if workers.are_wanted() else ())):
        with contextlib.suppress(OSError):  # there are no doors where the sandbox's files are the host's
            os.set_inheritable(number, False)  # noqa: FBT003 - the call's own interface
    ours = _hide_ourselves()
    search_path.customize()
    sys.modules.update(ours)
    run(layers)


def run(layers: str, client_code: Compiled | None = None) -> None:
    """Run AWS's client, from its compiled code if there is any, until it ends by an exception, also SystemExit.

    `layers` is where they are seen.
    """
    are_several = workers.are_wanted()
    _offer_log(are_several=are_several)
    template = os.environ.pop(framing.TEMPLATE_VARIABLE, None)
    if template is not None:
        import json

        from lambent.guest import snapshot
    runtime_client.connect(CHANNEL)
    sys.modules["runtime_client"] = runtime_client
    _hide_ourselves()
    from awslambdaric import bootstrap, lambda_runtime_client, lambda_runtime_marshaller

    if are_several:
        from awslambdaric import lambda_multi_concurrent_utils  # noqa: F401 - see below
    # Only now, as on AWS: a package of the function is not what the client imports.
    search_path.add_folders(layers, keeps_loaded=are_several)

    class Ours:
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

    class Client(Ours, lambda_runtime_client.LambdaRuntimeClient):  # type: ignore[misc]  # AWS ships no types
        """The one client of an environment that serves one request at a time."""

    handler, address = os.environ["_HANDLER"], os.environ.get("AWS_LAMBDA_RUNTIME_API", "")
    if are_several:
        _run_several(handler, address, Ours, client_code)
        return
    if client_code is not None:
        sys.meta_path.remove(client_code)
    bootstrap.run(handler, Client(address))


def _offer_log(*, are_several: bool) -> None:
    if are_several:
        os.close(LOG)  # each worker has one of its own
    else:
        os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = str(LOG)


def _hide_ourselves() -> dict[str, ModuleType]:
    # A function may bring a package of our name; what we need of ours is loaded and stays referenced.
    names = [name for name in sys.modules if name == "lambent" or name.startswith("lambent.")]
    return {name: sys.modules.pop(name) for name in names}


def _run_several(handler: str, address: str, ours: type, client_code: Compiled | None) -> None:
    """Let AWS's client fork its workers, and return when the last has ended."""
    from awslambdaric import bootstrap, lambda_multi_concurrent_utils, lambda_runtime_client

    class Client(ours, lambda_runtime_client.LambdaMultiConcurrentRuntimeClient):  # type: ignore[misc]  # as above
        """The client of one worker."""

    class Runner(lambda_multi_concurrent_utils.MultiConcurrentRunner):  # type: ignore[misc]  # as above
        @classmethod
        def run_single(cls, handler: str, api_addr: str, use_thread: bool, socket_path: str) -> None:  # noqa: FBT001 - AWS's interface
            cls._redirect_output(socket_path)
            workers.become_one(door)
            bootstrap.run(handler, Client(api_addr, use_thread))

    if client_code is not None:
        sys.meta_path.remove(client_code)
    # Our client waits in Python, so that no thread is needed to keep signals served.
    waits_in_thread = False
    count, door = int(os.environ[workers.COUNT_VARIABLE]), os.environ.pop(workers.DOOR_VARIABLE)
    logs = os.environ["_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET"]
    workers.watch_those_of_aws()
    Runner.run_concurrent(handler, address, waits_in_thread, logs, count)
