"""A platform killed while schedules fall due: every occurrence is carried out, under one execution id."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lambent.base.identifiers import SystemIds
from lambent.testing.clients import Clients
from tests.durability.test_platform_kill import platform
from tests.waiting import eventually

_SCHEDULES = 30
_TRUST = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
_POLICY = {"Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}


def _make_schedules(clients: Clients) -> None:
    """Make schedules that are due within a second, soon after the last is made; each call leaves a saved query."""
    iam, scheduler = clients.get("iam"), clients.get("scheduler")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps({"Statement": [_TRUST]}))["Role"]["Arn"]
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(_POLICY))
    due = time.time() + 3  # noqa: TID251 - the platform runs in real time
    for number in range(_SCHEDULES):
        moment = datetime.fromtimestamp(due + number % 2, UTC)
        told = {"Name": f"{number} <aws.scheduler.execution-id>", "QueryString": "q"}
        scheduler.create_schedule(
            Name=f"s-{number}",
            ScheduleExpression=f"at({moment:%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={
                "Arn": "arn:aws:scheduler:::aws-sdk:cloudwatchlogs:putQueryDefinition",
                "RoleArn": role,
                "Input": json.dumps(told),
            },
        )
    threading.Event().wait(max(0.0, due - 0.5 - time.time()))  # noqa: TID251 - as above


def _carried_out(clients: Clients) -> set[tuple[str, ...]]:
    """Return which schedules were carried out, each with its execution id."""
    logs: Any = clients.get("logs")  # Any: boto3's clients are classes made at run time
    found = logs.describe_query_definitions(maxResults=1000)["queryDefinitions"]
    return {tuple(each["name"].split()) for each in found}


@pytest.mark.timeout(120)
def test_kill_neither_loses_nor_doubles_an_occurrence(tmp_path: Path, free_port: int) -> None:
    clients = Clients(f"http://127.0.0.1:{free_port}")
    try:
        with platform(tmp_path / "data", free_port) as child:
            _make_schedules(clients)
            threading.Event().wait(1.6 * SystemIds().fraction())
            child.send_signal(signal.SIGKILL)
            child.wait()
        with platform(tmp_path / "data", free_port):
            eventually(lambda: len({each[0] for each in _carried_out(clients)}) == _SCHEDULES)
            eventually(lambda: clients.get("scheduler").list_schedules()["Schedules"] == [])
            assert max(Counter(each[0] for each in _carried_out(clients)).values()) == 1
    finally:
        clients.close()
