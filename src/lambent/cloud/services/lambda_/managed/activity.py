"""What execution environments on managed instances served, since somebody last asked."""

from __future__ import annotations

from collections import Counter

from lambent.cloud.services.lambda_.model.capacity_metrics import Finished
from lambent.cloud.store.scope import Scope
from lambent.dataplane import FunctionSpec, InvocationReport, InvocationStatus

Version = tuple[Scope, str, str]
"""An account and region, a function's name, and one of its versions."""


def version_of(spec: FunctionSpec) -> Version:
    """Return which version a spec is of."""
    return Scope(spec.account, spec.region), spec.function_name, spec.version


class Activity:
    """Counts the requests under way in each environment, keeps the most there were, and adds up those that are over."""

    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()
        self._most: dict[str, int] = {}
        self._finished: dict[Version, Finished] = {}

    def began(self, environment_id: str) -> None:
        """A request is under way in an environment."""
        now = self._under_way[environment_id] = self._under_way[environment_id] + 1
        if now > self._most.get(environment_id, 0):
            self._most[environment_id] = now

    def ended(self, environment_id: str, spec: FunctionSpec, report: InvocationReport) -> None:
        """One is over."""
        self._under_way[environment_id] -= 1
        if self._under_way[environment_id] <= 0:
            del self._under_way[environment_id]
        before = self._finished.get(version_of(spec), Finished())
        has_failed = report.status is not InvocationStatus.SUCCESS
        self._finished[version_of(spec)] = before.and_one(report.duration_ms, has_failed=has_failed)

    def take_most(self) -> dict[str, int]:
        """Return the most for each environment that served any, and begin anew."""
        most, self._most = self._most, dict(self._under_way)
        return most

    def take_finished(self) -> dict[Version, Finished]:
        """Return what requests that are over come to, for each version that had any, and begin anew."""
        finished, self._finished = self._finished, {}
        return finished
