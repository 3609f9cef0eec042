"""A function of a Terraform state, of version 4: what `terraform.tfstate` or `terraform state pull` has.

https://developer.hashicorp.com/terraform/language/state
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from lambent.insight.migration.sources.choosing import SourceUnreadableError, choose

Attributes = Mapping[str, Any]  # Any: a resource's attributes, JSON-shaped


@dataclass(frozen=True, slots=True)
class StateResource:
    """An instance of a resource, or of a data source, with its address as `terraform state list` prints it."""

    address: str
    type: str
    is_data: bool
    attributes: Attributes


def is_state(text: str) -> bool:
    """Return whether a text is a Terraform state."""
    try:
        document = json.loads(text)
    except ValueError:
        return False
    return isinstance(document, dict) and "version" in document and ("resources" in document or "lineage" in document)


def of_state(text: str, file: str, wanted: str, base: Path) -> Candidate:
    """Return the function that is called `wanted`: its name, its address, or a part of that.

    `base` is the folder that paths are relative to. Raises SourceUnreadableError, FunctionChoiceError.
    """
    resources = list(read_state(text, file))
    functions = {one.address: one for one in resources if one.type == "aws_lambda_function" and not one.is_data}
    names = {address: _names(one) for address, one in functions.items()}
    return _candidate(choose(wanted, functions, names, file), resources, file, base)


def read_state(text: str, file: str) -> Iterator[StateResource]:
    """Yield every instance of every resource. Raises SourceUnreadableError for a text that is no state of version 4."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise SourceUnreadableError(f"{file} is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("version") != 4:
        found = document.get("version") if isinstance(document, dict) else None
        raise SourceUnreadableError(f"{file} is no Terraform state of version 4 (its version: {found}).")
    for resource in document.get("resources") or ():
        prefix = f"{resource['module']}." if resource.get("module") else ""
        is_data = resource.get("mode") == "data"
        base = f"{prefix}{'data.' if is_data else ''}{resource.get('type')}.{resource.get('name')}"
        for instance in resource.get("instances") or ():
            key = instance.get("index_key")
            address = base if key is None else f"{base}[{json.dumps(key)}]"
            yield StateResource(address, str(resource.get("type")), is_data, instance.get("attributes") or {})


def _names(one: StateResource) -> list[str]:
    given = one.attributes
    bare = one.address.rpartition("aws_lambda_function.")[2]
    return [str(name) for name in (given.get("function_name"), bare, bare.partition("[")[0], given.get("arn")) if name]


def _candidate(found: StateResource, resources: Sequence[StateResource], file: str, base: Path) -> Candidate:
    given = found.attributes
    name, arn = str(given.get("function_name", "")), str(given.get("arn") or "")
    logging = _block(given, "logging_config")
    reserved = given.get("reserved_concurrent_executions")
    mine = _Uses(name, arn, resources)
    return Candidate(
        name=name,
        source=Source(
            SourceKind.TERRAFORM, file, found.address, region=arn.split(":")[3] if arn.count(":") > 5 else ""
        ),
        runtime=given.get("runtime") or None,
        handler=given.get("handler") or None,
        code=_code(given, resources, base),
        image=str(given.get("image_uri") or ""),
        architecture=next(iter(given.get("architectures") or ()), "x86_64"),
        memory_mb=int(given.get("memory_size") or 128),
        timeout_s=int(given.get("timeout") or 3),
        ephemeral_storage_mb=int(_block(given, "ephemeral_storage").get("size") or 512),
        environment={key: str(value) for key, value in (_block(given, "environment").get("variables") or {}).items()},
        layers=tuple(given.get("layers") or ()),
        role=str(given.get("role") or ""),
        description=str(given.get("description") or ""),
        log_format=str(logging.get("log_format") or "Text"),
        log_level=str(logging.get("application_log_level") or ""),
        log_group=_own_group(str(logging.get("log_group") or ""), name),
        tracing="active" if _block(given, "tracing_config").get("mode") == "Active" else "",
        kms_key=str(given.get("kms_key_arn") or ""),
        dead_letter=str(_block(given, "dead_letter_config").get("target_arn") or ""),
        file_systems=tuple(str(one.get("arn")) for one in given.get("file_system_config") or ()),
        snap_start=_block(given, "snap_start").get("apply_on") == "PublishedVersions",
        provisioned_concurrency=mine.provisioned(),
        reserved_concurrency=None if reserved is None or int(reserved) < 0 else int(reserved),
        vpc=_network(_block(given, "vpc_config")),
        tags=dict(given.get("tags") or {}),
        capacity=_capacity(given),
        aliases=tuple(mine.aliases()),
        triggers=tuple(mine.triggers()),
        permissions=tuple(mine.permissions()),
        **mine.asynchronous(),
    )


def _own_group(group: str, name: str) -> str:
    return "" if group == f"/aws/lambda/{name}" else group


def _block(given: Attributes, name: str) -> Attributes:
    """Return a nested block, which a state keeps as a list of at most one."""
    value = given.get(name)
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, Mapping) else {}


def _network(given: Attributes) -> Network | None:
    subnets = tuple(given.get("subnet_ids") or ())
    return Network(subnets, tuple(given.get("security_group_ids") or ())) if subnets else None


def _capacity(given: Attributes) -> CapacityUse | None:
    config = _block(_block(given, "capacity_provider_config"), "lambda_managed_instances_capacity_provider_config")
    provider = config.get("capacity_provider_arn")
    if not provider:
        return None
    return CapacityUse(
        str(provider),
        config.get("execution_environment_memory_gib_per_vcpu"),
        config.get("per_execution_environment_max_concurrency"),
    )


def _code(given: Attributes, resources: Sequence[StateResource], base: Path) -> CodePlace | None:
    """Return the folder that the archive was made of, where Terraform made it and it is there; else the archive."""
    archive = given.get("filename")
    if not archive:
        return None
    for one in resources:
        if one.type == "archive_file" and _same(str(one.attributes.get("output_path") or ""), str(archive)):
            source = one.attributes.get("source_dir") or one.attributes.get("source_file")
            if source and (base / str(source)).exists():
                path = base / str(source)
                requirements = path / "requirements.txt"
                return CodePlace(path, requirements if requirements.is_file() else None)
    return CodePlace(base / str(archive))


def _same(one: str, other: str) -> bool:
    return bool(one) and Path(one) == Path(other)


@dataclass(frozen=True, slots=True)
class _Uses:
    """What the state has besides that belongs to one function."""

    name: str
    arn: str
    resources: Sequence[StateResource]

    def _of(self, kind: str, *names: str) -> Iterator[tuple[str, Attributes]]:
        """Yield the resources of a kind one of whose attributes names the function, with the qualifier."""
        for one in self.resources:
            if one.type != kind or one.is_data:
                continue
            for name in names:
                text = str(one.attributes.get(name) or "")
                if text == self.name or (self.arn and (text == self.arn or text.startswith(f"{self.arn}:"))):
                    yield text[len(self.arn) + 1 :] if text.startswith(f"{self.arn}:") else "", one.attributes
                    break

    def aliases(self) -> Iterator[Alias]:
        for _, given in self._of("aws_lambda_alias", "function_name"):
            weights = _block(given, "routing_config").get("additional_version_weights") or {}
            yield Alias(str(given.get("name")), str(given.get("function_version") or ""), dict(weights))

    def provisioned(self) -> int | None:
        found = [
            int(given.get("provisioned_concurrent_executions") or 0)
            for _, given in self._of("aws_lambda_provisioned_concurrency_config", "function_name")
        ]
        return sum(found) or None

    def permissions(self) -> Iterator[PermissionUse]:
        for _, given in self._of("aws_lambda_permission", "function_name"):
            yield PermissionUse(
                str(given.get("statement_id") or ""),
                str(given.get("principal") or ""),
                str(given.get("source_arn") or ""),
                str(given.get("action") or "lambda:InvokeFunction"),
                str(given.get("qualifier") or ""),
            )

    def triggers(self) -> Iterator[TriggerUse]:
        for qualifier, given in self._of("aws_lambda_event_source_mapping", "function_arn", "function_name"):
            source = str(given.get("event_source_arn") or "")
            yield TriggerUse(mapping_kind(source), source, str(given.get("uuid") or given.get("id") or ""), qualifier)
        for _, given in self._of("aws_lambda_function_url", "function_name"):
            kind = "none" if given.get("authorization_type") == "NONE" else "iam"
            yield TriggerUse("url", f"auth {kind}", qualifier=str(given.get("qualifier") or ""))
        for qualifier, given in self._of("aws_cloudwatch_event_target", "arn"):
            yield TriggerUse("event", str(given.get("rule") or ""), str(given.get("target_id") or ""), qualifier)
        for qualifier, given in self._of("aws_sns_topic_subscription", "endpoint"):
            yield TriggerUse("sns", str(given.get("topic_arn") or ""), str(given.get("arn") or ""), qualifier)
        yield from self._callers()

    def _callers(self) -> Iterator[TriggerUse]:
        for one in self.resources:
            if one.type == "aws_scheduler_schedule":
                target = _block(one.attributes, "target")
                if self.arn and str(target.get("arn") or "").startswith(self.arn):
                    source = str(one.attributes.get("schedule_expression") or "")
                    yield TriggerUse("schedule", source, str(one.attributes.get("name") or ""))
            if one.type == "aws_s3_bucket_notification":
                for each in one.attributes.get("lambda_function") or ():
                    if self.arn and str(each.get("lambda_function_arn") or "").startswith(self.arn):
                        yield TriggerUse("s3", str(one.attributes.get("bucket") or ""), str(each.get("id") or ""))

    def asynchronous(self) -> dict[str, Any]:  # Any: fields of Candidate
        for _, given in self._of("aws_lambda_function_event_invoke_config", "function_name"):
            destination = _block(given, "destination_config")
            return {
                "on_success": str(_block(destination, "on_success").get("destination") or ""),
                "on_failure": str(_block(destination, "on_failure").get("destination") or ""),
                "retry_attempts": given.get("maximum_retry_attempts"),
                "max_event_age_s": given.get("maximum_event_age_in_seconds") or None,
            }
        return {}


def mapping_kind(source: str) -> str:
    """Return which trigger of the manifest an event source mapping of an ARN is.

    >>> mapping_kind("arn:aws:sqs:us-east-1:111122223333:jobs")
    'sqs'
    """
    service = source.split(":")[2] if source.count(":") > 4 else ""
    return {"sqs": "sqs", "kinesis": "stream", "dynamodb": "stream", "kafka": "kafka", "mq": "mq"}.get(service, "other")
