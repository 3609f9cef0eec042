"""Plans that are saved and carried out later: they alone, and refused where the target is another by then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambent.testing.platform import LocalPlatform
from tests.journeys.commands import Commands

pytestmark = pytest.mark.timeout(120)
MOVED_ON = "Stack kept has moved on since this plan was made."


@pytest.fixture
def lambent(tmp_path: Path, platform: LocalPlatform) -> Iterator[Commands]:
    """A project of one log group, which is gone again after the test."""
    commands = Commands(tmp_path, platform.port)
    write(commands, 7)
    yield commands
    stacks = platform.client("cloudformation")
    stacks.delete_stack(StackName="kept")
    while any(one["StackName"] == "kept" for one in stacks.describe_stacks()["Stacks"]):
        pass


def write(lambent: Commands, days: int) -> None:
    """Write the project's manifest."""
    group = f"{{name: /kept, retention: {days}}}"
    (lambent.folder / "lambent.yaml").write_text(f"stack: kept\nlog_groups:\n  group: {group}\n")


def up(lambent: Commands) -> None:
    """Deploy the project as it is."""
    lambent.run("up")


def saved(lambent: Commands) -> str:
    """Save a plan and return the name of its file."""
    lambent.run("plan", "--out", "a.plan")
    return "a.plan"


def retention(platform: LocalPlatform) -> Any:  # Any: a member of AWS's answer
    """Return the days that the log group keeps its events."""
    groups = platform.client("logs").describe_log_groups(logGroupNamePrefix="/kept")["logGroups"]
    return groups[0]["retentionInDays"] if groups else None


def test_a_plan_is_carried_out_as_it_was_made_whatever_the_project_says_by_then(
    lambent: Commands, platform: LocalPlatform
) -> None:
    up(lambent)
    write(lambent, 14)
    plan = saved(lambent)
    write(lambent, 30)
    assert retention(platform) == 7
    assert "1 to change" in lambent.run("up", "--plan", plan).stderr
    assert retention(platform) == 14
    assert MOVED_ON in lambent.run("up", "--plan", plan, expect=1).stderr


def test_a_plan_of_a_new_stack_outlives_a_look_at_the_differences(lambent: Commands, platform: LocalPlatform) -> None:
    plan = saved(lambent)
    lambent.run("diff", expect=1)
    lambent.run("up", "--plan", plan)
    assert retention(platform) == 7


def test_a_plan_is_refused_once_somebody_else_has_changed_the_stack(lambent: Commands, platform: LocalPlatform) -> None:
    up(lambent)
    write(lambent, 14)
    plan = saved(lambent)
    write(lambent, 30)
    up(lambent)
    refused = lambent.run("up", "--plan", plan, expect=1).stderr
    assert MOVED_ON in refused
    assert "Plan again: lambent plan" in refused
    assert retention(platform) == 30


def test_a_plan_is_refused_once_the_stack_was_changed_without_a_change_set(
    lambent: Commands, platform: LocalPlatform
) -> None:
    up(lambent)
    write(lambent, 14)
    plan = saved(lambent)
    stacks = platform.client("cloudformation")
    template = json.dumps(stacks.get_template(StackName="kept")["TemplateBody"])
    stacks.update_stack(
        StackName="kept", TemplateBody=template.replace('"RetentionInDays": 7', '"RetentionInDays": 30')
    )
    while stacks.describe_stacks(StackName="kept")["Stacks"][0]["StackStatus"] != "UPDATE_COMPLETE":
        pass
    assert MOVED_ON in lambent.run("up", "--plan", plan, expect=1).stderr
    assert retention(platform) == 30


def test_a_plan_of_a_new_stack_is_refused_once_somebody_else_has_made_it(
    lambent: Commands, platform: LocalPlatform
) -> None:
    plan = saved(lambent)
    write(lambent, 30)
    up(lambent)
    assert MOVED_ON in lambent.run("up", "--plan", plan, expect=1).stderr
    assert retention(platform) == 30


def test_a_plan_is_refused_once_the_stack_is_gone_and_once_another_has_its_name(
    lambent: Commands, platform: LocalPlatform
) -> None:
    up(lambent)
    write(lambent, 14)
    plan = saved(lambent)
    lambent.run("down", "--yes")
    assert "There is no stack kept." in lambent.run("up", "--plan", plan, expect=1).stderr
    write(lambent, 30)
    up(lambent)
    assert MOVED_ON in lambent.run("up", "--plan", plan, expect=1).stderr
    assert retention(platform) == 30


def test_a_plan_of_nothing_does_nothing(lambent: Commands) -> None:
    up(lambent)
    assert "nothing to do" in lambent.run("plan", "--out", "a.plan").stdout
    assert "nothing was done" in lambent.run("up", "--plan", "a.plan").stderr


def test_a_plan_knows_the_region_that_its_project_belongs_in(lambent: Commands, platform: LocalPlatform) -> None:
    write(lambent, 7)
    manifest = lambent.folder / "lambent.yaml"
    manifest.write_text(f"region: eu-west-1\n{manifest.read_text()}")
    lambent.run("up", "--plan", saved(lambent))
    there = platform.client("logs", region="eu-west-1").describe_log_groups(logGroupNamePrefix="/kept")["logGroups"]
    assert len(there) == 1
    lambent.run("down", "--yes")


def test_a_plan_is_for_one_target(lambent: Commands) -> None:
    plan = saved(lambent)
    refused = lambent.run("up", "--plan", plan, "--region", "eu-west-1", expect=1).stderr
    assert "There is no stack kept." in refused


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not json", "This is no saved plan."),
        ("[]", "This is no saved plan."),
        ('{"format": 1}', "This is no saved plan."),
        ('{"format": 99}', "The plan is of another version of lambent."),
    ],
)
def test_what_is_no_plan_is_refused(lambent: Commands, text: str, words: str) -> None:
    (lambent.folder / "a.plan").write_text(text)
    assert words in lambent.run("up", "--plan", "a.plan", expect=1).stderr


def test_a_plan_says_everything_so_nothing_is_said_beside_it(lambent: Commands) -> None:
    plan = saved(lambent)
    assert json.loads((lambent.folder / plan).read_text())["stack_name"] == "kept"
    for more in (("--stack", "other"), ("--set", "a=b"), ("--env", "prod"), (".",)):
        assert "--plan goes without a project." in lambent.run("up", "--plan", plan, *more, expect=2).stderr
