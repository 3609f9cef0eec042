"""Every resource type that the platform makes, with what AWS's schema says of its properties."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lambent.cloud.services.cloudformation.resources import (
    alarms,
    buckets,
    event_source_mappings,
    events,
    iam,
    lambda_capacity,
    lambda_functions,
    lambda_parts,
    logs,
    messaging,
    network,
    scheduler,
    storage,
    streams,
    tables,
    topics,
)
from lambent.cloud.services.cloudformation.resources.contract import ResourceHandler, ResourceType

_SCHEMAS = Path(__file__).with_name("schemas.json")
_HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::IAM::InstanceProfile": iam.InstanceProfileHandler(),
    "AWS::IAM::ManagedPolicy": iam.ManagedPolicyHandler(),
    "AWS::IAM::Policy": iam.PolicyHandler(),
    "AWS::IAM::Role": iam.RoleHandler(),
    "AWS::IAM::RolePolicy": iam.PolicyHandler(),
    "AWS::Lambda::Alias": lambda_functions.AliasHandler(),
    "AWS::Lambda::CapacityProvider": lambda_capacity.CapacityProviderHandler(),
    "AWS::Lambda::CodeSigningConfig": lambda_parts.CODE_SIGNING_CONFIG,
    "AWS::Lambda::EventInvokeConfig": lambda_parts.EVENT_INVOKE_CONFIG,
    "AWS::Lambda::EventSourceMapping": event_source_mappings.MappingHandler(),
    "AWS::Lambda::Function": lambda_functions.FunctionHandler(),
    "AWS::Lambda::LayerVersion": lambda_parts.LAYER_VERSION,
    "AWS::Lambda::LayerVersionPermission": lambda_parts.LAYER_VERSION_PERMISSION,
    "AWS::Lambda::Permission": lambda_parts.PERMISSION,
    "AWS::Lambda::ResourcePolicy": lambda_parts.RESOURCE_POLICY,
    "AWS::Lambda::Url": lambda_parts.URL,
    "AWS::Lambda::Version": lambda_functions.VersionHandler(),
    "AWS::Logs::LogGroup": logs.LogGroupHandler(),
    "AWS::Logs::LogStream": logs.LOG_STREAM,
    "AWS::Logs::MetricFilter": logs.METRIC_FILTER,
    "AWS::Logs::QueryDefinition": logs.QUERY_DEFINITION,
    "AWS::Logs::ResourcePolicy": logs.RESOURCE_POLICY,
    "AWS::Logs::SubscriptionFilter": logs.SUBSCRIPTION_FILTER,
    **alarms.HANDLERS,
    **events.HANDLERS,
    **messaging.HANDLERS,
    **network.HANDLERS,
    **buckets.HANDLERS,
    **scheduler.HANDLERS,
    **storage.HANDLERS,
    **tables.HANDLERS,
    **topics.HANDLERS,
    **streams.HANDLERS,
}
TYPE_NAMES = frozenset(_HANDLERS)
# Types whose own properties Fn::GetAtt takes as well as what their schemas mark as read-only.
_TELL_PROPERTIES = frozenset({
    "AWS::EC2::SecurityGroup", "AWS::EC2::Subnet", "AWS::EC2::VPC", "AWS::SNS::Topic", "AWS::SQS::Queue",
    "AWS::SSM::Parameter",
})  # fmt: skip


class ResourceTypes:
    """The types by name; `more` are those that need parts of the service, such as nested stacks."""

    def __init__(self, more: Iterable[ResourceType] = ()) -> None:
        schemas: Mapping[str, Mapping[str, Any]] = json.loads(  # Any: JSON-shaped values
            _SCHEMAS.read_text(encoding="utf-8")
        )  # Any: lists of names
        self._types = {name: _type(name, handler, schemas[name]) for name, handler in _HANDLERS.items()}
        self._types |= {one.name: one for one in more}

    def get(self, name: str) -> ResourceType | None:
        """Return the type of that name, or None; `Custom::…` is AWS::CloudFormation::CustomResource by another name."""
        if name.startswith("Custom::"):
            name = "AWS::CloudFormation::CustomResource"
        return self._types.get(name)

    def names(self) -> frozenset[str]:
        """Return the names of all types."""
        return frozenset(self._types)


def _type(name: str, handler: ResourceHandler, schema: Mapping[str, Any]) -> ResourceType:  # Any: as above
    return ResourceType(
        name=name,
        handler=handler,
        properties=frozenset(schema["properties"]) - frozenset(schema["read_only"]),
        required=frozenset(schema["required"]),
        create_only=frozenset(schema["create_only"]),
        attributes=frozenset(schema["read_only"]) | frozenset(schema["properties"] if name in _TELL_PROPERTIES else ()),
        conditional=frozenset(schema["conditional"]),
    )
