"""Waiting until a function is what it was told to become."""

from __future__ import annotations

from typing import Any

from lambent.aws.clients import aws_errors
from lambent.deploy.errors import DeployError
from lambent.deploy.waiting import wait

_LOOK_S, _PATIENCE_S = 0.02, 120.0


def settled(client: Any, function_name: str) -> None:  # Any: a boto3 client
    """Return once a function is active and its last update is over. Raises DeployError where one failed."""
    waited_s = 0.0
    while True:
        with aws_errors():
            told = client.get_function_configuration(FunctionName=function_name)
        state, update = told.get("State", "Active"), told.get("LastUpdateStatus", "Successful")
        if "Failed" in {state, update}:
            reason = told.get("LastUpdateStatusReason") or told.get("StateReason") or "no reason given"
            raise DeployError(f"{function_name} was not updated: {reason}")
        if state != "Pending" and update != "InProgress":
            return
        if waited_s > _PATIENCE_S:
            raise DeployError(f"{function_name} is still being updated after {_PATIENCE_S:.0f} s.")
        wait(_LOOK_S)
        waited_s += _LOOK_S
