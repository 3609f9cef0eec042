"""Log groups: those the manifest names, and a function's own."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.compiler.names import logical_id
from lambent.compiler.resources.scope import Emitted, Scope, resource
from lambent.manifest.system import Function, LogGroup, Logs

DEFAULT_RETENTION_DAYS = 30
_CLASSES = {"standard": "STANDARD", "infrequent_access": "INFREQUENT_ACCESS", "delivery": "DELIVERY"}


def log_groups(scope: Scope) -> Iterator[Emitted]:
    """Yield the log groups of the manifest's `log_groups`."""
    for key, group in scope.system.log_groups.items():
        properties = {
            "LogGroupName": log_group_name(scope, key, group),
            "RetentionInDays": group.retention,
            "KmsKeyId": scope.value(group.key),
            "LogGroupClass": _CLASSES[group.log_class] if group.log_class else None,
            "Tags": scope.tags(group.tags),
        }
        yield logical_id(key, "LogGroup"), resource("AWS::Logs::LogGroup", properties)


def log_group_name(scope: Scope, key: str, group: LogGroup) -> object:
    """Return the name of log group `key` of the manifest."""
    return f"/{scope.system.stack}/{key}" if group.name is None else scope.value(group.name)


def own_log_group(scope: Scope, key: str, function: Function) -> Iterator[Emitted]:
    """Yield the log group of function `key`, unless it shares one: Lambda's own would be kept for ever, untagged."""
    logs = function.logs or Logs()
    if logs.group is not None:
        return
    kept_for_ever = logs.retention is None and "retention" in logs.model_fields_set
    properties = {
        "LogGroupName": scope.references.log_group_name(key),
        "RetentionInDays": None if kept_for_ever else logs.retention or DEFAULT_RETENTION_DAYS,
        "KmsKeyId": scope.value(logs.key),
        "Tags": scope.tags(function.tags),
    }
    yield logical_id(key, "FunctionLogGroup"), resource("AWS::Logs::LogGroup", properties)
