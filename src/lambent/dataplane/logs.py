"""What a function writes, passed on with the invocation it belongs to."""

from __future__ import annotations

from collections.abc import Callable

from lambent.dataplane.types import EnvironmentInfo, Observer, OutputLine


class OutputRelay:
    """Gives each line of one environment to the observer, together with the request that was running.

    Lines keep their order. Those written outside an invocation (in init, between two, while it ends) name none. Where
    several run at once, the sandbox tells by who wrote a line to which of them it belongs.
    """

    __slots__ = ("_observer", "environment", "request_id", "tap")

    def __init__(self, observer: Observer, environment: EnvironmentInfo) -> None:
        self._observer = observer
        self.environment = environment
        self.request_id: str | None = None
        self.tap: Callable[[OutputLine], None] | None = None
        """Who else is told of each line: the environment's extensions, if it has any."""

    def __call__(self, line: OutputLine, request_id: str | None = None, /) -> None:
        """Pass one line on; what the sandbox calls for each."""
        self._observer.output(self.environment, request_id or self.request_id, line)
        if self.tap is not None:
            self.tap(line)
