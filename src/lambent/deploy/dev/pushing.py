"""The short way of code alone: UpdateFunctionCode, and where the stack has aliases, a version that they follow.

https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html
The rest of the stack is left alone; what was given stands in `pushed`, for the next deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from lambent.aws.clients import Target, aws_errors
from lambent.compiler.result import ArchiveKind, ArchiveWanted, CompiledSystem
from lambent.deploy.artifacts import Artifacts
from lambent.deploy.dev.pushed import AliasBefore, Pushed, PushedCode, remove_versions
from lambent.deploy.dev.settling import settled
from lambent.deploy.packaging.package import Package, Packager
from lambent.deploy.planner import Source

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: what is larger goes through S3
_ZIPPED_LIMIT_BYTES = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FunctionThere:
    """A function of the stack, as it is there: its name, and its aliases that the stack made."""

    logical_id: str
    name: str
    aliases: tuple[str, ...] = ()


class Pusher:
    """Gives the functions of one deployed stack their code anew."""

    def __init__(self, target: Target, compiled: CompiledSystem, source: Source) -> None:
        self._target = target
        self._compiled = compiled
        self._source = source
        self._kept = PushedCode(source.cache, target, compiled.stack_name)
        self._digests: dict[str, str] = {}

    @cached_property
    def functions(self) -> Mapping[str, FunctionThere]:
        """The stack's own functions, by logical id."""
        found: list[dict[str, Any]] = []  # Any: a StackResourceSummary
        with aws_errors():
            pages = self._target.client("cloudformation").get_paginator("list_stack_resources")
            for page in pages.paginate(StackName=self._compiled.stack_name):
                found += page["StackResourceSummaries"]
        aliases = [one["PhysicalResourceId"] for one in found if one["ResourceType"] == "AWS::Lambda::Alias"]
        return {
            one["LogicalResourceId"]: FunctionThere(
                one["LogicalResourceId"],
                one["PhysicalResourceId"],
                tuple(arn.split(":")[7] for arn in aliases if arn.split(":")[6:7] == [one["PhysicalResourceId"]]),
            )
            for one in found
            if one["ResourceType"] == "AWS::Lambda::Function"
        }

    def can_push(self, wanted: ArchiveWanted) -> bool:
        """Whether a function's code goes the short way.

        Managed Instances start instances for every version that is published; what is nested has a stack of its own.
        """
        properties = self._compiled.template["Resources"].get(wanted.logical_id, {}).get("Properties", {})
        return (
            wanted.kind is ArchiveKind.FUNCTION
            and "CapacityProviderConfig" not in properties
            and wanted.logical_id in self.functions
        )

    def known(self, packages: Mapping[str, Package]) -> None:
        """Take note of what the stack was just deployed with, by logical id and property."""
        for one in self._compiled.archives:
            if (package := packages.get(f"{one.logical_id}.{one.property_name}")) is not None:
                self._digests[one.logical_id] = package.digest

    def push(self, wanted: ArchiveWanted) -> bool:
        """Give a function what its folder holds now; False where that is what it has. Raises DeployError, AwsCallError.

        With its return the next invocation runs the new code, by name and by every alias of the stack.
        """
        package = Packager(self._source.base, self._source.cache, self._source.neighbours).package(wanted)
        if self._digests.get(wanted.logical_id) == package.digest:
            return False
        there = self.functions[wanted.logical_id]
        before = self._noted(there)
        client = self._client
        with aws_errors():
            told = client.update_function_code(
                FunctionName=there.name, Publish=bool(there.aliases), **self._code(package)
            )
        if told.get("LastUpdateStatus") == "InProgress" or told.get("State") == "Pending":
            settled(client, there.name)
        if there.aliases:
            self._point(there, before, told["Version"])
        self._digests[wanted.logical_id] = package.digest
        return True

    @cached_property
    def _client(self) -> Any:  # Any: a boto3 client
        return self._target.client("lambda")

    def _code(self, package: Package) -> dict[str, object]:
        if package.zipped <= _ZIPPED_LIMIT_BYTES:
            return {"ZipFile": package.path.read_bytes()}
        artifacts = Artifacts(self._target)
        artifacts.upload([package])
        return {"S3Bucket": artifacts.bucket, "S3Key": package.key}

    def _noted(self, there: FunctionThere) -> Pushed:
        """Return what is remembered of a function, which begins with how its aliases stand now."""
        known = self._kept.read().get(there.logical_id)
        if known is not None:
            return known
        aliases = []
        for name in there.aliases:
            with aws_errors():
                told = self._client.get_alias(FunctionName=there.name, Name=name)
            weights = told.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
            aliases.append(AliasBefore(name, told["FunctionVersion"], weights))
        noted = Pushed(there.name, tuple(aliases), others=self._versions(there) if aliases else ())
        self._kept.note(there.logical_id, noted)
        return noted

    def _point(self, there: FunctionThere, before: Pushed, version: str) -> None:
        """Have the aliases give all invocations to a version, and remove those that were published for them before."""
        # Lambda publishes nothing where the code is that of the newest version, which then may be the stack's own.
        ours = () if version in before.others else (version,)
        self._kept.note(there.logical_id, replace(before, versions=tuple({*before.versions, *ours})))
        for name in there.aliases:
            with aws_errors():
                self._client.update_alias(
                    FunctionName=there.name,
                    Name=name,
                    FunctionVersion=version,
                    RoutingConfig={"AdditionalVersionWeights": {}},
                )
        older = tuple(one for one in before.versions if one != version)
        remove_versions(self._client, there.name, older)
        self._kept.note(there.logical_id, replace(before, versions=ours))

    def _versions(self, there: FunctionThere) -> tuple[str, ...]:
        with aws_errors():
            pages = self._client.get_paginator("list_versions_by_function").paginate(FunctionName=there.name)
            return tuple(one["Version"] for page in pages for one in page["Versions"])
