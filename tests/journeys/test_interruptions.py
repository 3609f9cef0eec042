"""Deployments that are cut off: by Ctrl-C, by a kill, by a platform that ends; and two of them at once."""

from __future__ import annotations

import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambent.aws.clients import Target
from tests.journeys.commands import Commands, read_until, with_platform

pytestmark = pytest.mark.timeout(120)
# It is under way until somebody sends the signal.
TEMPLATE = """
Parameters:
  Stage: {Type: String, Default: dev}
Resources:
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
  Signal:
    Type: AWS::CloudFormation::WaitCondition
    Properties: {Handle: !Ref Handle, Timeout: 600}
Outputs:
  Stage: {Value: !Ref Stage}
"""
UP = ("up", "--stack", "slow")
FOLLOWED = "Stack slow is being brought to this very state already; following."


@pytest.fixture
def lambent(tmp_path: Path, free_port: int) -> Iterator[Commands]:
    """A project whose deployment waits for a signal, and a platform that keeps its state in a folder."""
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    with with_platform(tmp_path, free_port) as commands:
        yield commands


def signalled(lambent: Commands) -> None:
    """Send the signal that the stack waits for."""
    stacks = Target.local(f"http://127.0.0.1:{lambent.port}").client("cloudformation")
    handle = stacks.describe_stack_resource(StackName="slow", LogicalResourceId="Handle")
    address = handle["StackResourceDetail"]["PhysicalResourceId"]
    body = b'{"Status": "SUCCESS", "Reason": "done", "UniqueId": "1", "Data": ""}'
    request = urllib.request.Request(address, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310 - ours
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - as above


@pytest.mark.parametrize(
    ("how", "code", "last_words"),
    [(signal.SIGINT, 130, "What was begun goes on at the target."), (signal.SIGKILL, -9, "")],
    ids=["Ctrl-C", "kill"],
)
def test_a_deployment_that_is_cut_off_goes_on_and_is_followed_by_the_next_up(
    lambent: Commands, how: signal.Signals, code: int, last_words: str
) -> None:
    with lambent.begun(*UP) as cut_off:
        read_until(cut_off, "Handle")
        cut_off.send_signal(how)
        _, rest = cut_off.communicate(timeout=20)
        assert (cut_off.returncode, rest.startswith(last_words)) == (code, True)
    with lambent.begun(*UP) as again:
        assert FOLLOWED in read_until(again, "Handle")
        signalled(lambent)
        outputs, rest = again.communicate(timeout=20)
    assert again.returncode == 0, rest
    assert "Stack slow is up." in rest
    assert outputs == "Stage  dev\n"
    assert lambent.told(*UP, "--json")["changed"] is False


def test_of_two_deployments_at_once_another_is_refused_and_the_same_is_followed(lambent: Commands) -> None:
    with lambent.begun(*UP) as first:
        read_until(first, "Handle")
        refused = lambent.run(*UP, "--set", "Stage=prod", expect=1).stderr
        assert "Error: Stack slow is in CREATE_IN_PROGRESS since" in refused
        assert "Wait for its end: somebody else, or an earlier command of yours, is at work on it." in refused
        assert "Follow it with: lambent up" in lambent.run("plan", "--stack", "slow", expect=1).stderr
        assert "is in CREATE_IN_PROGRESS" in lambent.run("down", "--stack", "slow", "--yes", expect=1).stderr
        with lambent.begun(*UP, "--json") as second:
            read_until(second, FOLLOWED)
            signalled(lambent)
            outputs, rest = second.communicate(timeout=20)
        assert second.returncode == 0, rest
        assert '"Stage": "dev"' in outputs
        _, rest = first.communicate(timeout=20)
        assert "Stack slow is up after" in rest


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_platform_that_is_restarted_in_the_middle_goes_on_and_so_does_the_command(
    lambent: Commands, how: str
) -> None:
    with lambent.begun(*UP) as command:
        read_until(command, "Handle")
        if how == "stop":
            lambent.run("stop")
        else:
            os.kill(int(lambent.told("status", "--json")["pid"]), signal.SIGKILL)
        assert "The deployment goes on; waiting to follow it again." in read_until(command, "connection is lost")
        lambent.run("start", "--detach")
        signalled(lambent)
        outputs, rest = command.communicate(timeout=60)
    assert command.returncode == 0, rest
    assert outputs == "Stage  dev\n"


def test_a_stack_that_is_lost_with_its_platform_is_no_success(lambent: Commands) -> None:
    with lambent.begun(*UP) as command:
        read_until(command, "Handle")
        lambent.run("stop")
        read_until(command, "connection is lost")
        lambent.run("start", "--detach", "--memory")
        _, rest = command.communicate(timeout=60)
    assert command.returncode == 1
    assert "Error: Stack slow is in DELETE_COMPLETE: it was deleted meanwhile" in rest
