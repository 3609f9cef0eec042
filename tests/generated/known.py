"""What is known to exist, so that requests hit it: filled from what the platform's own listings tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lambent.testing.builders import zip_of
from tests.generated.chance import Chance

REGION = "us-east-1"
ZIPS = tuple(
    zip_of({"handler.py": f"def handler(event, context):\n    return {answer!r}\n"}) for answer in ("one", "two", None)
)


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
    statements: list[str] = field(default_factory=list)
    revisions: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    markers: list[str] = field(default_factory=list)
    """What other listings gave out, not only the one that is asked."""

    def arn(self, resource: str) -> str:
        return f"arn:aws:lambda:{REGION}:{self.account}:{resource}"

    def name_of_function(self, chance: Chance, *, is_qualified: bool) -> str:
        """Return a function in one of the ways in which it may be named."""
        name = chance.one_of(self.functions or ["f0"])
        qualifiers = self.qualifiers.get(name) or ["$LATEST"]
        suffix = f":{chance.one_of(qualifiers)}" if is_qualified and chance.happens(0.1) else ""
        full = self.arn(f"function:{name}{suffix}")
        partial = f"{self.account}:function:{name}{suffix}"
        return chance.one_of([name + suffix, name + suffix, name + suffix, partial, full])

    def version(self, chance: Chance) -> str:
        versions = [each for some in self.qualifiers.values() for each in some if each.isdigit()]
        return chance.one_of([*versions, "1", "2", "$LATEST"])

    def alias(self, chance: Chance) -> str:
        return f"a{chance.between(0, 2)}"

    def qualifier(self, chance: Chance) -> str:
        return self.alias(chance) if chance.happens(0.4) else self.version(chance)

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


def value_of(name: str, operation: str, known: Known, chance: Chance) -> Any:  # Any: a member's value; None for none
    """Return a value that means something for a member of that name, or None where any will do."""
    makers = _MAKERS.get(f"{operation}.{name}") or _MAKERS.get(name)
    return None if makers is None else makers(known, chance)


def _layer_part(index: int) -> Any:  # Any: a maker of values, as in _MAKERS
    def make(known: Known, chance: Chance) -> str:
        if not known.layers or (index == -2 and chance.happens(0.3)):
            return "l0" if index == -2 else "1"
        return chance.one_of(known.layers).split(":")[index]

    return make


def _new_name(prefix: str, count: int) -> Any:  # Any: as above
    return lambda known, chance: f"{prefix}{chance.between(0, count - 1)}"


def _from(attribute: str, otherwise: str) -> Any:  # Any: as above
    return lambda known, chance: chance.one_of(getattr(known, attribute) or [otherwise])


_NO_MAPPING = "00000000-0000-4000-8000-000000000000"
# Any: each makes the value of one member
_MAKERS: dict[str, Any] = {
    "FunctionName": lambda known, chance: known.name_of_function(chance, is_qualified=True),
    "CreateFunction.FunctionName": _new_name("f", 8),
    "Qualifier": lambda known, chance: known.qualifier(chance),
    "AddPermission.Qualifier": lambda known, chance: chance.one_of(["a0", "1"]),
    "RemovePermission.Qualifier": lambda known, chance: chance.one_of(["a0", "1"]),
    "AddPermission.FunctionName": _from("functions", "f0"),
    "RemovePermission.FunctionName": _from("functions", "f0"),
    "PutFunctionScalingConfig.FunctionName": lambda known, chance: "managed",
    "GetFunctionScalingConfig.FunctionName": lambda known, chance: "managed",
    "FunctionVersion": lambda known, chance: known.version(chance),
    "ListFunctions.FunctionVersion": lambda known, chance: "ALL",
    "Name": lambda known, chance: known.alias(chance),
    "Layers": lambda known, chance: chance.some_of(known.layers, 2),
    "LayerName": _layer_part(-2),
    "PublishLayerVersion.LayerName": _new_name("l", 3),
    "VersionNumber": lambda known, chance: int(_layer_part(-1)(known, chance)),
    "GetLayerVersionByArn.Arn": _from("layers", f"arn:aws:lambda:{REGION}:000000000000:layer:none:1"),
    "CodeSigningConfigArn": _from(
        "signing_configs", f"arn:aws:lambda:{REGION}:000000000000:code-signing-config:csc-00000000000000000"
    ),
    "UUID": _from("mappings", _NO_MAPPING),
    "CapacityProviderName": _from("providers", "p0"),
    "CreateCapacityProvider.CapacityProviderName": _new_name("p", 2),
    "CapacityProviderArn": lambda known, chance: known.arn(
        f"capacity-provider:{chance.one_of(known.providers or ['p0'])}"
    ),
    "GetFunctionScalingConfig.Qualifier": lambda known, chance: str(chance.between(1, 2)),
    "PutFunctionScalingConfig.Qualifier": lambda known, chance: str(chance.between(1, 2)),
    "Resource": lambda known, chance: known.resource(chance),
    "TagKeys": lambda known, chance: [f"k{chance.between(0, 3)}"],
    "Tags": lambda known, chance: {f"k{chance.between(0, 3)}": f"v{chance.between(0, 9)}"},
    "StatementId": lambda known, chance: f"s{chance.between(0, 2)}",
    "AddPermission.Action": lambda known, chance: chance.one_of(["lambda:InvokeFunction", "lambda:GetFunction"]),
    "AddPermission.Principal": lambda known, chance: chance.one_of(["s3.amazonaws.com", "123456789012", "*"]),
    "AddLayerVersionPermission.Principal": lambda known, chance: chance.one_of(["*", "123456789012"]),
    "Role": lambda known, chance: known.role,
    "CapacityProviderOperatorRoleArn": lambda known, chance: known.role,
    "ZipFile": lambda known, chance: chance.one_of(ZIPS),
    "Runtime": lambda known, chance: chance.one_of(["python3.13", "python3.12", "nodejs22.x"]),
    "Handler": lambda known, chance: "handler.handler",
    "PackageType": lambda known, chance: "Zip",
    "Timeout": lambda known, chance: chance.between(1, 30),
    "MemorySize": lambda known, chance: chance.one_of([128, 256, 512]),
    "SubnetIds": lambda known, chance: chance.some_of(known.subnets, 2),
    "SecurityGroupIds": lambda known, chance: chance.some_of(known.groups, 1),
    "RevisionId": _from("revisions", _NO_MAPPING),
    "CodeSha256": _from("digests", "0"),
    "Marker": _from("markers", "none"),
    "EventSourceArn": lambda known, chance: chance.one_of(
        [
            known.queue,
            f"arn:aws:kafka:{REGION}:{known.account}:cluster/c/{_NO_MAPPING}-1",
            f"arn:aws:kinesis:{REGION}:{known.account}:stream/s",
            f"arn:aws:dynamodb:{REGION}:{known.account}:table/t/stream/2026-01-01T00:00:00.000",
        ]
    ),
    "Destination": lambda known, chance: chance.one_of(
        [known.queue, known.arn("function:f0"), known.arn("function:f1")]
    ),
    "TargetArn": lambda known, chance: known.queue,
    "ReservedConcurrentExecutions": lambda known, chance: chance.between(0, 90),
    "ProvisionedConcurrentExecutions": lambda known, chance: 1,
    "AdditionalVersionWeights": lambda known, chance: {str(chance.between(1, 3)): chance.between(0, 4) / 4},
    "Variables": lambda known, chance: {"LEVEL": chance.one_of(["1", "two", "☃"])},
    "Payload": lambda known, chance: chance.one_of([b"{}", b"null", b'"x"', b""]),
    "InvokeArgs": lambda known, chance: b"{}",
    "InvocationType": lambda known, chance: chance.one_of(["DryRun", "RequestResponse"]),
    "TenantId": lambda known, chance: "t1",
    "ClientContext": lambda known, chance: "e30=",
}
