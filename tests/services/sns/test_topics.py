"""Topics: made, changed, listed, tagged and removed."""

from __future__ import annotations

import json

import pytest

from tests.services.sns.conftest import Client, outcome

NO_ARN = "An ARN must have at least 6 elements, not 1"


def test_a_topic_shows_aws_defaults(sns: Client, account: str) -> None:
    topic = sns.create_topic(Name="t")["TopicArn"]
    assert topic == f"arn:aws:sns:us-east-1:{account}:t"
    shown = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    policy, delivery = json.loads(shown.pop("Policy")), json.loads(shown.pop("EffectiveDeliveryPolicy"))
    assert shown == {
        "TopicArn": topic,
        "Owner": account,
        "DisplayName": "",
        "SubscriptionsConfirmed": "0",
        "SubscriptionsPending": "0",
        "SubscriptionsDeleted": "0",
    }
    (statement,) = policy["Statement"]
    assert (policy["Version"], policy["Id"]) == ("2008-10-17", "__default_policy_ID")
    assert statement["Condition"] == {"StringEquals": {"AWS:SourceOwner": account}}
    assert delivery["http"]["defaultHealthyRetryPolicy"]["numRetries"] == 3
    assert delivery["http"]["defaultRequestPolicy"] == {"headerContentType": "text/plain; charset=UTF-8"}


def test_creating_a_topic_again_returns_it_unless_it_differs(sns: Client) -> None:
    tags = [{"Key": "a", "Value": "1"}]
    given = {"Attributes": {"DisplayName": "D"}, "Tags": tags}
    topic = sns.create_topic(Name="t", **given)["TopicArn"]
    assert sns.create_topic(Name="t", **given)["TopicArn"] == topic
    assert sns.create_topic(Name="t")["TopicArn"] == topic
    assert outcome(sns.create_topic, Name="t", Attributes={"DisplayName": "E"}) == (
        400,
        "InvalidParameter",
        "Invalid parameter: Attributes Reason: Topic already exists with different attributes",
    )
    assert outcome(sns.create_topic, Name="t", Tags=[*tags, {"Key": "b", "Value": "2"}]) == (
        400,
        "InvalidParameter",
        "Invalid parameter: Tags Reason: Topic already exists with different tags",
    )


@pytest.mark.parametrize(
    ("name", "attributes"), [("a b", {}), ("", {}), ("x" * 257, {}), ("t.fifo", {}), ("t", {"FifoTopic": "true"})]
)
def test_names_that_cannot_be_are_refused(sns: Client, name: str, attributes: dict[str, str]) -> None:
    refused = outcome(sns.create_topic, Name=name, Attributes=attributes)
    assert refused == (400, "InvalidParameter", "Invalid parameter: Topic Name")


@pytest.mark.parametrize(
    ("arn", "refusal"),
    [
        ("t", (400, "InvalidParameter", f"Invalid parameter: TopicArn Reason: {NO_ARN}")),
        ("arn:aws:sns:us-east-1:{}:none", (404, "NotFound", "Topic does not exist")),
        ("arn:aws:sns:eu-west-1:{}:none", (400, "InvalidParameter", "Invalid parameter: TopicArn")),
    ],
)  # fmt: skip
def test_a_topic_that_is_not_there_is_told_so(
    sns: Client, account: str, arn: str, refusal: tuple[int, str, str]
) -> None:
    assert outcome(sns.get_topic_attributes, TopicArn=arn.format(account)) == refusal


def test_attributes_are_set_checked_and_taken_back(sns: Client) -> None:
    topic = sns.create_topic(Name="t")["TopicArn"]

    def put(name: str, value: str) -> None:
        sns.set_topic_attributes(TopicArn=topic, AttributeName=name, AttributeValue=value)

    def shown() -> dict[str, str]:
        return dict(sns.get_topic_attributes(TopicArn=topic)["Attributes"])

    put("DisplayName", "News")
    put("SignatureVersion", "2")
    put("TracingConfig", "Active")
    put("LambdaSuccessFeedbackSampleRate", "100")
    put("DeliveryPolicy", json.dumps({"http": {"defaultHealthyRetryPolicy": {"numRetries": 5}}}))
    found = shown()
    assert (found["DisplayName"], found["SignatureVersion"], found["TracingConfig"]) == ("News", "2", "Active")
    assert json.loads(found["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]["numRetries"] == 5
    put("DeliveryPolicy", "")
    assert "DeliveryPolicy" not in shown()
    for name, value, message in (
        ("FifoTopic", "true", "AttributeName"),
        ("Nothing", "x", "AttributeName"),
        ("ContentBasedDeduplication", "true", "ContentBasedDeduplication"),
        ("SignatureVersion", "3", "SignatureVersion: Invalid value [3]. Must be 1 or 2."),
        ("Policy", "{", "Policy Error: null"),
        ("MaximumMessageSize", "10", "MaximumMessageSize"),
    ):
        assert outcome(put, name=name, value=value) == (400, "InvalidParameter", f"Invalid parameter: {message}")


def test_topics_are_listed_in_pages(sns: Client) -> None:
    made = {sns.create_topic(Name=f"t{number}")["TopicArn"] for number in range(101)}
    first = sns.list_topics()
    assert len(first["Topics"]) == 100
    rest = sns.list_topics(NextToken=first["NextToken"])
    assert "NextToken" not in rest
    assert {one["TopicArn"] for one in first["Topics"] + rest["Topics"]} == made
    assert outcome(sns.list_topics, NextToken="!")[1] == "InvalidParameter"


def test_a_deleted_topic_takes_its_subscriptions_with_it(sns: Client) -> None:
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+15551234567")
    for _ in range(2):
        sns.delete_topic(TopicArn=topic)
    assert sns.list_topics()["Topics"] == sns.list_subscriptions()["Subscriptions"] == []


def test_tags_are_added_listed_and_removed(sns: Client) -> None:
    topic = sns.create_topic(Name="t", Tags=[{"Key": "k1", "Value": "v1"}])["TopicArn"]
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "k2", "Value": "v2"}, {"Key": "k1", "Value": "x"}])
    sns.untag_resource(ResourceArn=topic, TagKeys=["k2", "none"])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "k1", "Value": "x"}]
    twice = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    assert outcome(sns.tag_resource, ResourceArn=topic, Tags=twice) == (
        400,
        "InvalidParameter",
        "Invalid parameter: Duplicated keys are not allowed.",
    )
    many = [{"Key": f"k{number}", "Value": ""} for number in range(51)]
    assert outcome(sns.tag_resource, ResourceArn=topic, Tags=many)[1] == "TagLimitExceeded"
    gone = outcome(sns.list_tags_for_resource, ResourceArn=f"{topic}-none")
    assert gone == (404, "ResourceNotFound", "Resource does not exist")


def test_a_data_protection_policy_is_kept(sns: Client) -> None:
    topic = sns.create_topic(Name="t")["TopicArn"]
    policy = json.dumps({"Name": "p", "Version": "2021-06-01", "Statement": []})
    sns.put_data_protection_policy(ResourceArn=topic, DataProtectionPolicy=policy)
    assert sns.get_data_protection_policy(ResourceArn=topic)["DataProtectionPolicy"] == policy


def test_large_messages_are_for_few_subscriptions_of_certain_protocols(sns: Client) -> None:
    topic = sns.create_topic(Name="t")["TopicArn"]
    large = {"TopicArn": topic, "AttributeName": "MaximumMessageSize", "AttributeValue": "1048576"}
    sns.set_topic_attributes(**large)
    sns.publish(TopicArn=topic, Message="x" * 1_048_576)
    assert outcome(sns.subscribe, TopicArn=topic, Protocol="sms", Endpoint="+15551234567")[1] == "InvalidParameter"
    sns.set_topic_attributes(**{**large, "AttributeValue": "262144"})
    sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+15551234567")
    assert outcome(sns.set_topic_attributes, **large)[1] == "InvalidParameter"
