"""A function as a target has it: its configuration, aliases, triggers, permissions and concurrency; and its code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lambent.aws.clients import AwsCallError, Target, aws_errors
from lambent.insight.migration.candidate import (
    Alias,
    Candidate,
    CapacityUse,
    CodePlace,
    Network,
    PermissionUse,
    Source,
    SourceKind,
    TriggerUse,
)
from lambent.insight.migration.sources.choosing import FunctionChoiceError, choose
from lambent.insight.migration.sources.terraform import mapping_kind

Shape = Mapping[str, Any]  # Any: a structure of Lambda's API


def of_target(target: Target, name: str, place: str) -> tuple[Candidate, str]:
    """Return the function of a name or ARN, and the URL that its code is downloaded from ("" for an image).

    `place` is what the target is called. Raises FunctionChoiceError where it is not there, and AwsCallError.
    """
    client = target.client("lambda")
    try:
        with aws_errors():
            found = client.get_function(FunctionName=name)
    except AwsCallError as error:
        if error.code != "ResourceNotFoundException":
            raise
        with aws_errors():
            known = [one["FunctionName"] for one in client.list_functions(MaxItems=50)["Functions"]]
        advice = f"It has {', '.join(sorted(known)[:20])}." if known else "It has no function at all."
        raise FunctionChoiceError(f"The target {place} has no function {name}.", advice) from error
    with aws_errors():
        return _candidate(client, found, place), str(found.get("Code", {}).get("Location") or "")


def of_stack(target: Target, stack: str, wanted: str) -> tuple[Candidate, str]:
    """Return the function of a deployed stack, by its logical id or its name, and where its code is downloaded from.

    Raises FunctionChoiceError where the stack or the function is not there, and AwsCallError.
    """
    client = target.client("cloudformation")
    try:
        with aws_errors():
            pages = client.get_paginator("list_stack_resources").paginate(StackName=stack)
            listed = [one for page in pages for one in page["StackResourceSummaries"]]
    except AwsCallError as error:
        if error.code != "ValidationError":
            raise
        with aws_errors():
            stacks = [one["StackName"] for one in client.describe_stacks()["Stacks"]]
        advice = f"There are {', '.join(sorted(stacks))}." if stacks else "There is none."
        raise FunctionChoiceError(f"There is no stack {stack}.", advice) from error
    functions = {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for one in listed
        if one["ResourceType"] == "AWS::Lambda::Function"
    }
    names = {logical: [physical] for logical, physical in functions.items()}
    chosen = choose(wanted, {logical: logical for logical in functions}, names, f"Stack {stack}")
    candidate, url = of_target(target, functions[chosen], stack)
    source = Source(SourceKind.STACK, stack, chosen, stack, candidate.source.region)
    return _with_source(candidate, source), url


def with_code(candidate: Candidate, path: Path) -> Candidate:
    """Return the candidate with its code at a path."""
    from dataclasses import replace  # noqa: PLC0415 - beside its two uses

    return replace(candidate, code=CodePlace(path))


def _with_source(candidate: Candidate, source: Source) -> Candidate:
    from dataclasses import replace  # noqa: PLC0415 - as above

    return replace(candidate, source=source)


def _candidate(client: Any, found: Shape, place: str) -> Candidate:  # Any: a client
    given = found["Configuration"]
    name, arn = given["FunctionName"], given["FunctionArn"]
    logging = given.get("LoggingConfig") or {}
    group = str(logging.get("LogGroup") or "")
    vpc = given.get("VpcConfig") or {}
    return Candidate(
        name=name,
        source=Source(SourceKind.TARGET, place, name, region=arn.split(":")[3]),
        runtime=given.get("Runtime"),
        handler=given.get("Handler"),
        image=str((found.get("Code") or {}).get("ImageUri") or ""),
        architecture=next(iter(given.get("Architectures") or ()), "x86_64"),
        memory_mb=given.get("MemorySize", 128),
        timeout_s=given.get("Timeout", 3),
        ephemeral_storage_mb=(given.get("EphemeralStorage") or {}).get("Size", 512),
        environment=dict((given.get("Environment") or {}).get("Variables") or {}),
        layers=tuple(one["Arn"] for one in given.get("Layers") or ()),
        role=given.get("Role", ""),
        description=given.get("Description", ""),
        log_format=logging.get("LogFormat", "Text"),
        log_level=logging.get("ApplicationLogLevel", ""),
        log_group="" if group == f"/aws/lambda/{name}" else group,
        tracing="active" if (given.get("TracingConfig") or {}).get("Mode") == "Active" else "",
        kms_key=given.get("KMSKeyArn", ""),
        dead_letter=(given.get("DeadLetterConfig") or {}).get("TargetArn", ""),
        file_systems=tuple(one["Arn"] for one in given.get("FileSystemConfigs") or ()),
        snap_start=(given.get("SnapStart") or {}).get("ApplyOn") == "PublishedVersions",
        provisioned_concurrency=_provisioned(client, name),
        reserved_concurrency=(found.get("Concurrency") or {}).get("ReservedConcurrentExecutions"),
        vpc=Network(tuple(vpc["SubnetIds"]), tuple(vpc.get("SecurityGroupIds") or ()))
        if vpc.get("SubnetIds")
        else None,
        durable=bool(given.get("DurableConfig")),
        tenancy=bool(given.get("TenancyConfig")),
        tags={key: value for key, value in (found.get("Tags") or {}).items() if not key.startswith("aws:")},
        capacity=_capacity(client, given),
        **_around(client, name),
    )


def _around(client: Any, name: str) -> dict[str, Any]:  # Any: a client; fields of Candidate
    """Return the function's aliases, triggers, permissions, and what is said of its asynchronous invocations."""
    aliases = [
        Alias(
            one["Name"],
            one["FunctionVersion"],
            dict((one.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}),
        )
        for one in client.list_aliases(FunctionName=name)["Aliases"]
    ]
    qualifiers = ["", *(one.name for one in aliases)]
    statements = [one for each in qualifiers for one in _permissions(client, name, each)]
    return {
        "aliases": tuple(aliases),
        "permissions": tuple(statements),
        "triggers": (*_triggers(client, name, qualifiers), *_callers(statements)),
        **_asynchronous(client, name),
    }


def _asked(call: Any, **parameters: Any) -> Shape:  # Any: a client's method and its parameters
    """Return what a call answers, nothing where there is nothing of the kind."""
    try:
        with aws_errors():
            answer: Shape = call(**{key: value for key, value in parameters.items() if value})
    except AwsCallError as error:
        if error.code in {"ResourceNotFoundException", "ProvisionedConcurrencyConfigNotFoundException"}:
            return {}
        raise
    return answer


def _permissions(client: Any, name: str, qualifier: str) -> Iterator[PermissionUse]:  # Any: a client
    answer = _asked(client.get_policy, FunctionName=name, Qualifier=qualifier)
    for one in json.loads(answer["Policy"]).get("Statement", ()) if answer else ():
        principal = one.get("Principal", "")
        if isinstance(principal, dict):
            principal = principal.get("Service") or principal.get("AWS") or ""
        conditions = one.get("Condition", {})
        like = conditions.get("ArnLike") or conditions.get("ArnEquals") or {}
        source = like.get("AWS:SourceArn") or like.get("aws:SourceArn") or ""
        yield PermissionUse(one.get("Sid", ""), str(principal), source, one.get("Action", ""), qualifier)


def _triggers(client: Any, name: str, qualifiers: list[str]) -> Iterator[TriggerUse]:  # Any: a client
    for qualifier in qualifiers:
        full = f"{name}:{qualifier}" if qualifier else name
        for one in client.list_event_source_mappings(FunctionName=full)["EventSourceMappings"]:
            source = one.get("EventSourceArn", "")
            named = one["FunctionArn"].split(":")
            if (named[7] if len(named) > 7 else "") == qualifier:
                yield TriggerUse(mapping_kind(source), source, one["UUID"], qualifier, _settings(one))
        url = _asked(client.get_function_url_config, FunctionName=name, Qualifier=qualifier)
        if url:
            yield TriggerUse(
                "url", f"auth {'none' if url['AuthType'] == 'NONE' else 'iam'}", url["FunctionUrl"], qualifier
            )


def _settings(mapping: Shape) -> dict[str, object]:
    return {name: mapping[name] for name in ("BatchSize", "StartingPosition", "State") if name in mapping}


def _callers(statements: list[PermissionUse]) -> Iterator[TriggerUse]:
    """Yield the services that the resource policy lets invoke the function: they have to name the new one."""
    kinds = {
        "s3.amazonaws.com": "s3", "sns.amazonaws.com": "sns", "events.amazonaws.com": "event",
        "apigateway.amazonaws.com": "api", "scheduler.amazonaws.com": "schedule", "logs.amazonaws.com": "other",
        "elasticloadbalancing.amazonaws.com": "other", "iot.amazonaws.com": "other",
        "cognito-idp.amazonaws.com": "other",
    }  # fmt: skip
    for one in statements:
        if one.principal in kinds:
            yield TriggerUse(kinds[one.principal], one.source_arn or one.principal, one.statement_id, one.qualifier)


def _provisioned(client: Any, name: str) -> int | None:  # Any: a client
    listed = client.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"]
    return sum(one["RequestedProvisionedConcurrentExecutions"] for one in listed) or None


def _capacity(client: Any, given: Shape) -> CapacityUse | None:  # Any: a client
    config = (given.get("CapacityProviderConfig") or {}).get("LambdaManagedInstancesCapacityProviderConfig")
    if not config:
        return None
    scaling = _asked(
        client.get_function_scaling_config, FunctionName=given["FunctionName"], Qualifier="$LATEST.PUBLISHED"
    ).get("RequestedFunctionScalingConfig", {})
    return CapacityUse(
        config["CapacityProviderArn"],
        config.get("ExecutionEnvironmentMemoryGiBPerVCpu"),
        config.get("PerExecutionEnvironmentMaxConcurrency"),
        scaling.get("MinExecutionEnvironments"),
        scaling.get("MaxExecutionEnvironments"),
    )


def _asynchronous(client: Any, name: str) -> dict[str, Any]:  # Any: a client; fields of Candidate
    found = _asked(client.get_function_event_invoke_config, FunctionName=name)
    destination = found.get("DestinationConfig") or {}
    return {
        "on_success": (destination.get("OnSuccess") or {}).get("Destination", ""),
        "on_failure": (destination.get("OnFailure") or {}).get("Destination", ""),
        "retry_attempts": found.get("MaximumRetryAttempts"),
        "max_event_age_s": found.get("MaximumEventAgeInSeconds"),
    }
