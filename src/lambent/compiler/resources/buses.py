"""Event buses, their archives, and rules with targets of every kind."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.compiler.errors import CompileError
from lambent.compiler.intrinsics import Value, resource_att, resource_ref
from lambent.compiler.names import logical_id, physical_name
from lambent.compiler.resources.parties import Party, party
from lambent.compiler.resources.policies import allow, assumable_by, policy_document
from lambent.compiler.resources.scope import Emitted, Scope, resource, said
from lambent.compiler.resources.triggers import (
    bus_name,
    dead_letter_config,
    permission,
    retry_policy,
    transformed,
)
from lambent.manifest.checks.parties import RULE_TARGETS
from lambent.manifest.event_sources import Rule, Target


def buses(scope: Scope) -> Iterator[Emitted]:
    """Yield the event buses of the manifest's `buses`, each with its archive."""
    for key, bus in scope.system.buses.items():
        name = physical_name(scope.system.stack, key) if bus.name is None else scope.references.value(bus.name)
        properties = {
            "Name": name,
            "KmsKeyIdentifier": scope.value(bus.key),
            "DeadLetterConfig": dead_letter_config(scope, bus.dead_letter),
            "Tags": scope.tags(bus.tags),
        }
        yield logical_id(key, "Bus"), resource("AWS::Events::EventBus", properties)
        if bus.archive is not None:
            archive = {
                "ArchiveName": physical_name(scope.system.stack, key),
                "SourceArn": resource_att(key, "Bus", "Arn"),
                "RetentionDays": bus.archive,
            }
            yield logical_id(key, "BusArchive"), resource("AWS::Events::Archive", archive)


def rules(scope: Scope) -> Iterator[Emitted]:
    """Yield the rules of the manifest's `rules`, with what lets them reach their targets."""
    for key, rule in scope.system.rules.items():
        try:
            yield from _rule(scope, key, rule)
        except CompileError as error:
            raise error.within("rules", key) from error


def _rule(scope: Scope, key: str, rule: Rule) -> Iterator[Emitted]:
    targets = [(target, party(scope, target.to, *RULE_TARGETS)) for target in rule.targets]
    others = [found.arn for _, found in targets if found.service == "events"]
    properties = {
        "Name": physical_name(scope.system.stack, key) if rule.name is None else scope.references.value(rule.name),
        "Description": rule.description,
        "EventBusName": bus_name(scope, rule.bus),
        "EventPattern": scope.references.document(rule.pattern),
        "ScheduleExpression": scope.value(rule.schedule),
        "State": "ENABLED" if rule.enabled else "DISABLED",
        "Targets": [_target(scope, key, number, *each) for number, each in enumerate(targets, 1)],
    }
    if others:
        statements = [allow(("events:PutEvents",), *others)]
        role = {
            "AssumeRolePolicyDocument": assumable_by(["events.amazonaws.com"]),
            "Policies": [{"PolicyName": "send", "PolicyDocument": policy_document(statements)}],
        }
        yield logical_id(key, "RuleRole"), resource("AWS::IAM::Role", role)
    yield logical_id(key, "Rule"), resource("AWS::Events::Rule", properties)
    for function in dict.fromkeys(found.key for _, found in targets if found.section == "functions"):
        allowed = permission(scope, function, "events", resource_att(key, "Rule", "Arn"))
        yield logical_id(function, f"{logical_id(key, 'Rule')}Permission"), allowed


def _target(scope: Scope, key: str, number: int, target: Target, found: Party) -> Value:
    arn = found.arn
    if found.section == "functions":
        arn = scope.references.target_arn(found.key)  # what the permission is for
    elif found.section == "topics":
        arn = resource_ref(found.key, "Topic")
    return said(
        {
            "Id": f"target-{number}",
            "Arn": arn,
            "RoleArn": resource_att(key, "RuleRole", "Arn") if found.service == "events" else None,
            **transformed(scope, target),
            "SqsParameters": None if target.group is None else {"MessageGroupId": target.group},
            "RetryPolicy": retry_policy(target.retry),
            "DeadLetterConfig": dead_letter_config(scope, target.dead_letter),
        }
    )
