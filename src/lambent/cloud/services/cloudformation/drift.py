"""Drift: what resources are now, against what their stack made them.

Only properties that the template says are compared, as on AWS. What a detection found is kept in memory; the statuses
of resources and stacks are kept with them.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.services.cloudformation import errors, repository
from lambent.cloud.services.cloudformation.engine.steps import Tools, context_of
from lambent.cloud.services.cloudformation.model.replacement import changed_properties
from lambent.cloud.services.cloudformation.model.stack import ResourceStatus, Stack, StackResource
from lambent.cloud.services.cloudformation.resources.contract import Live, Properties
from lambent.cloud.store.unit_of_work import Store

Members = dict[str, Any]  # Any: members of a shape
_GONE = frozenset({ResourceStatus.DELETE_COMPLETE, ResourceStatus.DELETE_SKIPPED})


class Drift:
    """Detects drift, and remembers what it found."""

    def __init__(self, store: Store, tools: Tools, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._tools = tools
        self._clock = clock
        self._ids = ids
        self._detections: dict[str, Members] = {}
        self._found: dict[str, dict[str, Members]] = {}

    async def detect(self, stack: Stack, only: Collection[str] | None) -> str:
        """Compare the stack's resources and return the detection's id."""
        drifted = 0
        for row in repository.resources(self._store.read, stack.id).values():
            if row.status in _GONE or (only is not None and row.logical_id not in only):
                continue
            drift = await self.of_resource(stack, row)
            drifted += drift["StackResourceDriftStatus"] in {"MODIFIED", "DELETED"}
        status = "DRIFTED" if drifted else "IN_SYNC"
        now = self._clock.now()
        current = repository.stack_by_id(self._store.read, stack.id)
        if current is not None:
            checked = replace(current, drift_status=status, drift_checked=now)
            await self._store.write(lambda transaction: repository.save_stack(transaction, checked))
        detection_id = self._ids.uuid()
        self._detections[detection_id] = {
            "StackId": stack.id,
            "StackDriftDetectionId": detection_id,
            "StackDriftStatus": status,
            "DetectionStatus": "DETECTION_COMPLETE",
            "DriftedStackResourceCount": drifted,
            "Timestamp": now,
        }
        return detection_id

    async def of_resource(self, stack: Stack, row: StackResource) -> Members:
        """Compare one resource and return its StackResourceDrift."""
        kind = self._tools.types.get(row.type)
        live = Live(row.physical_id, row.attributes)
        is_known = kind is not None and kind.supports_drift
        now: Properties | None = row.properties
        if kind is not None and is_known:
            now = await kind.handler.read(context_of(self._tools, stack, row), live, row.properties)
        drift: Members = {
            "StackId": stack.id,
            "LogicalResourceId": row.logical_id,
            "PhysicalResourceId": row.physical_id,
            "ResourceType": row.type,
            "ExpectedProperties": json.dumps(row.properties),
            "Timestamp": self._clock.now(),
        }
        if now is None:
            drift["StackResourceDriftStatus"] = "DELETED"
        else:
            names = [name for name in changed_properties(row.properties, now) if name in row.properties]
            drift["ActualProperties"] = json.dumps({**row.properties, **now})
            drift["PropertyDifferences"] = [
                {
                    "PropertyPath": f"/{name}",
                    "ExpectedValue": json.dumps(row.properties[name]),
                    "ActualValue": json.dumps(now.get(name)),
                    "DifferenceType": "NOT_EQUAL" if name in now else "REMOVE",
                }
                for name in names
            ]
            drift["StackResourceDriftStatus"] = "MODIFIED" if names else "IN_SYNC" if is_known else "NOT_CHECKED"
        self._found.setdefault(stack.id, {})[row.logical_id] = drift
        checked = replace(row, drift_status=drift["StackResourceDriftStatus"], drift_checked=drift["Timestamp"])
        await self._store.write(lambda transaction: repository.save_resource(transaction, stack.id, checked))
        return drift

    def status(self, detection_id: str) -> Members:
        """Return how a detection went. Raises ServiceError for one that is not known."""
        if detection_id not in self._detections:
            raise errors.invalid(f"Stack drift detection id {detection_id} does not exist")
        return self._detections[detection_id]

    def known(self, stack: Stack) -> list[Members]:
        """Return the last drift of each of the stack's resources."""
        return list(self._found.get(stack.id, {}).values())
