"""Deploys a candidate on the platform of its proof: as it is, and on Lambda Managed Instances."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambent.aws.clients import AwsCallError, Target, aws_errors
from lambent.cli import connection, deployment, settings, waiting
from lambent.cli.errors import CommandError
from lambent.cli.targets import Place, TargetName
from lambent.insight.migration.candidate import Candidate, SourceKind

if TYPE_CHECKING:
    from lambent.cli.project import Project
    from lambent.cli.proving.private_platform import PrivatePlatform

PUBLISHED = "$LATEST.PUBLISHED"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
_DIRECT_BYTES = 45 << 20
_SETTLE_S = 60.0
_LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class ManagedSettings:
    """What the function is to have on Managed Instances."""

    runtime: str
    memory_mb: int
    memory_per_vcpu: float
    max_concurrency: int


@dataclass(frozen=True, slots=True)
class Subject:
    """A function as it can be created on the platform: its archive and CreateFunction's members but for compute."""

    name: str
    archive: bytes
    parameters: Mapping[str, Any]  # Any: members of CreateFunction
    notices: tuple[str, ...] = field(default=())


class DoesNotComeUp(CommandError):
    """A function was created, and does not become active."""


class Deployer:
    """Creates functions on one platform, in one way or the other."""

    def __init__(self, platform: PrivatePlatform) -> None:
        self.platform = platform
        self._target = Target.local(platform.endpoint_url)
        self._place = Place(TargetName.LOCAL, platform.port)
        self._functions = self._target.client("lambda")
        self._provider = ""
        self._role = ""
        self._changes = 0

    def prepare(self) -> None:
        """Make the capacity provider, which has the platform start what serves its network."""
        self._provider = self._provider or self._make_provider()

    def subject(self, candidate: Candidate, environment: Mapping[str, str], project: Project | None = None) -> Subject:
        """Return what is deployed for a candidate; a manifest or template is deployed whole, for what it refers to.

        Where that fails, because it names what is in an account say, the function is proved alone.

        `project` is that file, where it was read already.
        `environment` are variables that replace or join the candidate's. Raises CommandError where it cannot be.
        """
        if candidate.runtime is None:
            raise CommandError(f"{candidate.name} is a container image, which does not run here.")
        if candidate.source.kind in {SourceKind.MANIFEST, SourceKind.TEMPLATE}:
            try:
                return self._of_stack(candidate, environment, project)
            except CommandError as failure:
                if candidate.code is None:
                    raise
                alone = self._of_code(candidate, environment)
                said = f"Its stack cannot be deployed here, so it was proved without: {failure.message}"
                return replace(alone, notices=(said, *alone.notices))
        return self._of_code(candidate, environment)

    def create_on_demand(self, subject: Subject, archive: bytes) -> None:
        """Create the function as it is today."""
        self._create(subject, archive, {})
        self._settle(subject.name, None)

    def create_managed(self, subject: Subject, archive: bytes, wanted: ManagedSettings) -> None:
        """Create the function on Managed Instances, published, with one execution environment at any time.

        Raises DoesNotComeUp where it does not become active.
        """
        self.prepare()
        config = {
            "CapacityProviderArn": self._provider,
            "PerExecutionEnvironmentMaxConcurrency": wanted.max_concurrency,
            "ExecutionEnvironmentMemoryGiBPerVCpu": wanted.memory_per_vcpu,
        }
        more = {
            "Runtime": wanted.runtime,
            "MemorySize": wanted.memory_mb,
            "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": config},
            "PublishTo": "LATEST_PUBLISHED",
        }
        self._create(subject, archive, more)
        self._settle(subject.name, PUBLISHED)
        # All requests are to meet in one environment: that is what is proved.
        bounds = {"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": 1}
        with connection.api_errors():
            self._functions.put_function_scaling_config(
                FunctionName=subject.name, Qualifier=PUBLISHED, FunctionScalingConfig=bounds
            )
        self._settle(subject.name, PUBLISHED)
        self.await_one_environment(subject.name)

    def await_one_environment(self, name: str) -> None:
        """Wait until the function has no more than one environment."""
        waiting.until(lambda: len(self._environments(name)) <= 1, patience_s=10.0, every_s=_LOOK_S)

    def slots(self, name: str) -> list[int]:
        """Return for each of the function's environments how many requests it serves at a time."""
        return [int(one["slots"]) for one in self._environments(name)]

    def isolation(self, name: str) -> str:
        """Return how far the function's environments are kept apart, "" where there is none."""
        return next((str(one["isolation"]) for one in self._environments(name) if one.get("isolation")), "")

    def renew(self, name: str) -> None:
        """Have the next request of a function on demand begin in a new environment."""
        self._changes += 1
        with connection.api_errors():
            self._functions.update_function_configuration(FunctionName=name, Description=f"proof {self._changes}")
        self._settle(name, None)

    def delete(self, name: str) -> None:
        """Delete the function, and wait until it is gone."""
        with connection.api_errors():
            self._functions.delete_function(FunctionName=name)
        waiting.until(lambda: self._is_gone(name), patience_s=_SETTLE_S, every_s=_LOOK_S)

    def _is_gone(self, name: str) -> bool:
        try:
            with aws_errors():
                self._functions.get_function_configuration(FunctionName=name)
        except AwsCallError:
            return True
        return False

    def _environments(self, name: str) -> list[Mapping[str, Any]]:  # Any: JSON of /_lambent
        told = connection.ask(self._place.port, "environments") or {}
        return [one for one in told.get("environments", ()) if one["function_name"] == name]

    def _create(self, subject: Subject, archive: bytes, more: Mapping[str, Any]) -> None:  # Any: as above
        wanted = {**subject.parameters, **more}
        if not wanted.get("Role"):
            wanted["Role"] = self._role = self._role or self._make_role()
        with connection.api_errors():
            self._functions.create_function(FunctionName=subject.name, Code=self._code(archive), **wanted)

    def _code(self, archive: bytes) -> dict[str, object]:
        if len(archive) <= _DIRECT_BYTES:
            return {"ZipFile": archive}
        objects = self._target.client("s3")
        if not objects.list_buckets()["Buckets"]:
            objects.create_bucket(Bucket="lambent-proof")
        objects.put_object(Bucket="lambent-proof", Key="code.zip", Body=archive)
        return {"S3Bucket": "lambent-proof", "S3Key": "code.zip"}

    def _make_role(self) -> str:
        with connection.api_errors():
            made = self._target.client("iam").create_role(
                RoleName="lambent-proof", AssumeRolePolicyDocument=json.dumps(_TRUST)
            )
        return str(made["Role"]["Arn"])

    def _make_provider(self) -> str:
        with connection.api_errors():
            network = self._target.client("ec2")
            subnets = [one["SubnetId"] for one in network.describe_subnets()["Subnets"]][:2]
            group = network.describe_security_groups()["SecurityGroups"][0]["GroupId"]
            self._role = self._role or self._make_role()
            made = self._functions.create_capacity_provider(
                CapacityProviderName="lambent-proof",
                VpcConfig={"SubnetIds": subnets, "SecurityGroupIds": [group]},
                PermissionsConfig={"CapacityProviderOperatorRoleArn": self._role},
            )["CapacityProvider"]

            def is_active() -> bool:
                shown = self._functions.get_capacity_provider(CapacityProviderName="lambent-proof")
                return bool(shown["CapacityProvider"]["State"] == "Active")

            waiting.until(is_active, patience_s=_SETTLE_S, every_s=_LOOK_S)
        self._provider = str(made["CapacityProviderArn"])
        return self._provider

    def _settle(self, name: str, qualifier: str | None) -> None:
        where = {"FunctionName": name} if qualifier is None else {"FunctionName": name, "Qualifier": qualifier}
        shown: dict[str, Any] = {}  # Any: members of AWS's shape

        def is_settled() -> bool:
            shown.update(self._functions.get_function_configuration(**where))
            return shown.get("State") != "Pending" and shown.get("LastUpdateStatus") != "InProgress"

        with connection.api_errors():
            is_there = waiting.until(is_settled, patience_s=_SETTLE_S, every_s=_LOOK_S)
        if not is_there or shown.get("State") == "Failed" or shown.get("LastUpdateStatus") == "Failed":
            reason = shown.get("StateReason") or shown.get("LastUpdateStatusReason") or f"it stays {shown.get('State')}"
            raise DoesNotComeUp(f"{name} does not come up: {reason}", "See whether it runs at all: lambent invoke")

    def _of_code(self, candidate: Candidate, environment: Mapping[str, str]) -> Subject:
        archive, notices = self._packaged(candidate)
        variables = {**candidate.environment, **environment}
        parameters: dict[str, Any] = {  # Any: as above
            "Runtime": candidate.runtime,
            "Handler": candidate.handler or "index.handler",
            "MemorySize": candidate.memory_mb,
            "Timeout": candidate.timeout_s,
            "EphemeralStorage": {"Size": candidate.ephemeral_storage_mb},
            "Architectures": [candidate.architecture],
            "Environment": {"Variables": variables},
        }
        more = [f"layer {one} is not on this platform: it is left out" for one in candidate.layers]
        more += [
            f"variable {name} is {value!r}, which is not resolved here: prove it from its manifest, template or target"
            for name, value in variables.items()
            if value.startswith("${") or (value.startswith("{") and "Ref" in value)
        ]
        return Subject(candidate.name, archive, parameters, (*notices, *more))

    def _packaged(self, candidate: Candidate) -> tuple[bytes, tuple[str, ...]]:
        if candidate.code is None:
            raise CommandError(f"Where the code of {candidate.name} lies is not known.", "Name it with --code PATH.")
        from lambent.cli.neighbours import neighbours
        from lambent.compiler.result import ArchiveWanted
        from lambent.deploy.packaging.package import Packager

        place = candidate.code
        path = place.path.absolute()
        base = path if path.is_dir() else path.parent
        wanted = ArchiveWanted(
            logical_id=candidate.name, property_name="Code", bucket_key="S3Bucket", key_key="S3Key",
            source=str(path), requirements=str(place.requirements.absolute()) if place.requirements else "",
            runtime=candidate.runtime or "", architecture=candidate.architecture,
        )  # fmt: skip
        with deployment.deploy_errors():
            package = Packager(base, settings.cache_dir(), neighbours(self._place)).package(wanted)
        return package.path.read_bytes(), package.notices

    def _of_stack(self, candidate: Candidate, environment: Mapping[str, str], project: Project | None) -> Subject:
        """Deploy the whole file, and take the function out of it: what its variables, layers and role name is there."""
        from lambent.cli import project as projects
        from lambent.deploy.executor import Executor

        if project is None:
            source = candidate.source
            project = projects.read(projects.ProjectRequest(Path(source.name), stack=source.stack or None))
        projects.require_sound(project)
        target = deployment.target_of(self._place, project)
        planned = deployment.planned(project, target, self._place)
        with deployment.errors(self._place):
            ends = list(Executor(target).execute(planned.plan))
        from lambent.deploy.progress import StackDone

        end = next((one for one in reversed(ends) if isinstance(one, StackDone)), None)
        deployment.require_success(end, planned.plan.stack_name)
        return self._taken_out(candidate, environment)

    def _taken_out(self, candidate: Candidate, environment: Mapping[str, str]) -> Subject:
        with connection.api_errors():
            shown = self._functions.get_function(FunctionName=candidate.name)
        configuration = shown["Configuration"]
        with urllib.request.urlopen(shown["Code"]["Location"], timeout=60) as answer:  # noqa: S310 - our platform's own
            archive = answer.read()
        variables = {**configuration.get("Environment", {}).get("Variables", {}), **environment}
        kept = ("Runtime", "Handler", "MemorySize", "Timeout", "EphemeralStorage", "Architectures", "Role")
        parameters = {name: configuration[name] for name in kept if name in configuration}
        parameters["Environment"] = {"Variables": variables}
        if configuration.get("Layers"):
            parameters["Layers"] = [one["Arn"] for one in configuration["Layers"]]
        self.delete(candidate.name)
        return Subject(candidate.name, archive, parameters)
