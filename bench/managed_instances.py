"""`python bench/managed_instances.py`: the same slow function in both models, at 64 requests at once.

on demand           an environment for each request at once: 64 of them
Managed Instances   one environment with 64 slots: 64 processes of Python, or the threads of Node.js

The handler waits for 200 ms, as for a slow database, so that 64 connections of wrk see 320 answers a second at most,
each after 200 ms at least: that is the floor. Both models are loaded by turns, on a platform each; what counts are the
ratios of one run. Memory is that of all processes below the platform, shared pages divided among their users (PSS),
beyond what the platform itself had before it had a function.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import invocations
import load
import servers
from figures import Promise
from recording import conclude

AT_ONCE = 64
WAIT_S = 0.2
MEMORY_MB = 2048
FLOOR_PER_SECOND = AT_ONCE / WAIT_S
WARM_UP_S = 4
PYTHON = f"""
import json, time

def handler(event, context):
    time.sleep({WAIT_S})
    return {{"n": event["n"]}}
"""
NODE = f"""
import {{ setTimeout as sleep }} from "node:timers/promises";

export async function handler(event) {{
  await sleep({WAIT_S * 1000:g});
  return {{ n: event.n }};
}}
"""
RUNTIMES = {"python3.13": ("handler.py", PYTHON), "nodejs22.x": ("handler.mjs", NODE)}
# Environments of Python have much in common in either model here: all are forked from what is loaded already.
MEMORY_RATIOS = {"python3.13": 0.9, "nodejs22.x": 0.5}


@dataclass(frozen=True, slots=True)
class Model:
    """One platform with the function in one model, and its memory before it had one."""

    server: servers.Server
    before_mb: float

    def load(self, seconds: int) -> load.Load:
        """Load the function with 64 requests at once."""
        url = f"{self.server.url}/2015-03-31/functions/slow/invocations"
        script = load.invoke_script(invocations.EVENT, invocations.ACCOUNT)
        return load.run(url, script, connections=AT_ONCE, seconds=seconds)

    def memory_mb(self) -> float:
        """Return what the function's environments take now."""
        return servers.proportional_memory_mb(self.server.pid) - self.before_mb


@dataclass(frozen=True, slots=True)
class Found:
    """What one runtime showed: the loads of both models by turns, and their memory after each."""

    on_demand: tuple[load.Load, ...]
    managed: tuple[load.Load, ...]
    on_demand_mb: tuple[float, ...]
    managed_mb: tuple[float, ...]

    def ratio(self, figure: str) -> float:
        """Return a figure on Managed Instances over that on demand, the median of the rounds."""
        pairs = zip(self.managed, self.on_demand, strict=True)
        ratios = [float(getattr(ours, figure)) / float(getattr(theirs, figure)) for ours, theirs in pairs]
        return statistics.median(ratios)

    @property
    def memory_ratio(self) -> float:
        """The memory on Managed Instances over that on demand."""
        return statistics.median(self.managed_mb) / statistics.median(self.on_demand_mb)

    @property
    def failures(self) -> int:
        """How many requests were not answered as they should be."""
        return sum(each.failures for each in (*self.on_demand, *self.managed))


def package(runtime: str) -> bytes:
    """Return a zip of the function."""
    name, source = RUNTIMES[runtime]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as contents:
        contents.writestr(name, source)
    return archive.getvalue()


def provider_of(server: servers.Server) -> str:
    """Return the ARN of a capacity provider in the account's own network."""
    ec2, functions = invocations.client(server, "ec2"), invocations.client(server, "lambda")
    subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]]
    groups = [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]]
    made = functions.create_capacity_provider(
        CapacityProviderName="bench",
        VpcConfig={"SubnetIds": subnets[:3], "SecurityGroupIds": groups},
        PermissionsConfig={"CapacityProviderOperatorRoleArn": invocations.role_of(server)},
    )
    until(lambda: functions.get_capacity_provider(CapacityProviderName="bench")["CapacityProvider"]["State"])
    return str(made["CapacityProvider"]["CapacityProviderArn"])


def until(state: Any) -> None:  # Any: a call without arguments that returns a text
    """Wait until something is Active; ends the program where it fails or takes a minute."""
    deadline = time.monotonic() + 60
    while (found := state()) != "Active":
        if found == "Failed" or time.monotonic() > deadline:
            raise SystemExit(f"not Active, but {found}")
        time.sleep(0.05)


def make(server: servers.Server, runtime: str, *, is_managed: bool) -> None:
    """Create the function in one of the models, and wait until it can be invoked."""
    functions = invocations.client(server, "lambda")
    more: dict[str, object] = {}
    if is_managed:
        config = {"CapacityProviderArn": provider_of(server), "PerExecutionEnvironmentMaxConcurrency": AT_ONCE}
        more = {
            "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": config},
            "PublishTo": "LATEST_PUBLISHED",
        }
    functions.create_function(
        FunctionName="slow",
        Runtime=runtime,
        Role=invocations.role_of(server),
        Handler="handler.handler",
        Code={"ZipFile": package(runtime)},
        MemorySize=MEMORY_MB,
        Timeout=30,
        **more,
    )
    qualifier = {"Qualifier": "$LATEST.PUBLISHED"} if is_managed else {}
    until(lambda: functions.get_function_configuration(FunctionName="slow", **qualifier)["State"])
    if is_managed:  # one environment has a slot for each request
        bounds = {"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": 1}
        functions.put_function_scaling_config(FunctionName="slow", FunctionScalingConfig=bounds, **qualifier)
        until(lambda: functions.get_function_configuration(FunctionName="slow", **qualifier)["State"])


@contextlib.contextmanager
def model(runtime: str, *, is_managed: bool) -> Iterator[Model]:
    """Run a platform with the function in one of the models, warm."""
    with servers.lambent() as server:
        found = Model(server, servers.proportional_memory_mb(server.pid))
        make(server, runtime, is_managed=is_managed)
        found.load(WARM_UP_S)
        yield found


def measure(runtime: str, seconds: int, rounds: int) -> Found:
    """Load both models by turns."""
    turns: list[tuple[load.Load, float, load.Load, float]] = []
    with model(runtime, is_managed=False) as on_demand, model(runtime, is_managed=True) as managed:
        for _ in range(rounds):
            first, first_mb = on_demand.load(seconds), on_demand.memory_mb()
            second, second_mb = managed.load(seconds), managed.memory_mb()
            turns.append((first, first_mb, second, second_mb))
    loads, memory, ours, our_memory = zip(*turns, strict=True)
    return Found(loads, ours, memory, our_memory)


def generator_per_second() -> float:
    """Return what wrk gets from the platform over as many connections where nothing has to be waited for."""
    with servers.lambent() as server:
        return load.run(f"{server.url}/_lambent/health", "", connections=AT_ONCE, seconds=3).per_second


def promises(runtime: str, found: Found) -> list[Promise]:
    """Return the figures of a runtime that have bounds."""
    share = statistics.median(each.per_second for each in found.managed) / FLOOR_PER_SECOND
    return [
        Promise(f"{runtime}: memory over that on demand", found.memory_ratio, MEMORY_RATIOS[runtime]),
        Promise(f"{runtime}: answers/s over those on demand", found.ratio("per_second"), 0.9, at_least=True),
        Promise(f"{runtime}: p99 over that on demand", found.ratio("p99_ms"), 2),
        Promise(f"{runtime}: answers/s over the floor's", share, 0.7, at_least=True),
        Promise(f"{runtime}: requests that failed", found.failures, 0),
    ]


def rows(runtime: str, found: Found) -> list[str]:
    """Return the figures of a runtime as rows of a table."""
    models = (
        ("on demand", found.on_demand, found.on_demand_mb),
        ("Managed Instances", found.managed, found.managed_mb),
    )
    return [
        f"{runtime:<12}{name:<20}{statistics.median(memory):>10.1f}"
        f"{statistics.median(each.per_second for each in loads):>12.1f}"
        f"{statistics.median(each.median_ms for each in loads):>12.1f}"
        f"{statistics.median(each.p99_ms for each in loads):>10.1f}"
        for name, loads, memory in models
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5, help="how long each load lasts")
    parser.add_argument("--rounds", type=int, default=3, help="how many loads of each model, by turns")
    parser.add_argument("--runtime", choices=RUNTIMES, help="this one alone")
    parser.add_argument("--no-record", action="store_true", help="leave the documents as they are")
    arguments = parser.parse_args()
    able = generator_per_second()
    kept = [Promise("what wrk gets at once over the floor", able / FLOOR_PER_SECOND, 3, at_least=True)]
    lines = [f"{'':<32}{'PSS (MB)':>10}{'answers/s':>12}{'median (ms)':>12}{'p99 (ms)':>10}"]
    for runtime in RUNTIMES if arguments.runtime is None else [arguments.runtime]:
        found = measure(runtime, arguments.seconds, arguments.rounds)
        kept += promises(runtime, found)
        lines += rows(runtime, found)
    lines.append(f"{'floor':<32}{'':>10}{FLOOR_PER_SECOND:>12.1f}{WAIT_S * 1000:>12.1f}{WAIT_S * 1000:>10.1f}")
    lines.append("")
    lines.append(f"{AT_ONCE} connections; {arguments.rounds} rounds by turns, medians; wrk gets {able:.0f}/s at once")
    lines.append(f"load average afterwards {os.getloadavg()[0]:.1f}")
    conclude("managed instances", kept, lines, keep=not arguments.no_record and arguments.runtime is None)


if __name__ == "__main__":
    main()
