"""A platform that is killed or stopped while stacks are at work: the next one on its data brings them to their end."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lambent.testing.platform import local_platform
from tests.durability.test_platform_remains import running
from tests.services.cloudformation.test_stacks import Stacks, Template, groups
from tests.services.queue_policies import FROM_SERVICES

pytestmark = pytest.mark.timeout(120)


def made_by(topic: str, wish: str) -> Template:
    """Return a template with a log group, a custom resource that listeners of a topic make, and one that needs it."""
    found = groups(Before={"LogGroupName": "before"}, After={"LogGroupName": {"Ref": "Thing"}})
    thing = {"ServiceToken": topic, "Wish": wish}
    found["Resources"]["Thing"] = {"Type": "Custom::Thing", "DependsOn": "Before", "Properties": thing}
    return found


class Maker:
    """Whoever listens to the topic: what it was asked, in order."""

    def __init__(self, client: Any) -> None:  # Any: a function from names to boto3 clients
        self._sqs = client("sqs")
        self.queue = self._sqs.create_queue(QueueName="asked", Attributes=FROM_SERVICES)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns = client("sns")
        self.topic = sns.create_topic(Name="maker")["TopicArn"]
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)

    def asked(self) -> dict[str, Any]:  # Any: an event of CloudFormation
        """Return what is asked next."""
        while not (found := self._sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=1).get("Messages")):
            pass
        self._sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=found[0]["ReceiptHandle"])
        event: dict[str, Any] = json.loads(json.loads(found[0]["Body"])["Message"])  # Any: as above
        return event

    def is_asked_nothing(self) -> bool:
        """Whether nothing more was asked."""
        return not self._sqs.receive_message(QueueUrl=self.queue).get("Messages")


def answer(asked: dict[str, Any], status: str = "SUCCESS") -> None:  # Any: an event of CloudFormation
    """Tell CloudFormation how it went."""
    told = {"Status": status, "Reason": "as asked", "PhysicalResourceId": "the-thing", "Data": {}}
    body = json.dumps({**{key: asked[key] for key in ("StackId", "RequestId", "LogicalResourceId")}, **told}).encode()
    request = urllib.request.Request(asked["ResponseURL"], data=body, method="PUT")  # noqa: S310 - the platform's own address
    urllib.request.urlopen(request, timeout=20).close()  # noqa: S310 - as above


@contextmanager
def again(data: Path, port: int) -> Iterator[tuple[Stacks, Maker, Any]]:  # Any: as Maker's
    """Run a platform in a process of its own, which is killed at the end."""
    with running(data, port) as platform:
        yield Stacks(platform.client("cloudformation")), Maker(platform.client), platform.client


def log_groups(client: Any) -> list[str]:  # Any: as Maker's
    """Return the names of all log groups."""
    return sorted(one["logGroupName"] for one in client("logs").describe_log_groups()["logGroups"])


def test_a_platform_killed_at_every_turn_of_a_stack_asks_nothing_twice(tmp_path: Path, free_port: int) -> None:
    data = tmp_path / "data"
    with again(data, free_port) as (stacks, maker, _):
        stacks.client.create_stack(StackName="s", TemplateBody=json.dumps(made_by(maker.topic, "one")))
        creation = maker.asked()
    with again(data, free_port) as (stacks, maker, client):
        answer(creation)
        assert stacks.at_rest("s")["StackStatus"] == "CREATE_COMPLETE"
        assert (creation["RequestType"], maker.is_asked_nothing()) == ("Create", True)
        assert log_groups(client) == ["before", "the-thing"]
        stacks.client.update_stack(StackName="s", TemplateBody=json.dumps(made_by(maker.topic, "two")))
        change = maker.asked()
    with again(data, free_port) as (stacks, maker, _):
        answer(change, "FAILED")
        undoing = maker.asked()
        assert [one["ResourceProperties"]["Wish"] for one in (change, undoing)] == ["two", "one"]
        assert stacks.client.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "UPDATE_ROLLBACK_IN_PROGRESS"
    with again(data, free_port) as (stacks, maker, client):
        answer(undoing)
        assert stacks.at_rest("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert maker.is_asked_nothing()
        stack_id = stacks.client.describe_stacks(StackName="s")["Stacks"][0]["StackId"]
        stacks.client.delete_stack(StackName="s")
        deletion = maker.asked()
    with again(data, free_port) as (stacks, maker, client):
        answer(deletion)
        assert stacks.at_rest(stack_id)["StackStatus"] == "DELETE_COMPLETE"
        assert (deletion["RequestType"], maker.is_asked_nothing(), log_groups(client)) == ("Delete", True, [])


def test_signals_drift_and_a_cancelled_update_outlive_a_platform_that_is_stopped(tmp_path: Path) -> None:
    data = tmp_path / "data"
    waits = {"Type": "AWS::CloudFormation::WaitCondition", "CreationPolicy": {"ResourceSignal": {"Count": "2"}}}
    signal = {"StackName": "s", "LogicalResourceId": "Wait", "Status": "SUCCESS"}
    with local_platform(data_dir=data) as platform:
        stacks = Stacks(platform.client("cloudformation"))
        body = groups(A={"LogGroupName": "a", "RetentionInDays": 7})
        body["Resources"]["Wait"] = waits
        stacks.client.create_stack(StackName="s", TemplateBody=json.dumps(body))
        while not any("Initiated" in why for name, _, why in stacks.events("s") if name == "Wait"):
            pass
        stacks.client.signal_resource(**signal, UniqueId="one")
    with local_platform(data_dir=data) as platform:
        stacks = Stacks(platform.client("cloudformation"))
        stacks.client.signal_resource(**signal, UniqueId="two")
        assert stacks.at_rest("s")["StackStatus"] == "CREATE_COMPLETE"
        platform.client("logs").put_retention_policy(logGroupName="a", retentionInDays=30)
        detection = stacks.client.detect_stack_drift(StackName="s")["StackDriftDetectionId"]
        describe = stacks.client.describe_stack_drift_detection_status
        while describe(StackDriftDetectionId=detection)["DetectionStatus"] == "DETECTION_IN_PROGRESS":
            pass
    with local_platform(data_dir=data) as platform:
        stacks = Stacks(platform.client("cloudformation"))
        found = stacks.client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        assert (found["StackDriftStatus"], found["DriftedStackResourceCount"]) == ("DRIFTED", 1)
        drifts = stacks.client.describe_stack_resource_drifts(StackName="s")["StackResourceDrifts"]
        different = {one["LogicalResourceId"]: one.get("PropertyDifferences", []) for one in drifts}
        assert different["A"][0]["PropertyPath"] == "/RetentionInDays"
        again_waits = {**body["Resources"], "Second": waits}
        stacks.client.update_stack(StackName="s", TemplateBody=json.dumps({"Resources": again_waits}))
        while not any(name == "Second" for name, _, _ in stacks.events("s")):
            pass
        stacks.client.cancel_update_stack(StackName="s")
    with local_platform(data_dir=data) as platform:
        stacks = Stacks(platform.client("cloudformation"))
        assert stacks.at_rest("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert [name for name, status, _ in stacks.events("s") if status == "CREATE_FAILED"] == ["Second"]


def test_a_custom_resource_answered_while_its_platform_was_ending_is_not_asked_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with local_platform(data_dir=data) as platform:
        stacks, maker = Stacks(platform.client("cloudformation")), Maker(platform.client)
        stacks.client.create_stack(StackName="s", TemplateBody=json.dumps(made_by(maker.topic, "one")))
        answer(maker.asked())
    with local_platform(data_dir=data) as platform:
        stacks, maker = Stacks(platform.client("cloudformation")), Maker(platform.client)
        assert stacks.at_rest("s")["StackStatus"] == "CREATE_COMPLETE"
        assert maker.is_asked_nothing()


def test_a_nested_update_is_taken_up_by_both_stacks(tmp_path: Path, free_port: int) -> None:
    data = tmp_path / "data"
    waits = {"Type": "AWS::CloudFormation::WaitCondition", "CreationPolicy": {"ResourceSignal": {"Count": "1"}}}
    with local_platform(data_dir=data, port=free_port) as platform:
        s3, stacks = platform.client("s3"), Stacks(platform.client("cloudformation"))
        s3.create_bucket(Bucket="nested")

        def outer(name: str, **more: Any) -> Template:  # Any: resources of the inner template
            inner = groups(A={"LogGroupName": name})
            inner["Resources"] |= more
            s3.put_object(Bucket="nested", Key=name, Body=json.dumps(inner))
            url = {"TemplateURL": f"{s3.meta.endpoint_url}/nested/{name}"}
            return {"Resources": {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": url}}}

        stacks.create("outer", outer("first"))
        rows = stacks.client.describe_stack_resources(StackName="outer")["StackResources"]
        inner_id = rows[0]["PhysicalResourceId"]
        stacks.client.update_stack(StackName="outer", TemplateBody=json.dumps(outer("second", Wait=waits)))
        while not any("Initiated" in why for name, _, why in stacks.events(inner_id) if name == "Wait"):
            pass
    with local_platform(data_dir=data, port=free_port) as platform:
        stacks = Stacks(platform.client("cloudformation"))
        stacks.client.signal_resource(StackName=inner_id, LogicalResourceId="Wait", UniqueId="1", Status="SUCCESS")
        assert stacks.at_rest("outer")["StackStatus"] == "UPDATE_COMPLETE"
        assert stacks.at_rest(inner_id)["StackStatus"] == "UPDATE_COMPLETE"
        assert log_groups(platform.client) == ["second"]
