"""Where a fork server's sandboxes stand."""

from __future__ import annotations

import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambent.guest.framing import ServerConfig


class Place:
    """Decided once, from the configuration that the platform passes to the fork server."""

    def __init__(self, config: ServerConfig) -> None:
        self.namespaces = config["namespaces"]
        self.base = config["base"]
        self.user_id = config["user_id"]
        self.switch_user = config["switch_user"]
        self.endpoint_port = config["endpoint_port"]
        self.alive = config["alive"]
        self.report_pipe = -1
        self.report_source = -1

    def is_orphaned(self) -> bool:
        """Whether the platform has ended: it holds the other end of the alive pipe and never writes."""
        return self.alive in readable([self.alive], 0)


def readable(descriptors: list[int], wait_ms: int | None = None) -> set[int]:
    """Return which of the descriptors can be read, waiting so many milliseconds for the first, or as long as it takes.

    Not by select(), which knows no descriptor above 1023: the platform may have passed us such.
    """
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(wait_ms)}
