"""Rules about how a function is run: concurrency, aliases, SnapStart, network, logs, asynchronous calls, URLs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lambent.aws.quotas import (
    CONCURRENT_EXECUTIONS,
    DEFAULT_EPHEMERAL_STORAGE_MB,
    MAXIMUM_EVENT_AGE_S,
    MAXIMUM_RETRY_ATTEMPTS,
    MINIMUM_EVENT_AGE_S,
    MINIMUM_UNRESERVED_CONCURRENCY,
)
from lambent.base.diagnostics import Diagnostic
from lambent.manifest.checks.functions import RUN_HERE, RUNTIMES
from lambent.manifest.checks.subject import Place, bounds, constraint
from lambent.manifest.system import Alias, Cors, Function, Logs, Vpc
from lambent.manifest.words import did_you_mean

_SUBNET = re.compile(r"subnet-[0-9a-z]*\Z")
_GROUP = re.compile(r"sg-[0-9a-zA-Z]*\Z")
_ALIAS = re.compile(r"(?!^[0-9]+$)([a-zA-Z0-9-_]{1,128})\Z")
_CORS_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "*"})
_LONGEST_CORS_AGE_S = 86_400
_SNAP_START = re.compile(r"(java(11|17|21|25)|python3\.1[2-9]|dotnet(8|10))\Z")
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip


def check_operation(function: Function, place: Place) -> Iterator[Diagnostic]:
    """Yield what is wrong with how a function is to be run."""
    yield from _concurrency(function, place)
    if function.alias is not None:
        yield from _alias(function.alias, place)
    if function.snap_start:
        yield from _snap_start(function, place)
    if function.vpc is not None:
        yield from _vpc(function.vpc, place)
    if function.logs is not None:
        yield from _logs(function.logs, place)
    yield from _retry(function, place)
    if function.url is not None and function.url.auth == "none":
        message = "anybody who knows its address can call this function"
        yield place.found("url-open", message, "Use `auth: iam`, or let the function check who calls.", "url")
    if function.url is not None and function.url.cors is not None:
        yield from _cors(function.url.cors, place)
    yield from _not_simulated(function, place)


def _concurrency(function: Function, place: Place) -> Iterator[Diagnostic]:
    reserved, provisioned = function.reserved_concurrency, function.provisioned_concurrency
    if reserved is not None:
        if reserved < 0:
            message = constraint(
                reserved, "reservedConcurrentExecutions", "Member must have value greater than or equal to 0"
            )
            advice = "Leave it out to use the account's unreserved concurrency; 0 stops the function."
            yield place.found("reserved-concurrency", message, advice, "reserved_concurrency")
        elif reserved > CONCURRENT_EXECUTIONS - MINIMUM_UNRESERVED_CONCURRENCY:
            message = "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]."
            advice = f"An account has {CONCURRENT_EXECUTIONS} unless AWS has raised it; reserve 900 at most."
            yield place.found("reserved-concurrency", message, advice, "reserved_concurrency")
    if provisioned is None:
        return
    if provisioned < 1:
        message = constraint(provisioned, "provisionedConcurrentExecutions", "Member must have value greater than or equal to 1")  # fmt: skip
        advice = "Leave it out where no environments are to be kept ready."
        yield place.found("provisioned-concurrency", message, advice, "provisioned_concurrency")
    elif reserved is not None and provisioned > reserved:
        message = "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"  # fmt: skip
        advice = f"Reserve at least {provisioned}, or provision at most {reserved}."
        yield place.found("provisioned-concurrency", message, advice, "provisioned_concurrency")
    if function.alias is None:
        message = "provisioned concurrency without an alias is of one version, and does not move to the next"
        yield place.found("provisioned-without-alias", message, "Add `alias: live`.", "provisioned_concurrency")


def _alias(alias: Alias, place: Place) -> Iterator[Diagnostic]:
    if not _ALIAS.match(alias.name):
        message = constraint(alias.name, "name", "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)")  # fmt: skip
        yield place.found("alias-name", message, "A number names a version; call it `live`.", "alias")
    if len(alias.weights) > 1:
        message = "Number of items in AdditionalVersionWeights cannot be greater than 1"
        yield place.found("alias-weights", message, "An alias shares calls between two versions.", "alias", "weights")
    for version, weight in alias.weights.items():
        where = ("alias", "weights", version)
        if version == "$LATEST":
            message = "$LATEST is not supported for an alias pointing to more than 1 version"
            advice = "Publish a version and give its number: weights shift calls between published versions only."
            yield place.found("alias-weight-version", message, advice, *where, key=True)
        elif not version.isdigit():
            message = constraint(version, "routingConfig.additionalVersionWeights", "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [0-9]+]")  # fmt: skip
            yield place.found("alias-weight-version", message, "Give the version's number.", *where, key=True)
        if not 0 <= weight <= 1:
            message = constraint(weight, "routingConfig.additionalVersionWeights", "Map value must satisfy constraint: [Member must have value between 0.0 and 1.0]")  # fmt: skip
            yield place.found("alias-weights", message, "A weight is a share: 0.1 for a tenth.", *where)


def _snap_start(function: Function, place: Place) -> Iterator[Diagnostic]:
    if function.runtime is not None and not _SNAP_START.match(function.runtime):
        message = f"{function.runtime} is not supported for SnapStart enabled functions."
        advice = "SnapStart is for Java 11 and later, Python 3.12 and later, .NET 8 and later."
        yield place.found("snap-start", message, advice, "snap_start")
    if function.provisioned_concurrency is not None:
        message = "SnapStart and provisioned concurrency exclude each other."
        yield place.found("snap-start", message, "Take one of them out.", "snap_start")
    if (function.ephemeral_storage or 0) > DEFAULT_EPHEMERAL_STORAGE_MB:
        message = "Functions with SnapStart cannot have more than 512 MB of ephemeral storage."
        yield place.found("snap-start", message, "Take one of them out.", "snap_start")


def _vpc(vpc: Vpc, place: Place) -> Iterator[Diagnostic]:
    if vpc.discover is not None:
        return
    if bool(vpc.subnets) != bool(vpc.security_groups):
        message = "SecurityGroupIds and SubnetIds must be provided together: both or neither."
        lacking = "security_groups" if vpc.subnets else "subnets"
        yield place.found("vpc-security-groups", message, f"Add `{lacking}`.", "vpc", key=True)
    yield from check_ids(vpc, place, "vpc")
    if len(vpc.subnets) == 1:
        message = "one subnet lies in one Availability Zone: when it fails, so does the function"
        yield place.found("vpc-zones", message, "Name a subnet in each of two zones.", "vpc", "subnets")


def check_ids(network: object, place: Place, *inside: str) -> Iterator[Diagnostic]:
    """Yield the ids of subnets and security groups that are none."""
    for field, pattern, rule in (("subnets", _SUBNET, "subnet-id"), ("security_groups", _GROUP, "security-group-id")):
        for index, expression in enumerate(getattr(network, field)):
            text = expression.literal
            if text is not None and not pattern.match(text):
                member = {"subnets": "subnetIds", "security_groups": "securityGroupIds"}[field]
                shape = "subnet-[0-9a-z]*" if field == "subnets" else "sg-[0-9a-zA-Z]*"
                message = constraint(
                    text, f"vpcConfig.{member}", f"Member must satisfy regular expression pattern: {shape}"
                )
                yield place.found(rule, message, "Give its id; a name is none.", *inside, field, index)


def _logs(logs: Logs, place: Place) -> Iterator[Diagnostic]:
    if logs.retention is not None and logs.retention not in RETENTION_DAYS:
        message = constraint(
            logs.retention, "retentionInDays", f"Member must satisfy enum value set: {list(RETENTION_DAYS)}"
        )
        near = min(RETENTION_DAYS, key=lambda days: abs(days - (logs.retention or 0)))
        yield place.found("log-retention", message, f"Write {near}.", "logs", "retention")
    if logs.format != "json":
        for field, name in (("level", "LogLevel"), ("system_level", "LogLevel")):
            if getattr(logs, field) is not None:
                message = f'{name} is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change the LogFormat to "JSON" and try again.'
                yield place.found("log-level-format", message, "Add `format: json`.", "logs", field)
    if logs.group is not None and logs.retention is not None:
        message = "a shared log group has a retention of its own"
        advice = "Say it in `log_groups`, or take `group` out to have an own group."
        yield place.found("log-retention-of-shared-group", message, advice, "logs", "retention")


def _retry(function: Function, place: Place) -> Iterator[Diagnostic]:
    retry = function.retry
    if retry is None:
        return
    if retry.attempts is not None and (
        message := bounds(retry.attempts, "maximumRetryAttempts", 0, MAXIMUM_RETRY_ATTEMPTS)
    ):
        yield place.found("retry", message, "The first attempt is not counted.", "retry", "attempts")
    if retry.max_age is not None:
        message = bounds(retry.max_age, "maximumEventAgeInSeconds", MINIMUM_EVENT_AGE_S, MAXIMUM_EVENT_AGE_S)
        if message:
            yield place.found("retry", message, "It is given in seconds, or as 5m, 6h.", "retry", "max_age")


def _cors(cors: Cors, place: Place) -> Iterator[Diagnostic]:
    """https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html, and what it says of a method that is not among its."""
    if cors.max_age is not None and (message := bounds(cors.max_age, "cors.maxAge", 0, _LONGEST_CORS_AGE_S)):
        yield place.found("url-cors", message, "It is given in seconds, or as 5m, 24h.", "url", "cors", "max_age")
    for index, method in enumerate(cors.methods):
        if method not in _CORS_METHODS:
            message = f"Value '{method}' at 'cors.allowMethods' is not allowed. You can use GET, PUT, POST, DELETE, HEAD, PATCH, and the wildcard character (*)."
            advice = (
                "Leave it out: AWS answers OPTIONS itself."
                if method.upper() == "OPTIONS"
                else did_you_mean(method.upper(), sorted(_CORS_METHODS), otherwise="Write one of them.")
            )
            yield place.found("url-cors", message, advice, "url", "cors", "methods", index)


def _not_simulated(function: Function, place: Place) -> Iterator[Diagnostic]:
    """What AWS obeys and the platform here does not (docs/differences.md)."""
    runtime = function.runtime or ""
    told = {
        "code": (function.code.image is not None, "an image needs podman or docker, which the platform does not use"),
        "runtime": (
            runtime in RUNTIMES and not runtime.startswith(RUN_HERE),
            f"functions of {runtime} do not run: invoking one answers InvalidRuntimeException",
        ),
        "vpc": (function.vpc is not None, "the function reaches what this machine reaches"),
        "kms_key": (function.kms_key is not None, "environment variables are not encrypted with it"),
        "tracing": (function.tracing == "active", "no segments are recorded"),
        "architecture": (function.architecture == "arm64", "it runs on this machine's processor"),
    }
    for name, (holds, instead) in told.items():
        if holds:
            advice = "On AWS it has its effect."
            yield place.found("not-simulated", f"`{name}` is accepted here, but {instead}", advice, name, key=True)
