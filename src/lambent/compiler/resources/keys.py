"""KMS keys and their aliases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lambent.compiler.intrinsics import Value, arn, ref, resource_ref
from lambent.compiler.names import logical_id, physical_name
from lambent.compiler.references import sole_key
from lambent.compiler.resources.policies import given_document, policy_document
from lambent.compiler.resources.scope import Emitted, Scope, resource
from lambent.compiler.resources.senders import keys_of_senders
from lambent.manifest.system import Key


def keys(scope: Scope) -> Iterator[Emitted]:
    """Yield the keys of the manifest's `keys`, each with its alias."""
    for_logs = set(_log_group_keys(scope))
    for_senders = keys_of_senders(scope)
    for key, wanted in scope.system.keys.items():
        policy = (
            _default_policy(logs=key in for_logs, services=for_senders.get(key, ()))
            if wanted.policy is None
            else given_document(scope, wanted.policy)
        )
        properties = {
            "Description": scope.value(wanted.description),
            "EnableKeyRotation": wanted.rotation,
            "PendingWindowInDays": wanted.deletion_window,
            "KeyPolicy": policy,
            "Tags": scope.tags(wanted.tags),
        }
        yield logical_id(key, "Key"), resource("AWS::KMS::Key", properties)
        alias = {"AliasName": _alias_name(scope, key, wanted), "TargetKeyId": resource_ref(key, "Key")}
        yield logical_id(key, "KeyAlias"), resource("AWS::KMS::Alias", alias)


def _alias_name(scope: Scope, key: str, wanted: Key) -> str:
    name = wanted.alias or physical_name(scope.system.stack, key)
    return name if name.startswith("alias/") else f"alias/{name}"


def _default_policy(*, logs: bool, services: Sequence[str]) -> Value:
    # The account may do everything, so that IAM decides; CloudWatch Logs is no principal of the account.
    # https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    account = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
    statements: list[Value] = [
        {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "kms:*", "Resource": "*"},
    ]
    if services:
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html#compatibility-with-aws-services
        hosts = [f"{service}.amazonaws.com" for service in services]
        statements.append(
            {
                "Effect": "Allow",
                "Principal": {"Service": hosts[0] if len(hosts) == 1 else hosts},
                "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}},
            }
        )
    if logs:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        statements.append(
            {
                "Effect": "Allow",
                "Principal": {"Service": {"Fn::Sub": "logs.${AWS::Region}.${AWS::URLSuffix}"}},
                "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
                "Resource": "*",
                "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": arn("logs", "log-group:*")}},
            }
        )
    return policy_document(statements)


def _log_group_keys(scope: Scope) -> Iterator[str]:
    """Yield the keys that encrypt log groups."""
    groups = (group.key for group in scope.system.log_groups.values())
    own = (function.logs.key for function in scope.functions.values() if function.logs is not None)
    for expression in (*groups, *own):
        if (key := sole_key(expression, "keys")) is not None:
            yield key
