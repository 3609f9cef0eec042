"""Managed Instances from the shell: what `lambent status` shows, and a platform that is killed and started again."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambent.aws.clients import Target
from lambent.testing.builders import ensure_role
from tests.journeys.commands import Commands, with_platform
from tests.services.managed import HANDLER, instances, make_pool, publish, settled
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def lambent(tmp_path: Path, free_port: int) -> Iterator[Commands]:
    """A platform that keeps its state in a folder."""
    with with_platform(tmp_path, free_port) as commands:
        yield commands


def test_what_is_published_is_shown_and_serves_again_after_a_kill(lambent: Commands) -> None:
    target = Target.local(f"http://127.0.0.1:{lambent.port}")
    functions, ec2, role = target.client("lambda"), target.client("ec2"), ensure_role(target.client("iam"))
    publish(functions, role, make_pool(functions, ec2, role), slots=2)
    found = instances(ec2, IncludeManagedResources=True)

    told = lambent.run("status").stdout
    assert "capacity provider pool, at most 400 vCPUs" in told
    for each in found:
        (line,) = [line for line in told.splitlines() if each["InstanceId"] in line]
        words = (each["InstanceType"], each["Placement"]["AvailabilityZone"], "running", "f:$LATEST.PUBLISHED")
        assert all(word in line for word in words)
        assert "0 of 2 busy" in line
    (shown,) = lambent.told("status", "--json")["capacityProviders"]
    assert {each["instanceId"] for each in shown["instances"]} == {each["InstanceId"] for each in found}

    killed = lambent.told("status", "--json")["pid"]
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{killed}").exists())
    lambent.run("start", "--detach")
    assert functions.invoke(FunctionName="f")["Payload"].read() == b'"done"'
    assert settled(functions)["State"] == "Active"
    assert len(instances(ec2, IncludeManagedResources=True)) == 3


def test_a_function_whose_latest_is_not_published_is_invoked_by_what_is(lambent: Commands) -> None:
    target = Target.local(f"http://127.0.0.1:{lambent.port}")
    functions, ec2, role = target.client("lambda"), target.client("ec2"), ensure_role(target.client("iam"))
    pool = make_pool(functions, ec2, role)
    made = {"Runtime": "python3.13", "Handler": "handler.handler", "Role": role, "Code": {"ZipFile": HANDLER}}
    config = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": pool}}
    functions.create_function(FunctionName="f", **made, MemorySize=2048, CapacityProviderConfig=config)
    settled(functions, qualifier="$LATEST")
    assert "Publish a version of it first." in lambent.run("invoke", "f", expect=1).stderr
    functions.publish_version(FunctionName="f")
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    refused = lambent.run("invoke", "f", expect=1).stderr
    assert "no published version exists" in refused
    assert "Add --qualifier live or 1." in refused


def test_a_started_platform_is_told_how_long_instances_take_to_launch(tmp_path: Path, free_port: int) -> None:
    commands = Commands(tmp_path, free_port)
    commands.run("start", "--detach", "--memory", "--instance-launch-seconds", "7.5")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/_lambent/settings") as answer:
            told = json.load(answer)
        assert (told["instance_launch_s"], told["first_instance_launch_s"]) == (7.5, 7.5)
    finally:
        commands.run("stop")
