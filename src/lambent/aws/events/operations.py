"""Events of what runs and delivers systems: logs, CloudFormation, Config, the Code services, secrets, IoT.

Each function names AWS's page of its event.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from typing import Final

from lambent.aws.events.kind import Event, Kind, Values

_STEPS: Final = ("createSecret", "setSecret", "testSecret", "finishSecret")


def _logs(values: Values) -> Event:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html#LambdaFunctionExample
    event = {"id": values.digits(56), "timestamp": values.now_ms, "message": values["message"]}
    told = {
        "messageType": "DATA_MESSAGE",
        "owner": values.account,
        "logGroup": values["log-group"],
        "logStream": values["log-stream"],
        "subscriptionFilters": [values["filter"]],
        "logEvents": [event],
    }
    # Without the time of packing, which would make every event another.
    data = gzip.compress(json.dumps(told, separators=(",", ":")).encode(), mtime=0)
    return {"awslogs": {"data": base64.b64encode(data).decode()}}


def _custom_resource(request: str) -> Callable[[Values], Event]:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
    def make(values: Values) -> Event:
        stack = values.arn("cloudformation", f"stack/{values['stack']}/{values.ids.uuid()}")
        bucket = f"https://cloudformation-custom-resource-response-{values.region.replace('-', '')}.s3.amazonaws.com"
        token = values.arn("lambda", f"function:{values['function']}")
        event = {
            "RequestType": request,
            "ServiceToken": token,
            "ResponseURL": f"{bucket}/{stack}%7C{values['logical-id']}%7C{values.ids.uuid()}",
            "StackId": stack,
            "RequestId": values.ids.uuid(),
            "LogicalResourceId": values["logical-id"],
            "ResourceType": values["type"],
            "ResourceProperties": {"ServiceToken": token, **values.json("properties")},
        }
        if request != "Create":
            event["PhysicalResourceId"] = values["physical-id"]
        if request == "Update":
            event["OldResourceProperties"] = {"ServiceToken": token, **values.json("old-properties")}
        return event

    return make


def _config(*, is_scheduled: bool) -> Callable[[Values], Event]:
    # https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html
    def make(values: Values) -> Event:
        rule_id = f"config-rule-{values.ids.hex(6)}"
        return {
            "version": "1.0",
            "invokingEvent": json.dumps(_scheduled(values) if is_scheduled else _changed(values)),
            "ruleParameters": values["parameters"],
            "resultToken": values.ids.base32(40),
            "eventLeftScope": False,
            "executionRoleArn": f"arn:aws:iam::{values.account}:role/config-role",
            "configRuleArn": values.arn("config", f"config-rule/{rule_id}"),
            "configRuleName": values["rule"],
            "configRuleId": rule_id,
            "accountId": values.account,
        }

    return make


def _scheduled(values: Values) -> Event:
    return {
        "awsAccountId": values.account,
        "notificationCreationTime": values.time(),
        "messageType": "ScheduledNotification",
        "recordVersion": "1.0",
    }


def _changed(values: Values) -> Event:
    item: Event = {
        "configurationItemCaptureTime": values.time(),
        "awsAccountId": values.account,
        "configurationItemStatus": "OK",
        "resourceId": values["resource-id"],
        "ARN": values.arn("ec2", f"instance/{values['resource-id']}"),
        "awsRegion": values.region,
        "availabilityZone": f"{values.region}a",
        "resourceType": values["resource-type"],
        "resourceName": None,
        "tags": {},
        "relationships": [],
        "configuration": {},
        "configurationItemVersion": "1.3",
    }
    return {
        "configurationItem": item,
        "notificationCreationTime": values.time(),
        "messageType": "ConfigurationItemChangeNotification",
        "recordVersion": "1.3",
    }


def _codecommit(values: Values) -> Event:
    # https://docs.aws.amazon.com/lambda/latest/dg/services-codecommit.html
    record = {
        "awsRegion": values.region,
        "codecommit": {"references": [{"commit": values.ids.hex(40), "ref": f"refs/heads/{values['branch']}"}]},
        "customData": values["custom-data"] or None,
        "eventId": values.ids.uuid(),
        "eventName": "ReferenceChanges",
        "eventPartNumber": 1,
        "eventSource": "aws:codecommit",
        "eventSourceARN": values.arn("codecommit", values["repository"]),
        "eventTime": values.time().replace("Z", "+0000"),
        "eventTotalParts": 1,
        "eventTriggerConfigId": values.ids.uuid(),
        "eventTriggerName": values["trigger"],
        "eventVersion": "1.0",
        "userIdentityARN": f"arn:aws:iam::{values.account}:user/example",
    }
    return {"Records": [record]}


def _codepipeline(values: Values) -> Event:
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-invoke-lambda-function.html
    place = {"bucketName": values["bucket"], "objectKey": values["key"]}
    artifact = {"name": "ArtifactName", "revision": None, "location": {"type": "S3", "s3Location": place}}
    configuration = {"FunctionName": values["function"], "UserParameters": values["user-parameters"]}
    data = {
        "actionConfiguration": {"configuration": configuration},
        "inputArtifacts": [artifact],
        "outputArtifacts": [],
        "artifactCredentials": {
            "accessKeyId": f"ASIA{values.ids.base32(16)}",
            "secretAccessKey": values.ids.base32(40),
            "sessionToken": values.ids.base32(60),
        },
        "continuationToken": None,
    }
    return {"CodePipeline.job": {"id": values.ids.uuid(), "accountId": values.account, "data": data}}


def _codedeploy(values: Values) -> Event:
    # https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
    return {
        "DeploymentId": f"d-{values.ids.base32(9)}",
        "LifecycleEventHookExecutionId": base64.b64encode(values.ids.uuid().encode()).decode(),
    }


def _rotation(step: str) -> Callable[[Values], Event]:
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
    def make(values: Values) -> Event:
        secret = values.arn("secretsmanager", f"secret:{values['secret']}-{values.ids.base32(6)}")
        return {
            "Step": step,
            "SecretId": secret,
            "ClientRequestToken": values.ids.uuid(),
            "RotationToken": values.ids.uuid(),
        }

    return make


def _destination(*, is_success: bool) -> Callable[[Values], Event]:
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    def make(values: Values) -> Event:
        context = {
            "requestId": values.ids.uuid(),
            "functionArn": f"{values.arn('lambda', 'function:' + values['function'])}:$LATEST",
            "condition": "Success" if is_success else "RetriesExhausted",
            "approximateInvokeCount": 1 if is_success else 3,
        }
        response = {"statusCode": 200, "executedVersion": "$LATEST"}
        return {
            "version": "1.0",
            "timestamp": values.time(),
            "requestContext": context,
            "requestPayload": values.json("request"),
            "responseContext": response if is_success else {**response, "functionError": "Unhandled"},
            "responsePayload": values.json("response"),
        }

    return make


def _rule(values: Values) -> Event:
    # What the rule's SQL selects: https://docs.aws.amazon.com/iot/latest/developerguide/lambda-rule-action.html
    return values.json("message")


def _button(values: Values) -> Event:
    # https://docs.aws.amazon.com/lambda/latest/dg/services-iot.html
    return {
        "serialNumber": values["serial-number"],
        "clickType": values["click-type"],
        "batteryVoltage": "1567 mV",
    }


def _kinds() -> Iterator[Kind]:
    logs = {
        "message": "ERROR something failed",
        "log-group": "/aws/lambda/example",
        "log-stream": "2026/01/01/[$LATEST]00000000000000000000000000000000",
        "filter": "example-filter",
    }
    yield Kind("logs", "subscription", "a subscription filter's log events, packed", _logs, logs)
    resource = {
        "stack": "example-stack",
        "logical-id": "MyResource",
        "type": "Custom::Example",
        "function": "example",
        "properties": "{}",
    }
    live = {**resource, "physical-id": "example-physical-id"}
    yield Kind("cloudformation", "create", "a custom resource is to be made", _custom_resource("Create"), resource)
    changed = {**live, "old-properties": "{}"}
    yield Kind("cloudformation", "update", "a custom resource is to be changed", _custom_resource("Update"), changed)
    yield Kind("cloudformation", "delete", "a custom resource is to be deleted", _custom_resource("Delete"), live)
    rule = {"rule": "example-rule", "parameters": "{}"}
    item = {**rule, "resource-id": "i-0123456789abcdef0", "resource-type": "AWS::EC2::Instance"}
    yield Kind("config", "change", "a rule is to judge a resource that changed", _config(is_scheduled=False), item)
    yield Kind("config", "scheduled", "a rule is to judge at its time", _config(is_scheduled=True), rule)
    commit = {"repository": "example-repository", "branch": "main", "trigger": "example-trigger", "custom-data": ""}
    yield Kind("codecommit", "push", "a branch of a repository changed", _codecommit, commit)
    job = {"function": "example", "user-parameters": "{}", "bucket": "example-bucket", "key": "example.zip"}
    yield Kind("codepipeline", "job", "a pipeline's action calls a function", _codepipeline, job)
    yield Kind("codedeploy", "hook", "a deployment's lifecycle hook", _codedeploy)
    for step in _STEPS:
        name = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in step)
        yield Kind("secretsmanager", name, f"rotation's step {step}", _rotation(step), {"secret": "example-secret"})
    async_ = {"function": "example", "request": "{}", "response": "{}"}
    failed = {**async_, "response": '{"errorMessage": "it failed", "errorType": "Exception"}'}
    yield Kind("lambda", "success", "a destination's record of a success", _destination(is_success=True), async_)
    yield Kind("lambda", "failure", "a destination's record of a failure", _destination(is_success=False), failed)
    yield Kind("iot", "rule", "a message that an IoT rule selects", _rule, {"message": '{"temperature": 21.5}'})
    click = {"serial-number": "ABCDEFG12345", "click-type": "SINGLE"}
    yield Kind("iot", "button", "an IoT button was clicked", _button, click)


KINDS: Final = tuple(_kinds())
