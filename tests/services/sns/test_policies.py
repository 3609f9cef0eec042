"""Topic policies: other accounts and AWS's services get in where a policy lets them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lambent.assembly import Platform
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import service_principal
from lambent.cloud.framework.internal_client import RegistryClient
from lambent.cloud.store.scope import Scope
from lambent.testing.platform import LocalPlatform
from tests.services.sns.conftest import Client, outcome

OTHER = "999988887777"


def put_policy(sns: Client, topic: str, **statement: object) -> None:
    one = {"Effect": "Allow", "Action": "sns:Publish", "Resource": topic, **statement}
    document = json.dumps({"Version": "2012-10-17", "Statement": [one]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document)


def test_another_account_publishes_only_where_the_policy_says_so(
    sns: Client, platform: LocalPlatform, account: str
) -> None:
    topic = sns.create_topic(Name="t")["TopicArn"]
    foreign = platform.client("sns", account=OTHER)
    status, code, message = outcome(foreign.publish, TopicArn=topic, Message="m")
    assert (status, code) == (403, "AuthorizationError")
    assert message == (
        f"User: arn:aws:iam::{OTHER}:root is not authorized to perform: SNS:Publish on resource: {topic}"
        " because no resource-based policy allows the SNS:Publish action"
    )
    sns.add_permission(TopicArn=topic, Label="other", AWSAccountId=[OTHER], ActionName=["Publish"])
    foreign.publish(TopicArn=topic, Message="m")
    twice = outcome(sns.add_permission, TopicArn=topic, Label="other", AWSAccountId=[OTHER], ActionName=["Publish"])
    assert twice == (400, "InvalidParameter", "Invalid parameter: Statement already exists")
    sns.remove_permission(TopicArn=topic, Label="other")
    assert outcome(foreign.publish, TopicArn=topic, Message="m")[1] == "AuthorizationError"
    assert account in topic


def test_a_denial_holds_for_the_owner_as_well(sns: Client) -> None:
    topic = sns.create_topic(Name="t")["TopicArn"]
    put_policy(sns, topic, Effect="Deny", Principal="*")
    assert outcome(sns.publish, TopicArn=topic, Message="m")[1] == "AuthorizationError"
    sns.get_topic_attributes(TopicArn=topic)


@pytest.mark.parametrize("service", ["s3", "events"])
def test_a_service_publishes_only_for_what_the_policy_names(
    sns: Client, platform: LocalPlatform, account: str, service: str
) -> None:
    topic = sns.create_topic(Name="t")["TopicArn"]
    host = f"{service}.amazonaws.com"

    def publish(source: str) -> str:
        async def call(running: Platform) -> str:
            client = RegistryClient(running.registry, None, clock=running.clock, ids=running.ids)  # type: ignore[arg-type]  # nothing is bridged here
            scope = Scope(account, "us-east-1")
            principal = replace(service_principal(host, scope), source_arn=source)
            try:
                await client.call(
                    "sns", "Publish", {"TopicArn": topic, "Message": "m"}, scope=scope, principal=principal
                )
            except ServiceError as error:
                return error.code
            return "published"

        return platform.on_loop(call)

    assert publish("arn:aws:x:::mine") == "AuthorizationError"
    put_policy(sns, topic, Principal={"Service": host}, Condition={"ArnLike": {"aws:SourceArn": "arn:aws:x:::mine*"}})
    assert publish("arn:aws:x:::mine") == "published"
    assert publish("arn:aws:x:::other") == "AuthorizationError"
