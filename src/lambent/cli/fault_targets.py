"""What a fault is for, where a manifest is here: by the manifest's name of it, or its logical id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from lambent.cli import connection
from lambent.cli.errors import CommandError, ExitCode

if TYPE_CHECKING:
    from lambent.aws.clients import Target

# What the manifest's names end in as logical ids, the type of the resource, and its prefix in a fault's target.
_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "AWS::Lambda::Function": ("Function", "function"),
    "AWS::SQS::Queue": ("Queue", "queue"),
    "AWS::SNS::Topic": ("Topic", "topic"),
    "AWS::S3::Bucket": ("Bucket", "bucket"),
    "AWS::DynamoDB::Table": ("Table", "table"),
    "AWS::Events::EventBus": ("Bus", "bus"),
    "AWS::Events::Rule": ("Rule", "rule"),
    "AWS::Scheduler::Schedule": ("Schedule", "schedule"),
}


def by_project(text: str, port: int, region: str | None) -> tuple[str, str | None]:
    """Return what the platform calls what the manifest in this folder calls `text`, and in which region that is.

    Where no manifest says anything it is the text itself, in the region that is given. Raises CommandError where it may
    be several things.
    """
    from lambent.cli import project as projects
    from lambent.compiler.names import logical_id

    if text.startswith("arn:"):
        return text, region
    prefix, _, rest = text.partition(":")
    prefixes = {known for _, known in _KINDS.values()}
    name, qualifier = (rest, "") if prefix in prefixes and rest else (prefix, rest)
    try:
        project = projects.read(projects.ProjectRequest())
    except CommandError:
        return text, region  # no project here
    if project.system is None:
        return text, region
    target = connection.target(port, text, region or project.region)
    found = []
    for type_name, identifier, physical in _resources(target, project.system.stack):
        ending, kind = _KINDS[type_name]
        is_asked_for = prefix in {kind, name}
        if is_asked_for and identifier in {name, logical_id(name, ending)}:
            found.append(f"{kind}:{_name(kind, physical)}{f':{qualifier}' if qualifier else ''}")
    if len(found) > 1:
        raise CommandError(
            f"{text!r} may be several things in this project.", f"Say which: {' or '.join(found)}.", ExitCode.USAGE
        )
    return (found[0], target.region) if found else (text, region)


def _resources(target: Target, stack: str) -> list[tuple[str, str, str]]:
    from lambent.aws.clients import AwsCallError, aws_errors

    pages = target.client("cloudformation").get_paginator("list_stack_resources")
    try:
        with aws_errors():
            listed = [one for page in pages.paginate(StackName=stack) for one in page["StackResourceSummaries"]]
    except AwsCallError:
        return []  # it is not deployed here
    return [
        (one["ResourceType"], one["LogicalResourceId"], one["PhysicalResourceId"])
        for one in listed
        if one["ResourceType"] in _KINDS and one.get("PhysicalResourceId")
    ]


def _name(kind: str, physical: str) -> str:
    """Return a resource's name from the id that CloudFormation has for it."""
    match kind:
        case "queue":
            return physical.rpartition("/")[2]
        case "topic":
            return physical.rpartition(":")[2]
        case "rule":
            return physical.replace("|", "/")  # one of another bus than the default one
        case _:
            return physical
