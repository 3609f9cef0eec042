"""The changes of a Terraform configuration: the capacity provider, and the new function beside the old one.

https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/lambda_capacity_provider
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from lambent.insight.migration.candidate import Candidate, Compute
from lambent.insight.migration.wanted import Goal

# The first that has the resource. https://github.com/hashicorp/terraform-provider-aws/pull/45342
PROVIDER_VERSION = "6.24.0"
# Without `service-role/` in it.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-operator-role.html
OPERATOR_POLICY = "arn:aws:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator"


def hcl(candidate: Candidate, goal: Goal) -> str:
    """Return a file of HCL to put beside the configuration; its comments say what to change in what is there."""
    label = _label(candidate)
    parts = [_head(candidate, goal, label)]
    if goal.to is Compute.MANAGED_INSTANCES and not goal.provider.existing:
        parts += [_network(goal, label), _role(candidate, label), _provider(candidate, goal, label)]
    parts.append(_function(candidate, goal, label))
    parts += _around(candidate, goal, label)
    return "\n".join(parts)


def _label(candidate: Candidate) -> str:
    return re.sub(
        r"[^A-Za-z0-9_]", "_", candidate.source.address.rpartition("aws_lambda_function.")[2].partition("[")[0]
    )


def _head(candidate: Candidate, goal: Goal, label: str) -> str:
    old = candidate.source.address
    lines = [
        f"# {candidate.name} on {goal.to}, beside {old}, which keeps the compute type it was created with:",
        "# 1. `terraform apply` with this file adds the new function; nothing that is there changes.",
        f"# 2. When it is verified, let what refers to {old} refer to aws_lambda_function.{label}_{_suffix(goal)},",
        "#    event source mappings first (function_name changes in place, a stream's place is kept), and apply.",
        f"# 3. When nothing invokes the old one any more, take {old} out, and apply.",
    ]
    if old.startswith("module."):
        lines.append("# It belongs into the module that the old function is of.")
    if goal.to is Compute.MANAGED_INSTANCES:
        lines += [
            f"# aws_lambda_capacity_provider needs hashicorp/aws {PROVIDER_VERSION}: in required_providers write",
            f'#   aws = {{ source = "hashicorp/aws", version = ">= {PROVIDER_VERSION}" }}',
        ]
    return "\n".join(lines) + "\n"


def _suffix(goal: Goal) -> str:
    return "managed" if goal.to is Compute.MANAGED_INSTANCES else "on_demand"


def _network(goal: Goal, label: str) -> str:
    """Return the security group, which lets everything out and nothing in, and the subnets where they are looked up."""
    provider = goal.provider
    found = ""
    if not provider.subnets:
        found = f"""data "aws_subnets" "{label}_managed" {{
  filter {{
    name   = "vpc-id"
    values = [{json.dumps(provider.vpc or "vpc-REPLACE")}]
  }}
}}

data "aws_subnet" "{label}_managed" {{
  for_each = toset(data.aws_subnets.{label}_managed.ids)
  id       = each.value
}}

"""
    else:
        found = f"""data "aws_subnet" "{label}_managed" {{
  id = {json.dumps(provider.subnets[0])}
}}

"""
    if provider.security_groups:
        return found
    vpc = (
        f"data.aws_subnet.{label}_managed.vpc_id"
        if provider.subnets
        else f"values(data.aws_subnet.{label}_managed)[0].vpc_id"
    )
    return f"""{found}resource "aws_security_group" "{label}_managed" {{
  name_prefix = "{label}-managed-"
  description = "Instances of the capacity provider: everything out, nothing in"
  vpc_id      = {vpc}

  egress {{
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }}
}}
"""


def _role(candidate: Candidate, label: str) -> str:
    return f"""resource "aws_iam_role" "{label}_operator" {{
  name_prefix = {json.dumps(f"{candidate.name[:27]}-operator-")}

  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Action    = "sts:AssumeRole"
      Effect    = "Allow"
      Principal = {{ Service = "lambda.amazonaws.com" }}
    }}]
  }})
}}

resource "aws_iam_role_policy_attachment" "{label}_operator" {{
  role       = aws_iam_role.{label}_operator.name
  policy_arn = "{OPERATOR_POLICY}"
}}
"""


def _provider(candidate: Candidate, goal: Goal, label: str) -> str:
    provider = goal.provider
    groups = f"[aws_security_group.{label}_managed.id]"
    if provider.security_groups:
        groups = json.dumps(list(provider.security_groups))
    subnets = json.dumps(list(provider.subnets))
    if not provider.subnets:
        # One of each Availability Zone, at most three: fewer than two are not spread.
        by_zone = f"{{ for s in data.aws_subnet.{label}_managed : s.availability_zone => s.id... }}"
        subnets = f"slice([for zone, ids in {by_zone} : ids[0]], 0, min(3, length({by_zone})))"
    most = "" if provider.max_vcpus is None else f"\n    max_vcpu_count = {provider.max_vcpus}"
    return f"""resource "aws_lambda_capacity_provider" "{label}" {{
  name = {json.dumps(f"{candidate.name}-{provider.key}")}

  vpc_config {{
    subnet_ids         = {subnets}
    security_group_ids = {groups}
  }}

  permissions_config {{
    capacity_provider_operator_role_arn = aws_iam_role.{label}_operator.arn
  }}

  instance_requirements {{
    architectures = ["{goal.architecture}"]
  }}

  capacity_provider_scaling_config {{
    scaling_mode = "Auto"{most}
  }}

  depends_on = [aws_iam_role_policy_attachment.{label}_operator]
}}
"""


def _function(candidate: Candidate, goal: Goal, label: str) -> str:
    old = f"aws_lambda_function.{candidate.source.address.rpartition('aws_lambda_function.')[2]}"
    return "\n".join(
        [
            f'resource "aws_lambda_function" "{label}_{_suffix(goal)}" {{',
            *_settings(candidate, goal, old),
            *_managed(candidate, goal, label),
            "}",
            "",
        ]
    )


def _settings(candidate: Candidate, goal: Goal, old: str) -> Iterator[str]:
    for name, value in (
        ("function_name", goal.name), ("description", candidate.description), ("role", candidate.role),
    ):  # fmt: skip
        if value:
            yield f"  {name:<16} = {json.dumps(value)}"
    yield f"  {'runtime':<16} = {json.dumps(goal.runtime)}"
    yield f"  {'handler':<16} = {json.dumps(candidate.handler)}"
    yield f"  {'filename':<16} = {old}.filename"
    yield f"  {'source_code_hash':<16} = {old}.source_code_hash"
    yield f"  {'memory_size':<16} = {goal.memory_mb}"
    yield f"  {'timeout':<16} = {candidate.timeout_s}"
    yield f"  {'architectures':<16} = [{json.dumps(goal.architecture)}]"
    # Publishing is what deploys a function on a capacity provider.
    yield f"  {'publish':<16} = true"
    if candidate.layers:
        yield f"  {'layers':<16} = {json.dumps(list(candidate.layers))}"
    if candidate.kms_key:
        yield f"  {'kms_key_arn':<16} = {json.dumps(candidate.kms_key)}"
    if candidate.tags:
        tags = ", ".join(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in candidate.tags.items())
        yield f"  {'tags':<16} = {{ {tags} }}"
    if candidate.environment:
        yield from _block("environment", {"variables": candidate.environment})
    if candidate.ephemeral_storage_mb != 512:
        yield from _block("ephemeral_storage", {"size": candidate.ephemeral_storage_mb})
    if candidate.tracing:
        yield from _block("tracing_config", {"mode": "Active"})
    if candidate.dead_letter:
        yield from _block("dead_letter_config", {"target_arn": candidate.dead_letter})


def _managed(candidate: Candidate, goal: Goal, label: str) -> Iterator[str]:
    is_managed = goal.to is Compute.MANAGED_INSTANCES
    if is_managed or candidate.log_format == "JSON":
        yield from _block("logging_config", {"log_format": "JSON"})
    if not is_managed:
        return
    arn = f"aws_lambda_capacity_provider.{label}.arn"
    if goal.provider.existing:
        arn = json.dumps(goal.provider.existing)
    yield ""
    yield "  capacity_provider_config {"
    yield "    lambda_managed_instances_capacity_provider_config {"
    yield f"      capacity_provider_arn                     = {arn}"
    yield f"      execution_environment_memory_gib_per_vcpu = {goal.memory_per_vcpu}"
    if goal.max_concurrency is not None:
        yield f"      per_execution_environment_max_concurrency = {goal.max_concurrency}"
    yield "    }"
    yield "  }"


def _block(name: str, values: Mapping[str, object]) -> Iterator[str]:
    yield ""
    yield f"  {name} {{"
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield f"    {key} = {{"
            # In HCL `${` begins an expression; as text it is doubled.
            yield from (f"      {one} = {json.dumps(str(text)).replace('${', '$${')}" for one, text in value.items())
            yield "    }"
        else:
            yield f"    {key} = {json.dumps(value)}"
    yield "  }"


def _around(candidate: Candidate, goal: Goal, label: str) -> Iterator[str]:
    new = f"aws_lambda_function.{label}_{_suffix(goal)}"
    for alias in candidate.aliases:
        yield f"""resource "aws_lambda_alias" "{label}_{_suffix(goal)}_{re.sub("[^A-Za-z0-9_]", "_", alias.name)}" {{
  name             = {json.dumps(alias.name)}
  function_name    = {new}.function_name
  function_version = {new}.version
}}
"""
    for index, one in enumerate(candidate.permissions, 1):
        source = f"\n  source_arn    = {json.dumps(one.source_arn)}" if one.source_arn else ""
        qualifier = f"\n  qualifier     = {json.dumps(one.qualifier)}" if one.qualifier else ""
        yield f"""resource "aws_lambda_permission" "{label}_{_suffix(goal)}_{index}" {{
  statement_id  = {json.dumps(one.statement_id or f"migrated-{index}")}
  action        = {json.dumps(one.action)}
  function_name = {new}.function_name
  principal     = {json.dumps(one.principal)}{source}{qualifier}
}}
"""
