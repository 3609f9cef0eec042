"""What starts functions in SAM templates, and what their functions may do: each family is deployed from a template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import Stacks

pytestmark = pytest.mark.timeout(90)
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
FUNCTION = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, Handler: index.handler}}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: "def handler(event, context): return event"
"""


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    """CloudFormation in an account of the test's own."""
    return Stacks(aws("cloudformation"))


def deployed(stacks: Stacks, body: str, name: str = "s") -> Mapping[str, str]:
    """Deploy a template and return the physical ids of its resources."""
    stacks.client.create_stack(StackName=name, TemplateBody=body, Capabilities=CAPABILITIES)
    assert stacks.at_rest(name)["StackStatus"] == "CREATE_COMPLETE", stacks.events(name)
    rows = stacks.client.describe_stack_resources(StackName=name)["StackResources"]
    return {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in rows}


def may_be_invoked_by(aws: ClientFactory, function: str) -> list[str]:
    """Return the services that a function's policy lets invoke it."""
    policy = json.loads(aws("lambda").get_policy(FunctionName=function)["Policy"])
    return sorted(one["Principal"]["Service"] for one in policy["Statement"])


def allowed(aws: ClientFactory, role: str) -> set[str]:
    """Return the actions that a role's own policies, and those made for it alone, allow."""
    iam = aws("iam")
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for one in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        if ":iam::aws:" not in one["PolicyArn"]:
            told = iam.get_policy_version(PolicyArn=one["PolicyArn"], VersionId="v1")["PolicyVersion"]
            documents.append(told["Document"])
    return {action for one in documents for said in one["Statement"] for action in _listed(said["Action"])}


def _listed(value: Any) -> list[str]:  # Any: a text or a list of them
    return [value] if isinstance(value, str) else value


def test_a_queue_starts_a_function(stacks: Stacks, aws: ClientFactory) -> None:
    body = f"""{FUNCTION}
      Policies: [SQSPollerPolicy: {{QueueName: !GetAtt Jobs.QueueName}}]
      Events:
        Jobs:
          Type: SQS
          Properties:
            Queue: !GetAtt Jobs.Arn
            BatchSize: 5
            FunctionResponseTypes: [ReportBatchItemFailures]
            FilterCriteria: {{Filters: [{{Pattern: '{{"body": {{"kind": ["a"]}}}}'}}]}}
            ScalingConfig: {{MaximumConcurrency: 4}}
  Jobs:
    Type: AWS::SQS::Queue
    Properties: {{RedrivePolicy: {{deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5}}}}
  Dead: {{Type: AWS::SQS::Queue}}
"""
    ids = deployed(stacks, body)
    found = aws("lambda").get_event_source_mapping(UUID=ids["FJobs"])
    assert found["BatchSize"] == 5
    assert found["ScalingConfig"] == {"MaximumConcurrency": 4}
    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "sqs:ReceiveMessage" in allowed(aws, ids["FRole"])
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE", stacks.events("s")


def test_topics_start_a_function_directly_and_by_a_queue_of_sam_s(stacks: Stacks, aws: ClientFactory) -> None:
    body = f"""{FUNCTION}
      Policies: [SNSPublishMessagePolicy: {{TopicName: !GetAtt News.TopicName}}]
      Events:
        Direct:
          Type: SNS
          Properties: {{Topic: !Ref News, FilterPolicy: {{kind: [a]}}}}
        Queued:
          Type: SNS
          Properties: {{Topic: !Ref News, SqsSubscription: true}}
  News: {{Type: AWS::SNS::Topic}}
"""
    ids = deployed(stacks, body)
    told = aws("sns").list_subscriptions_by_topic(TopicArn=ids["News"])["Subscriptions"]
    assert sorted(one["Protocol"] for one in told) == ["lambda", "sqs"]
    assert may_be_invoked_by(aws, ids["F"]) == ["sns.amazonaws.com"]
    assert aws("lambda").get_event_source_mapping(UUID=ids["FQueuedEventSourceMapping"])["BatchSize"] == 10
    assert "sns:Publish" in allowed(aws, ids["FRole"])
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE", stacks.events("s")


def test_a_stream_of_kinesis_starts_a_function(stacks: Stacks, aws: ClientFactory) -> None:
    body = f"""{FUNCTION}
      Policies: [KinesisStreamReadPolicy: {{StreamName: !Ref Clicks}}]
      Events:
        Clicks:
          Type: Kinesis
          Properties:
            Stream: !GetAtt Clicks.Arn
            StartingPosition: TRIM_HORIZON
            BisectBatchOnFunctionError: true
            DestinationConfig: {{OnFailure: {{Destination: !GetAtt Dead.Arn, Type: SQS}}}}
  Clicks: {{Type: AWS::Kinesis::Stream, Properties: {{ShardCount: 1}}}}
  Dead: {{Type: AWS::SQS::Queue}}
"""
    ids = deployed(stacks, body)
    found = aws("lambda").get_event_source_mapping(UUID=ids["FClicks"])
    assert (found["StartingPosition"], found["BisectBatchOnFunctionError"]) == ("TRIM_HORIZON", True)
    assert {"kinesis:GetRecords", "sqs:SendMessage"} <= allowed(aws, ids["FRole"])
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE", stacks.events("s")


def test_a_schedule_of_the_scheduler_starts_a_function(stacks: Stacks, aws: ClientFactory) -> None:
    body = f"""{FUNCTION}
      Events:
        Nightly:
          Type: ScheduleV2
          Properties:
            ScheduleExpression: cron(0 3 * * ? *)
            ScheduleExpressionTimezone: Europe/Zurich
            Input: '{{"n": 1}}'
            State: DISABLED
            RetryPolicy: {{MaximumRetryAttempts: 3}}
            DeadLetterConfig: {{Type: SQS}}
"""
    ids = deployed(stacks, body)
    found = aws("scheduler").get_schedule(Name=ids["FNightly"])
    assert (found["ScheduleExpressionTimezone"], found["State"]) == ("Europe/Zurich", "DISABLED")
    assert found["Target"]["Input"] == '{"n": 1}'
    assert found["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 3
    assert found["Target"]["DeadLetterConfig"]["Arn"].startswith("arn:aws:sqs:")
    assert "lambda:InvokeFunction" in allowed(aws, ids["FNightlyRole"])
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE", stacks.events("s")


def test_a_log_group_starts_a_function(stacks: Stacks, aws: ClientFactory) -> None:
    body = f"""{FUNCTION}
      Events:
        Errors:
          Type: CloudWatchLogs
          Properties: {{LogGroupName: !Ref Group, FilterPattern: ERROR}}
  Group: {{Type: AWS::Logs::LogGroup}}
"""
    ids = deployed(stacks, body)
    (found,) = aws("logs").describe_subscription_filters(logGroupName=ids["Group"])["subscriptionFilters"]
    assert found["filterPattern"] == "ERROR"
    assert may_be_invoked_by(aws, ids["F"]) == ["logs.amazonaws.com"]
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE", stacks.events("s")


def test_schedules_and_patterns_of_eventbridge_start_a_function(stacks: Stacks, aws: ClientFactory) -> None:
    body = f"""{FUNCTION}
      Events:
        Hourly:
          Type: Schedule
          Properties: {{Schedule: rate(1 hour), Input: '{{"n": 1}}', Enabled: false}}
        Orders:
          Type: EventBridgeRule
          Properties:
            EventBusName: !Ref Bus
            Pattern: {{source: [shop], detail-type: [Order Created]}}
            RetryPolicy: {{MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: 3600}}
            DeadLetterConfig: {{Type: SQS, QueueLogicalId: Dead}}
        Older:
          Type: CloudWatchEvent
          Properties: {{Pattern: {{detail: {{state: [terminated]}}}}, InputPath: $.detail}}
  Bus: {{Type: AWS::Events::EventBus, Properties: {{Name: orders}}}}
"""
    ids = deployed(stacks, body)
    events = aws("events")
    (rule,) = events.list_rules(EventBusName="orders")["Rules"]
    assert json.loads(rule["EventPattern"])["source"] == ["shop"]
    (target,) = events.list_targets_by_rule(Rule=rule["Name"], EventBusName="orders")["Targets"]
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 3
    assert target["DeadLetterConfig"]["Arn"].startswith("arn:aws:sqs:")
    told = {one["Name"]: one for one in events.list_rules()["Rules"]}
    assert {told[ids[name]]["State"] for name in ("FHourly", "FOlder")} == {"DISABLED", "ENABLED"}
    assert may_be_invoked_by(aws, ids["F"]) == ["events.amazonaws.com"] * 3
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE", stacks.events("s")


def test_tables_start_a_function_and_a_simple_table_is_one(stacks: Stacks, aws: ClientFactory) -> None:
    body = f"""{FUNCTION}
      Policies: [DynamoDBCrudPolicy: {{TableName: !Ref Simple}}]
      Events:
        Changes:
          Type: DynamoDB
          Properties: {{Stream: !GetAtt Orders.StreamArn, StartingPosition: TRIM_HORIZON, BatchSize: 7}}
  Simple: {{Type: AWS::Serverless::SimpleTable, Properties: {{PrimaryKey: {{Name: code, Type: String}}}}}}
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{{AttributeName: id, AttributeType: S}}]
      KeySchema: [{{AttributeName: id, KeyType: HASH}}]
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {{StreamViewType: NEW_IMAGE}}
"""
    ids = deployed(stacks, body)
    assert aws("lambda").get_event_source_mapping(UUID=ids["FChanges"])["BatchSize"] == 7
    simple = aws("dynamodb").describe_table(TableName=ids["Simple"])["Table"]
    assert simple["KeySchema"] == [{"AttributeName": "code", "KeyType": "HASH"}]
    assert "dynamodb:PutItem" in allowed(aws, ids["FRole"])
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE", stacks.events("s")


def test_a_bucket_starts_a_function(stacks: Stacks, aws: ClientFactory) -> None:
    body = f"""{FUNCTION}
      Events:
        Upload:
          Type: S3
          Properties:
            Bucket: !Ref Files
            Events: s3:ObjectCreated:*
            Filter: {{S3Key: {{Rules: [{{Name: suffix, Value: .txt}}]}}}}
  Files: {{Type: AWS::S3::Bucket}}
"""
    ids = deployed(stacks, body)
    found = aws("s3").get_bucket_notification_configuration(Bucket=ids["Files"])
    (one,) = found["LambdaFunctionConfigurations"]
    assert one["Events"] == ["s3:ObjectCreated:*"]
    assert one["Filter"]["Key"]["FilterRules"][0]["Value"] == ".txt"
    assert may_be_invoked_by(aws, ids["F"]) == ["s3.amazonaws.com"]
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE", stacks.events("s")


def test_policy_templates_and_connectors_become_policies_of_the_role(stacks: Stacks, aws: ClientFactory) -> None:
    body = f"""{FUNCTION}
      Policies:
        - AWSLambdaExecute
        - S3ReadPolicy: {{BucketName: files}}
        - DynamoDBCrudPolicy: {{TableName: orders}}
        - EventBridgePutEventsPolicy: {{EventBusName: default}}
        - SSMParameterReadPolicy: {{ParameterName: shop/key}}
        - LambdaInvokePolicy: {{FunctionName: other}}
        - AWSSecretsManagerGetSecretValuePolicy: {{SecretArn: !Ref Secret}}
        - Version: 2012-10-17
          Statement: [{{Effect: Allow, Action: 'ses:SendEmail', Resource: '*'}}]
    Connectors:
      Embedded: {{Properties: {{Destination: {{Id: Jobs}}, Permissions: [Write]}}}}
  Apart:
    Type: AWS::Serverless::Connector
    Properties: {{Source: {{Id: F}}, Destination: {{Id: News}}, Permissions: [Write]}}
  Jobs: {{Type: AWS::SQS::Queue}}
  News: {{Type: AWS::SNS::Topic}}
  Secret: {{Type: AWS::SecretsManager::Secret, Properties: {{GenerateSecretString: {{}}}}}}
"""
    ids = deployed(stacks, body)
    assert {
        "s3:GetObject", "dynamodb:PutItem", "events:PutEvents", "ssm:GetParameter", "lambda:InvokeFunction",
        "secretsmanager:GetSecretValue", "ses:SendEmail", "sqs:SendMessage", "sns:Publish",
    } <= allowed(aws, ids["FRole"])  # fmt: skip
    attached = aws("iam").list_attached_role_policies(RoleName=ids["FRole"])["AttachedPolicies"]
    assert {"AWSLambdaExecute", "AWSLambdaBasicExecutionRole"} <= {one["PolicyName"] for one in attached}
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE", stacks.events("s")


def test_loops_are_unrolled_before_sam_makes_functions_of_what_they_hold(stacks: Stacks) -> None:
    body = """
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Resources:
  Fn::ForEach::All:
    - Name
    - [One, Two]
    - F${Name}:
        Type: AWS::Serverless::Function
        Properties: {Runtime: python3.11, Handler: index.handler, InlineCode: "def handler(e, c): return 1"}
"""
    assert {"FOne", "FTwo"} <= deployed(stacks, body).keys()


MACHINE = (
    "Type: AWS::Serverless::StateMachine, Properties: {Role: 'arn:aws:iam::000000000000:role/r', "
    "Definition: {StartAt: A, States: {A: {Type: Pass, End: true}}}}"
)
SHARED = (
    "Type: AWS::Serverless::Application, Properties: {Location: {ApplicationId: "
    "'arn:aws:serverlessrepo:us-east-1:123456789012:applications/x', SemanticVersion: 1.0.0}}"
)


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (MACHINE, "Template format error: Unrecognized resource types: [AWS::StepFunctions::StateMachine]"),
        (SHARED, "The Serverless Application Repository is not offered here; name a template with Location."),
    ],
)
def test_what_nothing_here_runs_is_refused_before_anything_is_made(stacks: Stacks, resource: str, reason: str) -> None:
    body = f"Transform: AWS::Serverless-2016-10-31\nResources: {{X: {{{resource}}}}}"
    made = stacks.client.create_change_set(
        StackName="s", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body, Capabilities=CAPABILITIES
    )
    found = stacks.client.describe_change_set(ChangeSetName=made["Id"])
    assert found["Status"] == "FAILED"
    assert found["StatusReason"].endswith(reason)
