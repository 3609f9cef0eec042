# ruff: noqa: E501 - AWS's messages stand in one piece
"""Every mistake about AWS that the five documents behind this project contain in something that is configured.

1. Managed Instances migration: the operator policy's ARN, the architecture and the scaling mode in the wrong case, 128 MB
   on Managed Instances, python3.11 there (the document's own reason to move), one subnet where two zones are wanted.
2. Project Planton module: `runtime: nodejs18.x`, reserved concurrency -1 (taken as Planton means it), more than five layers,
   security groups without subnets ("if subnets or security groups are provided").
3. Container functions: `AWS_REGION` set as an environment variable, a runtime for an image.
4. Flight pipeline: `$LATEST` in alias weights, a security group's name for its id, an ARN with `region:account` in it,
   provisioned concurrency without an alias, 0 as provisioned concurrency.
5. Multi-tenant strategy: provisioned concurrency of 0 instances, SnapStart for what has none.

What the documents say wrongly of costs and cold starts is no configuration, and so nothing to be checked.
"""

from __future__ import annotations

from typing import Any

import pytest

from lambent.base.diagnostics import Diagnostic, Severity
from lambent.manifest.load import load

FUNCTION = "stack: seeds\nfunctions:\n  f:\n    code: src\n    handler: app.handler\n    runtime: python3.13\n"
IMAGE = "stack: seeds\nfunctions:\n  f:\n    code: {image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/prod:app}\n"
PROVIDER = FUNCTION.replace("runtime", "memory: 2048\n    runtime") + (
    "    capacity_provider: ${capacity_providers.p}\n"
    "capacity_providers:\n  p:\n    subnets: [subnet-1, subnet-2]\n    security_groups: [sg-1]\n"
)


def findings(text: str) -> dict[str, Diagnostic]:
    """Return the findings of a manifest by rule, notes left out."""
    loaded = load(text, "lambent.yaml")
    return {one.rule: one for one in loaded.diagnostics if one.severity is not Severity.NOTE}


def the_finding(text: str) -> Diagnostic:
    """Return the one finding of a manifest."""
    found = findings(text)
    assert len(found) == 1, found
    return next(iter(found.values()))


@pytest.mark.parametrize("text", [FUNCTION, IMAGE, PROVIDER])
def test_what_the_mistakes_are_put_into_is_sound(text: str) -> None:
    assert findings(text) == {}


CASES: list[Any] = [  # Any: pytest's parameter sets
    pytest.param(
        FUNCTION + '    policies: ["arn:aws:iam::aws:policy/service-role/AWSLambdaManagedInstancesOperatorRole"]\n',
        "managed-policy",
        "Policy arn:aws:iam::aws:policy/service-role/AWSLambdaManagedInstancesOperatorRole does not exist or is not "
        "attachable.",
        "Write arn:aws:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator.",
        id="1: the operator policy",
    ),
    pytest.param(
        PROVIDER + '    architecture: "X86_64"\n',
        "provider-architecture",
        "Value '[X86_64]' at 'instanceRequirements.architectures' failed to satisfy constraint: [Member must satisfy "
        "enum value set: [x86_64, arm64]]",
        "Write x86_64: in small letters.",
        id='1: architectures = ["X86_64"]',
    ),
    pytest.param(
        PROVIDER + '    scaling: "AUTO"\n',
        "provider-scaling",
        "1 validation error detected: Value 'AUTO' at 'capacityProviderScalingConfig.scalingMode' failed to satisfy "
        "constraint: Member must satisfy enum value set: [Auto, Manual]",
        "Write Auto.",
        id='1: scaling_mode = "AUTO"',
    ),
    pytest.param(
        PROVIDER.replace("memory: 2048", "memory: 128"),
        "managed-memory",
        "Lambda Managed Instance functions must have memory size greater than or equal to 2048",
        "Write `memory: 2048` or more.",
        id="1: memory_size = 128",
    ),
    pytest.param(
        PROVIDER.replace("python3.13", "python3.11"),
        "managed-runtime",
        "Runtime Enum python3.11 does not support specified feature: Lambda Managed Instances",
        "Use python3.13, nodejs22.x, java21, dotnet8 or provided.al2023, or later ones.",
        id="1: Python 3.11",
    ),
    pytest.param(
        PROVIDER.replace("[subnet-1, subnet-2]", "[subnet-1]"),
        "provider-zones",
        "one subnet lies in one Availability Zone, and instances are spread over zones",
        "Name a subnet in each of two zones.",
        id="1: at least two Availability Zones",
    ),
    pytest.param(
        FUNCTION.replace("python3.13", "nodejs18.x"),
        "runtime-deprecated",
        "nodejs18.x is deprecated since 2025-09-01: AWS no longer mends its security",
        "Move to nodejs22.x.",
        id="2: nodejs18.x",
    ),
    pytest.param(
        FUNCTION + "    reserved_concurrency: -1\n",
        "reserved-concurrency",
        "1 validation error detected: Value '-1' at 'reservedConcurrentExecutions' failed to satisfy constraint: Member "
        "must have value greater than or equal to 0",
        "Leave it out to use the account's unreserved concurrency; 0 stops the function.",
        id="2: omit or set to -1",
    ),
    pytest.param(
        FUNCTION
        + "    layers:\n"
        + "".join(f"    - arn:aws:lambda:us-east-1:123456789012:layer:l{n}:1\n" for n in range(6)),
        "layer-count",
        "Cannot reference more than 5 layers.",
        "It has 6. Put some together, or into the package.",
        id="2: too many layers",
    ),
    pytest.param(
        FUNCTION + "    vpc: {security_groups: [sg-12345678]}\n",
        "vpc-security-groups",
        "SecurityGroupIds and SubnetIds must be provided together: both or neither.",
        "Add `subnets`.",
        id="2: subnets or security groups",
    ),
    pytest.param(
        IMAGE + "    environment: {LOG_LEVEL: INFO, APP_NAME: app, AWS_REGION: us-east-1}\n",
        "reserved-environment-variable",
        "Lambda was unable to configure your environment variables because the environment variables you have provided "
        "contains reserved keys that are currently not supported for modification. Reserved keys used in this request: "
        "AWS_REGION",
        "Take it out: Lambda sets AWS_REGION itself, and the function can read it.",
        id="3: AWS_REGION",
    ),
    pytest.param(
        IMAGE + "    runtime: python3.11\n",
        "image-runtime",
        "Please don't provide Runtime when the intended function PackageType is Image.",
        "Take `runtime` out: the image says it.",
        id="2 and 3: a runtime for an image",
    ),
    pytest.param(
        FUNCTION + '    alias: {name: live, weights: {"$LATEST": 0.1}}\n',
        "alias-weight-version",
        "$LATEST is not supported for an alias pointing to more than 1 version",
        "Publish a version and give its number: weights shift calls between published versions only.",
        id='4: "$LATEST" = 0.1',
    ),
    pytest.param(
        FUNCTION
        + "    vpc:\n      subnets: [subnet-12345678, subnet-87654321]\n      security_groups: [sg-lambda-flight-data]\n",
        "security-group-id",
        "1 validation error detected: Value 'sg-lambda-flight-data' at 'vpcConfig.securityGroupIds' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: sg-[0-9a-zA-Z]*",
        "Give its id; a name is none.",
        id="4: sg-lambda-flight-data",
    ),
    pytest.param(
        FUNCTION + '    on_failure: "arn:aws:sns:region:account:alerts"\n',
        "arn",
        "'arn:aws:sns:region:account:alerts' is no ARN",
        "An ARN is arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE, its account 12 digits; or refer to a resource.",
        id="4: arn:aws:sns:region:account:alerts",
    ),
    pytest.param(
        FUNCTION + "    alias: live\n    provisioned_concurrency: 0\n",
        "provisioned-concurrency",
        "1 validation error detected: Value '0' at 'provisionedConcurrentExecutions' failed to satisfy constraint: Member "
        "must have value greater than or equal to 1",
        "Leave it out where no environments are to be kept ready.",
        id="4 and 5: provisioned_concurrency = 0",
    ),
    pytest.param(
        FUNCTION + "    provisioned_concurrency: 2\n",
        "provisioned-without-alias",
        "provisioned concurrency without an alias is of one version, and does not move to the next",
        "Add `alias: live`.",
        id="4: provisioned_concurrency = 2",
    ),
    pytest.param(
        FUNCTION.replace("python3.13", "nodejs22.x") + "    snap_start: true\n",
        "snap-start",
        "nodejs22.x is not supported for SnapStart enabled functions.",
        "SnapStart is for Java 11 and later, Python 3.12 and later, .NET 8 and later.",
        id="5: SnapStart adoption",
    ),
]


@pytest.mark.parametrize(("text", "rule", "message", "advice"), CASES)
def test_a_mistake_of_the_documents_is_caught_with_aws_s_message(
    text: str, rule: str, message: str, advice: str
) -> None:
    found = the_finding(text)
    assert (found.rule, found.message, found.advice) == (rule, message, advice)
    assert found.span is not None
