"""What is known to exist, so that requests hit it: filled from what the platform's own listings tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from lambent.testing.builders import zip_of
from tests.generated.chance import Chance

REGION = "us-east-1"
ZIPS = tuple(
    zip_of({"handler.py": f"def handler(event, context):\n    return {answer!r}\n"}) for answer in ("one", "two", None)
)


Maker = Callable[["Known", Chance], object]


@dataclass(slots=True)
class Known:
    """Names, ARNs and ids that requests may use; `account` is the caller's, and what follows it stays as it is."""

    account: str
    role: str
    subnets: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    queue: str = ""
    functions: list[str] = field(default_factory=list)
    qualifiers: dict[str, list[str]] = field(default_factory=dict)
    """Versions and aliases, by function."""
    layers: list[str] = field(default_factory=list)
    """Layer versions' ARNs."""
    signing_configs: list[str] = field(default_factory=list)
    mappings: list[str] = field(default_factory=list)
    providers: list[str] = field(default_factory=list)
    revisions: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    markers: list[str] = field(default_factory=list)
    """What other listings gave out, not only the one that is asked."""

    def arn(self, resource: str) -> str:
        return f"arn:aws:lambda:{REGION}:{self.account}:{resource}"

    def name_of_function(self, chance: Chance) -> str:
        """Return a function in one of the ways in which it may be named."""
        name = chance.one_of(self.functions or ["f0"])
        qualifiers = self.qualifiers.get(name) or ["$LATEST"]
        suffix = f":{chance.one_of(qualifiers)}" if chance.happens(0.1) else ""
        full = self.arn(f"function:{name}{suffix}")
        partial = f"{self.account}:function:{name}{suffix}"
        return chance.one_of([name + suffix, name + suffix, name + suffix, partial, full])

    def version(self, chance: Chance) -> str:
        versions = [each for some in self.qualifiers.values() for each in some if each.isdigit()]
        return chance.one_of([*versions, "1", "2", "$LATEST"])

    def qualifier(self, chance: Chance) -> str:
        return f"a{chance.between(0, 2)}" if chance.happens(0.4) else self.version(chance)

    def resource(self, chance: Chance) -> str:
        """Return the ARN of something that can have tags."""
        return chance.one_of(
            [
                *(self.arn(f"function:{name}") for name in self.functions),
                *self.signing_configs,
                *(self.arn(f"event-source-mapping:{each}") for each in self.mappings),
                *(self.arn(f"capacity-provider:{name}") for name in self.providers),
                self.arn("function:gone"),
            ]
        )


def value_of(name: str, within: str, known: Known, chance: Chance) -> object:
    """Return a value that means something for a member of that name, or None where any will do."""
    makers = _MAKERS.get(f"{within}.{name}") or _MAKERS.get(name)
    return None if makers is None else makers(known, chance)


def _layer_part(index: int, otherwise: str) -> Maker:
    def make(known: Known, chance: Chance) -> str:
        return chance.one_of(known.layers).split(":")[index] if known.layers else otherwise

    return make


def _numbered(prefix: str, count: int) -> Maker:
    return lambda _, chance: f"{prefix}{chance.between(0, count - 1)}"


def _between(least: int, most: int) -> Maker:
    return lambda _, chance: chance.between(least, most)


def _choice(*values: object) -> Maker:
    return lambda _, chance: chance.one_of(values)


def _from(attribute: str, otherwise: str) -> Maker:
    return lambda known, chance: chance.one_of(getattr(known, attribute) or [otherwise])


def _some(attribute: str, count: int) -> Maker:
    return lambda known, chance: chance.some_of(getattr(known, attribute), count)


def _source(known: Known, chance: Chance) -> str:
    place = f"{REGION}:{known.account}"
    return chance.one_of(
        [
            *[known.queue] * 5,
            f"arn:aws:kafka:{place}:cluster/c/{_NOBODY}-1",
            f"arn:aws:kinesis:{place}:stream/s",
            f"arn:aws:dynamodb:{place}:table/t/stream/2026-01-01T00:00:00.000",
        ]
    )


def _destination(known: Known, chance: Chance) -> str:
    return chance.one_of([known.queue, known.arn("function:f0"), known.arn("function:f1")])


def _policy(known: Known, chance: Chance) -> str:
    """Return a document for the one function whose whole policy is put; it denies nothing that is looked at."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{known.account}:root"},
        "Action": chance.one_of(["lambda:InvokeFunction", "lambda:GetFunction"]),
        "Resource": known.arn(_WITH_POLICY),
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


_WITH_POLICY = "function:f0"
_NOBODY = "00000000-0000-4000-8000-000000000000"
_NO_SIGNING = f"arn:aws:lambda:{REGION}:000000000000:code-signing-config:csc-00000000000000000"
_FUNCTION_OF_POLICY = _from("functions", "f0")
_MANAGED = _choice("managed")
_PUBLISHED = _choice("1", "2")
# By the name of a member, or by an operation's or structure's and its own.
_MAKERS: dict[str, Maker] = {
    "FunctionName": lambda known, chance: known.name_of_function(chance),
    "CreateFunction.FunctionName": _numbered("f", 8),
    "AddPermission.FunctionName": _FUNCTION_OF_POLICY,
    "RemovePermission.FunctionName": _FUNCTION_OF_POLICY,
    "PutFunctionScalingConfig.FunctionName": _MANAGED,
    "GetFunctionScalingConfig.FunctionName": _MANAGED,
    "Qualifier": lambda known, chance: known.qualifier(chance),
    "AddPermission.Qualifier": _choice("a0", "1"),
    "RemovePermission.Qualifier": _choice("a0", "1"),
    "GetFunctionScalingConfig.Qualifier": _PUBLISHED,
    "PutFunctionScalingConfig.Qualifier": _PUBLISHED,
    "FunctionVersion": lambda known, chance: known.version(chance),
    "ListFunctions.FunctionVersion": _choice("ALL"),
    "Name": _numbered("a", 3),
    "Layers": _some("layers", 2),
    "LayerName": _layer_part(-2, "l0"),
    "PublishLayerVersion.LayerName": _numbered("l", 3),
    "VersionNumber": lambda known, chance: int(str(_layer_part(-1, "1")(known, chance))),
    "GetLayerVersionByArn.Arn": _from("layers", f"arn:aws:lambda:{REGION}:000000000000:layer:none:1"),
    "CodeSigningConfigArn": _from("signing_configs", _NO_SIGNING),
    "UUID": _from("mappings", _NOBODY),
    "CapacityProviderName": _from("providers", "p0"),
    "CreateCapacityProvider.CapacityProviderName": _numbered("p", 2),
    "CapacityProviderArn": lambda known, chance: known.arn(f"capacity-provider:p{chance.between(0, 1)}"),
    "Resource": lambda known, chance: known.resource(chance),
    "ResourceArn": lambda known, chance: known.arn(chance.one_of([_WITH_POLICY, _WITH_POLICY, "function:gone"])),
    "PutResourcePolicy.Policy": _policy,
    "TagKeys": lambda _, chance: [f"k{chance.between(0, 3)}"],
    "Tags": lambda _, chance: {f"k{chance.between(0, 3)}": f"v{chance.between(0, 9)}"},
    "StatementId": _numbered("s", 3),
    "AddPermission.Action": _choice("lambda:InvokeFunction", "lambda:GetFunction"),
    "AddPermission.Principal": _choice("s3.amazonaws.com", "123456789012", "*"),
    "AddLayerVersionPermission.Principal": _choice("*", "123456789012"),
    "Role": lambda known, chance: chance.one_of([known.role]),
    "CapacityProviderOperatorRoleArn": lambda known, chance: chance.one_of([known.role]),
    "ZipFile": _choice(*ZIPS),
    "Runtime": _choice("python3.13", "python3.12", "nodejs22.x"),
    "Handler": _choice("handler.handler"),
    "PackageType": _choice("Zip"),
    "Timeout": _between(1, 30),
    "MemorySize": _choice(128, 256, 512, 2048),
    "SubnetIds": _some("subnets", 2),
    "SecurityGroupIds": _some("groups", 1),
    "RevisionId": _from("revisions", _NOBODY),
    "CodeSha256": _from("digests", "0"),
    "Marker": _from("markers", "none"),
    "EventSourceArn": _source,
    "BatchSize": _choice(1, 5, 10, 10, 11),
    "Destination": _destination,
    "TargetArn": lambda known, chance: chance.one_of([known.queue]),
    "ReservedConcurrentExecutions": _between(0, 90),
    "ProvisionedConcurrentExecutions": _choice(1),
    "AdditionalVersionWeights": lambda _, chance: {str(chance.between(1, 3)): chance.between(0, 4) / 4},
    "Variables": lambda _, chance: {"LEVEL": chance.one_of(["1", "two", "☃"])},
    "Payload": _choice(b"{}", b"null", b'"x"', b""),
    "InvokeArgs": _choice(b"{}"),
    "InvocationType": _choice("DryRun", "RequestResponse"),
    "TenantId": _choice("t1"),
    "ClientContext": _choice("e30="),
}
