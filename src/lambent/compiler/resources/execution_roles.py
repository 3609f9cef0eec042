"""A function's execution role where none is given: what the function's own settings need, and no more."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.compiler.intrinsics import Value, arn, concatenate, resource_att
from lambent.compiler.names import logical_id
from lambent.compiler.resources.grants import granted, read_by_triggers
from lambent.compiler.resources.networks import vpc_config
from lambent.compiler.resources.parties import Party, party
from lambent.compiler.resources.policies import (
    allow,
    assumable_by,
    given_statements,
    managed_policy,
    policy_document,
)
from lambent.compiler.resources.scope import Emitted, Scope, resource
from lambent.manifest.checks.parties import TARGETS
from lambent.manifest.expression import Expression
from lambent.manifest.parties import SERVICES
from lambent.manifest.system import Function

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
# None of these can be told of one network interface alone: there is none yet when Lambda asks.
_NETWORK_INTERFACES = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
# https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
_TRACES = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
_SENDING = {
    "sqs": ("sqs:SendMessage",),
    "sns": ("sns:Publish",),
    "lambda": ("lambda:InvokeFunction",),
    "events": ("events:PutEvents",),
}


def execution_role(scope: Scope, key: str, function: Function) -> Iterator[Emitted]:
    """Yield the role of function `key`, unless it is given one."""
    if function.role is not None:
        return
    managed, statements = _asked_for(scope, function)
    # Several things may need the same, such as the use of one key.
    needed = {str(statement): statement for statement in _needed(scope, key, function)}
    statements = [*needed.values(), *statements]
    properties = {
        "AssumeRolePolicyDocument": assumable_by(["lambda.amazonaws.com"]),
        "ManagedPolicyArns": managed or None,
        "Policies": [{"PolicyName": "execution", "PolicyDocument": policy_document(statements)}],
        "Tags": scope.tags(function.tags),
    }
    yield logical_id(key, "FunctionRole"), resource("AWS::IAM::Role", properties)


def _needed(scope: Scope, key: str, function: Function) -> Iterator[Value]:
    group = concatenate("log-group:", scope.references.log_group_name(key), ":*")
    # The stack makes the group. Were the function allowed to, a deleted group would come back and be kept for ever.
    yield allow(("logs:CreateLogStream", "logs:PutLogEvents"), arn("logs", group))
    if vpc_config(scope, key, function) is not None:
        yield allow(_NETWORK_INTERFACES)
    if function.tracing == "active":
        yield allow(_TRACES)
    if function.kms_key is not None:
        yield allow(("kms:Decrypt",), scope.references.named(function.kms_key))
    yield from _sending(scope, key, function)
    yield from read_by_triggers(scope, function)
    yield from granted(scope, function)


def _sending(scope: Scope, key: str, function: Function) -> Iterator[Value]:
    """Yield what the dead-letter queue and the destinations need, each target once."""
    letters = function.dead_letter if isinstance(function.dead_letter, Expression) else None
    targets = {
        str(target.named_arn): (target, sections)
        for target, sections in (
            (_target(scope, function.on_success, TARGETS["on_success"]), TARGETS["on_success"]),
            (_target(scope, function.on_failure, TARGETS["on_failure"]), TARGETS["on_failure"]),
            (_target(scope, letters, TARGETS["dead_letter"]), TARGETS["dead_letter"]),
        )
        if target is not None
    }
    if function.dead_letter is True:
        yield allow(("sqs:SendMessage",), resource_att(key, "FunctionDeadLetters", "Arn"))
    for target, sections in targets.values():
        where = target.named_arn
        # Of a target whose ARN only the deployment knows, every action is allowed that it could be for; on it alone.
        likely = (target.service,) if target.service else tuple(SERVICES[section] for section in sections)
        actions = [action for service in likely for action in _SENDING.get(service, ())]
        if actions:
            yield allow(actions, where, *((concatenate(where, ":*"),) if likely == ("lambda",) else ()))
        if "s3" in likely:
            yield allow(("s3:ListBucket",), where)
            yield allow(("s3:PutObject",), concatenate(where, "/*"))


def _target(scope: Scope, target: Expression | None, sections: tuple[str, ...]) -> Party | None:
    return None if target is None else party(scope, target, *sections)


def _asked_for(scope: Scope, function: Function) -> tuple[list[Value], list[Value]]:
    """Return the managed policies and the statements that the function's `policies` ask for."""
    managed: list[Value] = []
    statements: list[Value] = []
    for policy in function.policies or ():
        if isinstance(policy, Expression):
            managed.append(managed_policy(scope, policy))
        else:
            statements += given_statements(scope, policy)
    return managed, statements
