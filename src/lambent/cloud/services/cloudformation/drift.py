"""Drift: what resources are now, against what their stack made them.

Only properties that the template says are compared, as on AWS. What a detection found is kept in the store: how it
went, and the last drift of each resource.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.base.tasks import TaskOwner
from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation import drift_repository, errors, repository
from lambent.cloud.services.cloudformation.engine.steps import Tools, context_of
from lambent.cloud.services.cloudformation.model.differences import differences
from lambent.cloud.services.cloudformation.model.masking import MASK, shown
from lambent.cloud.services.cloudformation.model.stack import Stack, StackResource
from lambent.cloud.services.cloudformation.model.states import STABLE, StackStatus
from lambent.cloud.services.cloudformation.resources.contract import Live, Properties, ResourceFailedError
from lambent.cloud.store.unit_of_work import Store, Transaction

_log = logging.getLogger(__name__)
Members = dict[str, Any]  # Any: members of a shape
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
_DETECTABLE = STABLE | {StackStatus.UPDATE_ROLLBACK_FAILED}


class Drift:
    """Detects drift in the background, and remembers what it found."""

    def __init__(self, store: Store, tools: Tools, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._tools = tools
        self._clock = clock
        self._ids = ids
        self._owner = TaskOwner("drift", clock=clock)

    async def start(self) -> None:
        """Take up the detections that were under way when the platform ended."""
        for body in drift_repository.drift_detections(self._store.read):
            stack = repository.stack_by_id(self._store.read, body["StackId"])
            if stack is not None:
                self._run(stack, body)

    async def stop(self) -> None:
        """End the detections under way; they begin anew at the next start."""
        await self._owner.aclose()

    async def detect(self, stack: Stack, only: Sequence[str] | None) -> str:
        """Begin to compare the stack's resources and return the detection's id. Raises ServiceError."""
        if stack.status not in _DETECTABLE:
            raise errors.invalid(f"Drift detection cannot be performed on stack [{stack.name}] while it is in {stack.status} state")  # fmt: skip  # noqa: E501 - a message in one piece
        known = repository.resources(self._store.read, stack.id)
        unknown = [name for name in only or () if name not in known]
        if unknown:
            raise errors.invalid(f"Resource {unknown[0]} does not exist for stack {stack.name}")
        detection_id = self._ids.uuid()
        body: Members = {
            "StackId": stack.id,
            "StackDriftDetectionId": detection_id,
            "DetectionStatus": "DETECTION_IN_PROGRESS",
            "Timestamp": self._clock.now(),
            "Only": None if only is None else list(only),
        }
        await self._store.write(
            lambda transaction: drift_repository.save_drift_detection(transaction, detection_id, body, is_done=False)
        )
        self._run(stack, body)
        return detection_id

    def _run(self, stack: Stack, begun: Members) -> None:
        self._owner.start(self._detect(stack, begun), name=f"detection of {stack.name}")

    async def _detect(self, stack: Stack, begun: Members) -> None:
        only, drifted, failed = begun["Only"], 0, list[str]()
        for row in repository.resources(self._store.read, stack.id).values():
            if row.status.is_gone or (only is not None and row.logical_id not in only):
                continue
            drift = await self._compared(stack, row)
            if drift is None:
                failed.append(row.logical_id)
            else:
                drifted += drift["StackResourceDriftStatus"] in {"MODIFIED", "DELETED"}
        await self._finish(begun, drifted, failed)

    async def _compared(self, stack: Stack, row: StackResource) -> Members | None:
        """Return a resource's StackResourceDrift, or None where it cannot be told."""
        try:
            return await self.of_resource(stack, row)
        except (ServiceError, ResourceFailedError):
            return None
        except Exception:  # noqa: BLE001 - a handler's mistake must not leave the detection under way for ever
            _log.exception("a resource handler failed")
            return None

    async def _finish(self, begun: Members, drifted: int, failed: list[str]) -> None:
        status, now = "DRIFTED" if drifted else "IN_SYNC", self._clock.now()
        body: Members = {**begun, "DriftedStackResourceCount": drifted, "DetectionStatus": "DETECTION_COMPLETE"}
        if failed:
            body["DetectionStatus"] = "DETECTION_FAILED"
            body["DetectionStatusReason"] = f"Failed to detect drift on resource [{', '.join(failed)}]"
        if drifted or not failed:
            body["StackDriftStatus"] = status

        def work(transaction: Transaction) -> None:
            drift_repository.save_drift_detection(transaction, begun["StackDriftDetectionId"], body, is_done=True)
            if "StackDriftStatus" in body:
                repository.amend_stack(transaction, begun["StackId"], drift_status=status, drift_checked=now)

        await self._store.write(work)

    async def of_resource(self, stack: Stack, row: StackResource) -> Members:
        """Compare one resource and return its StackResourceDrift."""
        kind = self._tools.types.get(row.type)
        live = Live(row.physical_id, row.attributes)
        is_known = kind is not None and kind.supports_drift
        now: Properties | None = row.properties
        if kind is not None and is_known:
            now = await kind.handler.read(context_of(self._tools, stack, row), live, row.properties)
        told = shown(row.properties, row.masked)
        drift: Members = {
            "StackId": stack.id,
            "LogicalResourceId": row.logical_id,
            "PhysicalResourceId": row.physical_id,
            "ResourceType": row.type,
            "ExpectedProperties": json.dumps(told),
            "Timestamp": self._clock.now(),
        }
        if now is None:
            drift["StackResourceDriftStatus"] = "DELETED"
        else:
            found = differences(row.properties, now)
            hidden = {name for name, value in told.items() if value != row.properties[name]}
            drift["ActualProperties"] = json.dumps({**row.properties, **now, **_hidden(row.properties, told, now)})
            drift["PropertyDifferences"] = [_masked(one.shape(), hidden) for one in found]
            drift["StackResourceDriftStatus"] = "MODIFIED" if found else "IN_SYNC" if is_known else "NOT_CHECKED"
        status, checked = drift["StackResourceDriftStatus"], drift["Timestamp"]

        def work(transaction: Transaction) -> None:
            drift_repository.save_drift(transaction, stack.id, row.logical_id, drift)
            now = repository.resource(transaction, stack.id, row.logical_id)  # it may have been changed meanwhile
            if now is not None:
                seen = replace(now, drift_status=status, drift_checked=checked)
                repository.save_resource(transaction, stack.id, seen)

        await self._store.write(work)
        return drift

    def status(self, detection_id: str) -> Members:
        """Return how a detection went. Raises ServiceError for one that is not known."""
        found = drift_repository.drift_detection(self._store.read, detection_id)
        if found is None:
            raise errors.invalid(f"Stack drift detection id {detection_id} does not exist")
        return {name: value for name, value in found.items() if name != "Only"}

    def known(self, stack: Stack) -> list[Members]:
        """Return the last drift of each of the stack's resources."""
        return drift_repository.drifts(self._store.read, stack.id)


def _hidden(properties: Properties, told: Properties, now: Properties) -> Members:
    """Return, of the properties that are not told in clear, what is told of them as they are now."""
    return {
        name: value if now.get(name, properties[name]) == properties[name] else MASK
        for name, value in told.items()
        if value != properties[name]
    }


def _masked(difference: Members, hidden: set[str]) -> Members:
    if difference["PropertyPath"].split("/")[1] not in hidden:
        return difference
    return {name: MASK if name.endswith("Value") else value for name, value in difference.items()}
