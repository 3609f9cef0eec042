"""Values of the model → members of AWS's answers."""

from __future__ import annotations

from typing import Any

from lambent.cloud.services.cloudformation.model.stack import (
    ChangeSet,
    Definition,
    Stack,
    StackEvent,
    StackParameter,
    StackResource,
)

Members = dict[str, Any]  # Any: members of a shape
_MASK = "****"


def without_empty(members: Members) -> Members:
    """Return the members that AWS would send: those without a value are left out."""
    return {name: value for name, value in members.items() if value not in (None, "")}


def parameters(definition: Definition) -> list[Members]:
    """Return a definition's parameters, secret ones masked."""
    return [_parameter(one) for one in definition.parameters]


def _parameter(one: StackParameter) -> Members:
    shown = {"ParameterKey": one.key, "ParameterValue": _MASK if one.no_echo else one.value}
    resolved = {} if one.resolved is None else {"ResolvedValue": _MASK if one.no_echo else one.resolved}
    return {**shown, **resolved}


def stack(found: Stack) -> Members:
    """Return a Stack."""
    definition = found.definition
    members: Members = {
        "StackId": found.id,
        "StackName": found.name,
        "ChangeSetId": found.change_set_id,
        "Description": definition.description,
        "Parameters": parameters(definition),
        "CreationTime": found.created,
        "LastUpdatedTime": found.updated,
        "DeletionTime": found.deleted,
        "StackStatus": found.status,
        "StackStatusReason": found.status_reason,
        "DisableRollback": found.disable_rollback,
        "RollbackConfiguration": {},
        "NotificationARNs": list(definition.notification_arns),
        "TimeoutInMinutes": found.timeout_minutes,
        "Capabilities": list(definition.capabilities),
        "RoleARN": definition.role_arn,
        "Tags": [{"Key": key, "Value": value} for key, value in definition.tags.items()],
        "EnableTerminationProtection": found.termination_protection,
        "RetainExceptOnCreate": found.retain_except_on_create or None,
        "DeletionMode": found.deletion_mode,
        "DeploymentConfig": found.deployment or None,
        "ParentId": found.parent_id,
        "RootId": found.root_id,
        "DriftInformation": without_empty(
            {
                "StackDriftStatus": found.drift_status,
                "LastCheckTimestamp": found.drift_checked,
            }
        ),
    }
    if found.outputs:
        members["Outputs"] = [
            without_empty(
                {
                    "OutputKey": one.key,
                    "OutputValue": one.value,
                    "Description": one.description,
                    "ExportName": one.export_name,
                }
            )
            for one in found.outputs
        ]
    return without_empty(members)


def stack_summary(found: Stack) -> Members:
    """Return a StackSummary."""
    return without_empty(
        {
            "StackId": found.id,
            "StackName": found.name,
            "TemplateDescription": found.definition.description,
            "CreationTime": found.created,
            "LastUpdatedTime": found.updated,
            "DeletionTime": found.deleted,
            "StackStatus": found.status,
            "StackStatusReason": found.status_reason,
            "ParentId": found.parent_id,
            "RootId": found.root_id,
            "DriftInformation": {"StackDriftStatus": found.drift_status},
        }
    )


def resource_summary(row: StackResource) -> Members:
    """Return a StackResourceSummary."""
    return without_empty(
        {
            "LogicalResourceId": row.logical_id,
            "PhysicalResourceId": row.physical_id,
            "ResourceType": row.type,
            "LastUpdatedTimestamp": row.since,
            "ResourceStatus": row.status,
            "ResourceStatusReason": row.status_reason,
            "DriftInformation": {"StackResourceDriftStatus": row.drift_status},
        }
    )


def resource(row: StackResource, of: Stack) -> Members:
    """Return a StackResource, as DescribeStackResources has it."""
    members = resource_summary(row)
    members["Timestamp"] = members.pop("LastUpdatedTimestamp")
    return {"StackName": of.name, "StackId": of.id, **members}


def event(one: StackEvent, of: Stack) -> Members:
    """Return a StackEvent."""
    return without_empty(
        {
            "StackId": of.id,
            "EventId": one.id,
            "StackName": of.name,
            "LogicalResourceId": one.logical_id,
            "PhysicalResourceId": one.physical_id,
            "ResourceType": one.type,
            "Timestamp": one.at,
            "ResourceStatus": one.status,
            "ResourceStatusReason": one.reason,
            "ResourceProperties": one.properties,
            "ClientRequestToken": one.client_token,
            "OperationId": one.operation_id,
        }
    )


def change_set(found: ChangeSet, of: Stack, *, with_values: bool) -> Members:
    """Return what DescribeChangeSet answers, all changes in one page."""
    definition = found.definition
    return without_empty(
        {
            "ChangeSetName": found.name,
            "ChangeSetId": found.id,
            "StackId": of.id,
            "StackName": of.name,
            "Description": found.description,
            "Parameters": parameters(definition),
            "CreationTime": found.created,
            "ExecutionStatus": found.execution_status,
            "Status": found.status,
            "StatusReason": found.status_reason,
            "NotificationARNs": list(definition.notification_arns),
            "RollbackConfiguration": {},
            "Capabilities": list(definition.capabilities),
            "Tags": [{"Key": key, "Value": value} for key, value in definition.tags.items()],
            "Changes": [dict(one) if with_values else _without_values(one) for one in found.changes],
            "IncludeNestedStacks": found.include_nested,
            "OnStackFailure": found.on_stack_failure,
            "DeploymentConfig": found.deployment or None,
        }
    )


def _without_values(change: Any) -> Members:  # Any: a Change, as it was stored
    found = dict(change["ResourceChange"])
    found.pop("BeforeContext", None)
    found.pop("AfterContext", None)
    details = []
    for one in found.get("Details", []):
        target = {name: value for name, value in one["Target"].items() if name not in {"BeforeValue", "AfterValue"}}
        details.append({**one, "Target": target})
    return {**change, "ResourceChange": {**found, "Details": details}}
