"""Functions on a capacity provider, in one execution environment, and many requests to them at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.request import urlopen

from lambent.testing.builders import zip_of
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.lambda_.conftest import Client, MakeProvider
from tests.waiting import eventually

Answer = Any  # Any: what a handler returns, or AWS's description of an error


@dataclass(slots=True)
class Managed:
    """Makes and calls the function "f" on Managed Instances."""

    aws: ClientFactory
    functions: Client
    make_provider: MakeProvider
    role: str
    environment_id: str = ""
    """The one environment that is left of those that publishing starts."""

    def publish(
        self,
        runtime: str,
        files: Mapping[str, str],
        *,
        most: int | None = None,
        variables: Mapping[str, str] | None = None,
        **more: object,
    ) -> None:
        """Create the function and return once it serves, in one environment."""
        config: dict[str, Any] = {"CapacityProviderArn": self.make_provider()}  # Any: the shape's members
        if most is not None:
            config["PerExecutionEnvironmentMaxConcurrency"] = most
        wanted: dict[str, object] = {"Handler": "handler.handler", "MemorySize": 2048, "Timeout": 20, **more}
        self.functions.create_function(
            FunctionName="f",
            Runtime=runtime,
            Role=self.role,
            Code={"ZipFile": zip_of(files, executable=frozenset({"bootstrap"}))},
            Environment={"Variables": dict(variables or {})},
            CapacityProviderConfig={"LambdaManagedInstancesCapacityProviderConfig": config},
            PublishTo="LATEST_PUBLISHED",
            **wanted,
        )
        eventually(lambda: self.state() in {"Active", "Failed"})
        bounds = {"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": 1}
        if self.state() == "Active":
            self.functions.put_function_scaling_config(
                FunctionName="f", Qualifier="$LATEST.PUBLISHED", FunctionScalingConfig=bounds
            )
            eventually(lambda: self.state() == "Active")
            self.environment_id = eventually(self._only_environment)

    def _only_environment(self) -> str | None:
        with urlopen(f"{self.functions.meta.endpoint_url}/_lambent/environments") as answer:  # noqa: S310 - our own platform
            environments = json.load(answer)["environments"]
        account = self.role.split(":")[4]
        ours = [each["environment_id"] for each in environments if f":{account}:" in each["function_arn"]]
        return str(ours[0]) if len(ours) == 1 else None

    def state(self) -> str:
        """Return the published version's state."""
        shown = self.functions.get_function_configuration(FunctionName="f", Qualifier="$LATEST.PUBLISHED")
        return str(shown["State"])

    def call(self, event: object) -> Answer:
        """Return what the function answers to an event, once it is not throttled any more."""
        payload = json.dumps(event)

        def answered() -> Client | None:
            try:
                return self.functions.invoke(FunctionName="f", Payload=payload)
            except self.functions.exceptions.TooManyRequestsException:
                return None

        return json.loads(eventually(answered)["Payload"].read())

    def at_once(self, events: Sequence[object]) -> list[Answer]:
        """Return the answers to so many events at once, in their order."""
        with ThreadPoolExecutor(len(events)) as pool:
            return list(pool.map(self.call, events))

    def lines(self) -> list[str]:
        """Return what the log group holds now of the environment that is left, or of all where none has come up."""
        logs = self.aws("logs")
        try:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName="/aws/lambda/f")
            events = [event for page in pages for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []
        ours = [event for event in events if event["logStreamName"].endswith(self.environment_id)]
        return [event["message"].rstrip("\n") for event in ours]

    def records(self, wanted: str, count: int) -> list[Any]:  # Any: JSON objects
        """Return the log's records that hold a text, once there are so many."""

        def found() -> list[Any] | None:  # Any: as above
            some = [json.loads(line) for line in self.lines() if wanted in line]
            return some if len(some) >= count else None

        return eventually(found)
