"""IAM's documents and managed policies, as roles of every kind hold them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lambent.compiler.intrinsics import Value, concatenate
from lambent.compiler.resources.scope import Scope
from lambent.manifest.expression import Expression

# AWS's own policies that do not stand at the root, as published; a name alone says no path.
_PATHS = {
    "service-role/": (
        "AWSAppSyncPushToCloudWatchLogs",
        "AWSCodeDeployRole",
        "AWSCodeDeployRoleForCloudFormation",
        "AWSCodeDeployRoleForLambda",
        "AWSCodeDeployRoleForLambdaLimited",
        "AWSGlueServiceRole",
        "AWSIoTLogging",
        "AWSIoTRuleActions",
        "AWSLambdaBasicDurableExecutionRolePolicy",
        "AWSLambdaBasicExecutionRole",
        "AWSLambdaDynamoDBExecutionRole",
        "AWSLambdaENIManagementAccess",
        "AWSLambdaKinesisExecutionRole",
        "AWSLambdaMSKExecutionRole",
        "AWSLambdaRole",
        "AWSLambdaSQSQueueExecutionRole",
        "AWSLambdaVPCAccessExecutionRole",
        "AmazonAPIGatewayPushToCloudWatchLogs",
        "AmazonECSTaskExecutionRolePolicy",
        "AmazonSNSRole",
        "ApplicationAutoScalingForAmazonAppStreamAccess",
    ),
    "job-function/": ("ViewOnlyAccess",),
}
PATH_OF_POLICY = {name: path for path, names in _PATHS.items() for name in names}


def allow(actions: Iterable[str], *where: Value, **more: Value) -> Value:
    """Return a statement that allows `actions` on the resources given, on all where none is."""
    resources = list(where) or ["*"]
    return {
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": resources[0] if len(resources) == 1 else resources,
        **more,
    }


def policy_document(statements: list[Value]) -> Value:
    """Return a policy of these statements."""
    return {"Version": "2012-10-17", "Statement": statements}


def assumable_by(services: Iterable[str]) -> Value:
    """Return the trust policy that lets these services assume a role."""
    named = list(services)
    principal = {"Service": named[0] if len(named) == 1 else named}
    return policy_document([{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}])


def managed_policy(scope: Scope, expression: Expression) -> Value:
    """Return a managed policy's ARN: the one given, or that of AWS's policy of that name."""
    name = expression.literal
    if name is None or name.startswith("arn:"):
        return scope.references.value(expression)
    path = "" if "/" in name else PATH_OF_POLICY.get(name, "")
    return concatenate({"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/"}, path + name)


def given_document(scope: Scope, document: dict[str, Any]) -> Value:  # Any: an IAM document, as the manifest has it
    """Return a policy as IAM wants it, of a whole policy or of one statement."""
    resolved = scope.references.document(document)
    if "Statement" not in resolved:
        return policy_document([resolved])
    return resolved if "Version" in resolved else {"Version": "2012-10-17", **resolved}


def given_statements(scope: Scope, document: dict[str, Any]) -> list[Value]:  # Any: as above
    """Return the statements of a whole policy, or the one statement that `document` is."""
    statements = given_document(scope, document)["Statement"]
    return list(statements) if isinstance(statements, list) else [statements]
