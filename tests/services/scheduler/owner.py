"""An account with a role for its schedules, and a target whose calls can be counted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from lambent.testing.platform import LocalPlatform

Client = Any  # Any: boto3 makes its clients at run time
# Each call leaves a saved query of this name, so what fired is seen without a function or a queue.
NOTE = "arn:aws:scheduler:::aws-sdk:cloudwatchlogs:putQueryDefinition"


class Owner:
    """An account of a platform in virtual time."""

    def __init__(self, platform: LocalPlatform, account: str) -> None:
        self.platform = platform
        self.account = account
        self.scheduler = self.client("scheduler")
        self.role = self.make_role("fires", allowed="*")

    def client(self, service: str) -> Client:
        """Return a client of the account."""
        return self.platform.client(service, account=self.account)

    def make_role(self, name: str, *, allowed: str, trusted: str = "scheduler.amazonaws.com") -> str:
        """Return the ARN of a new role that may do what is allowed."""
        trust = {"Effect": "Allow", "Principal": {"Service": trusted}, "Action": "sts:AssumeRole"}
        iam = self.client("iam")
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
        policy = {"Statement": [{"Effect": "Allow", "Action": allowed, "Resource": "*"}]}
        iam.put_role_policy(RoleName=name, PolicyName="allowed", PolicyDocument=json.dumps(policy))
        return str(made["Role"]["Arn"])

    def create(self, name: str, expression: str, **more: Any) -> str:  # Any: members of CreateSchedule
        """Create a schedule that notes when it was due, unless `more` says otherwise; return its ARN."""
        arn = self.scheduler.create_schedule(**self.definition(name, expression, **more))["ScheduleArn"]
        return str(arn)

    def definition(self, name: str, expression: str, **more: Any) -> dict[str, Any]:  # Any: as above
        """Return what CreateSchedule is asked."""
        note = {"Name": f"{name} <aws.scheduler.scheduled-time>", "QueryString": "<aws.scheduler.attempt-number>"}
        return {
            "Name": name,
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": NOTE, "RoleArn": self.role, "Input": json.dumps(note)},
            **more,
        }

    def fired(self, name: str) -> list[str]:
        """Return when a schedule that notes it was due, as far as its target was called."""
        found = self.client("logs").describe_query_definitions(queryDefinitionNamePrefix=f"{name} ", maxResults=1000)[
            "queryDefinitions"
        ]
        return sorted(each["name"].removeprefix(f"{name} ") for each in found)

    def now(self) -> datetime:
        """Return the platform's moment."""
        return datetime.fromtimestamp(self.platform.clock.now(), UTC)

    def advance_to(self, moment: datetime) -> None:
        """Move the platform's time on."""
        self.platform.clock.advance(moment.timestamp() - self.platform.clock.now())

    def delete_schedules(self) -> None:
        """Delete what would go on firing in later tests."""
        for page in self.scheduler.get_paginator("list_schedules").paginate():
            for one in page["Schedules"]:
                self.scheduler.delete_schedule(Name=one["Name"], GroupName=one["GroupName"])
