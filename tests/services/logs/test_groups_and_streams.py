from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory


def test_a_log_group_reads_back_as_it_was_created(aws: ClientFactory, account: str) -> None:
    logs = aws("logs", "eu-west-1")
    logs.create_log_group(logGroupName="/aws/lambda/f", tags={"a": "1"}, kmsKeyId="arn:aws:kms:eu-west-1:1:key/k")
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/f")["logGroups"]
    arn = f"arn:aws:logs:eu-west-1:{account}:log-group:/aws/lambda/f"
    assert (group["arn"], group["logGroupArn"]) == (f"{arn}:*", arn)
    assert (group["logGroupClass"], group["storedBytes"]) == ("STANDARD", 0)
    assert group["kmsKeyId"] == "arn:aws:kms:eu-west-1:1:key/k"
    assert "retentionInDays" not in group
    logs.disassociate_kms_key(logGroupName="/aws/lambda/f")
    assert "kmsKeyId" not in logs.describe_log_groups()["logGroups"][0]
    assert aws("logs", "us-east-1").describe_log_groups()["logGroups"] == []


def test_errors_are_those_of_aws(aws: ClientFactory) -> None:
    logs = aws("logs")
    logs.create_log_group(logGroupName="g")
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException, match="The specified log group already exists"):
        logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException, match="The specified log stream already exists"):
        logs.create_log_stream(logGroupName="g", logStreamName="s")
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match=r"The specified log group does not exist\."):
        logs.create_log_stream(logGroupName="other", logStreamName="s")
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match=r"The specified log stream does not exist\."):
        logs.get_log_events(logGroupName="g", logStreamName="other")
    with pytest.raises(ClientError) as raised:
        logs.create_log_group(logGroupName="with space")
    assert raised.value.response["Error"]["Code"] == "InvalidParameterException"
    assert "Member must satisfy regular expression pattern" in raised.value.response["Error"]["Message"]


def test_groups_are_found_by_prefix_and_by_pattern_in_pages(aws: ClientFactory) -> None:
    logs = aws("logs")
    for name in ("/aws/lambda/a", "/aws/lambda/b", "/aws/other", "mine"):
        logs.create_log_group(logGroupName=name)
    pages = list(
        logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/aws/", PaginationConfig={"PageSize": 2})
    )
    assert [[group["logGroupName"] for group in page["logGroups"]] for page in pages] == [
        ["/aws/lambda/a", "/aws/lambda/b"],
        ["/aws/other"],
    ]
    found = logs.describe_log_groups(logGroupNamePattern="lambda")["logGroups"]
    assert [group["logGroupName"] for group in found] == ["/aws/lambda/a", "/aws/lambda/b"]
    first = logs.describe_log_groups(logGroupNamePattern="lambda", limit=1)
    logs.delete_log_group(logGroupName="/aws/lambda/a")
    rest = logs.describe_log_groups(logGroupNamePattern="lambda", nextToken=first["nextToken"])
    assert [group["logGroupName"] for group in rest["logGroups"]] == ["/aws/lambda/b"]
    assert "nextToken" not in rest
    named = logs.describe_log_groups(logGroupIdentifiers=["mine", "missing"])["logGroups"]
    assert [group["logGroupName"] for group in named] == ["mine"]
    assert logs.describe_log_groups(logGroupClass="INFREQUENT_ACCESS")["logGroups"] == []
    with pytest.raises(logs.exceptions.InvalidParameterException, match="mutually exclusive"):
        logs.describe_log_groups(logGroupNamePattern="lambda", logGroupNamePrefix="/aws")
    with pytest.raises(logs.exceptions.InvalidParameterException, match="nextToken is invalid"):
        logs.describe_log_groups(nextToken="odd")


def test_retention_takes_only_the_days_aws_takes(aws: ClientFactory) -> None:
    logs = aws("logs")
    logs.create_log_group(logGroupName="g")
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Value '2' at 'retentionInDays'"):
        logs.put_retention_policy(logGroupName="g", retentionInDays=2)
    logs.put_retention_policy(logGroupName="g", retentionInDays=14)
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 14
    logs.delete_retention_policy(logGroupName="g")
    assert "retentionInDays" not in logs.describe_log_groups()["logGroups"][0]


def test_a_deleted_group_is_empty_when_it_is_made_again(aws: ClientFactory) -> None:
    logs = aws("logs")
    for _ in range(2):
        logs.create_log_group(logGroupName="g")
        logs.create_log_stream(logGroupName="g", logStreamName="s")
        assert logs.filter_log_events(logGroupName="g")["events"] == []
        moment = logs.describe_log_groups()["logGroups"][0]["creationTime"]
        event = {"timestamp": moment, "message": "m"}
        logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[event])
        logs.delete_log_group(logGroupName="g")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.filter_log_events(logGroupName="g")


def test_a_protected_group_is_not_deleted(aws: ClientFactory) -> None:
    logs = aws("logs")
    logs.create_log_group(logGroupName="g", deletionProtectionEnabled=True)
    with pytest.raises(ClientError, match="ValidationException"):
        logs.delete_log_group(logGroupName="g")
    logs.put_log_group_deletion_protection(logGroupIdentifier="g", deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName="g")


def test_streams_are_listed_by_name_or_by_their_last_event(aws: ClientFactory) -> None:
    logs = aws("logs")
    logs.create_log_group(logGroupName="g")
    moment = logs.describe_log_groups()["logGroups"][0]["creationTime"]
    for place, name in enumerate(["c", "a", "b"]):
        logs.create_log_stream(logGroupName="g", logStreamName=name)
        event = {"timestamp": moment + place, "message": "m"}
        logs.put_log_events(logGroupName="g", logStreamName=name, logEvents=[event])
    pager = logs.get_paginator("describe_log_streams")

    def names(**parameters: object) -> list[str]:
        pages = pager.paginate(logGroupName="g", PaginationConfig={"PageSize": 2}, **parameters)
        return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]

    assert names() == ["a", "b", "c"]
    assert names(descending=True) == ["c", "b", "a"]
    assert names(orderBy="LastEventTime") == ["c", "a", "b"]
    assert names(orderBy="LastEventTime", descending=True) == ["b", "a", "c"]
    assert names(logStreamNamePrefix="b") == ["b"]
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Cannot order by LastEventTime"):
        names(orderBy="LastEventTime", logStreamNamePrefix="b")
    (stream,) = logs.describe_log_streams(logGroupName="g", logStreamNamePrefix="b")["logStreams"]
    assert (stream["firstEventTimestamp"], stream["lastEventTimestamp"]) == (moment + 2, moment + 2)
    logs.delete_log_stream(logGroupName="g", logStreamName="b")
    assert names() == ["a", "c"]


def test_tags_are_one_set_by_arn_and_by_name(aws: ClientFactory, account: str) -> None:
    logs = aws("logs")
    logs.create_log_group(logGroupName="g", tags={"a": "1"})
    arn = f"arn:aws:logs:us-east-1:{account}:log-group:g"
    logs.tag_resource(resourceArn=arn, tags={"b": "2"})
    logs.tag_log_group(logGroupName="g", tags={"c": "3"})
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "1", "b": "2", "c": "3"}
    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    logs.untag_log_group(logGroupName="g", tags=["b"])
    assert logs.list_tags_log_group(logGroupName="g")["tags"] == {"c": "3"}
    with pytest.raises(logs.exceptions.TooManyTagsException):
        logs.tag_resource(resourceArn=arn, tags={f"k{number}": "v" for number in range(50)})
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.list_tags_for_resource(resourceArn=f"{arn}-other")
