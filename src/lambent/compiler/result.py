"""What the compiler returns: a template, and the archives it wants in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class ArchiveKind(Enum):
    """What an archive holds, which decides how its folder is laid out."""

    FUNCTION = "function"
    LAYER = "layer"


@dataclass(frozen=True, slots=True)
class BundleWanted:
    """A Node.js handler that is bundled with all that it imports: its module, `src/app` of `src/app.handler`.

    `entry` is the file that is begun with, where it is not the module's own; `options` are further ones of esbuild's.
    """

    module: str
    entry: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArchiveWanted:
    """Code to be packaged and uploaded before the template is deployed.

    `source` is a folder, a file or a zip, relative to the manifest's folder, or "" where there are only requirements.
    `runtime` is the first of a layer's, `more_runtimes` the others with blanks between them.
    `bundle` says that its handler is bundled; None where files are packaged.
    Once it is uploaded, its place is written to property `property_name` of resource `logical_id`: a mapping with the
    keys `bucket_key`, `key_key` (`S3Bucket` and `S3Key`), or, where both are "", one `s3://` text.
    """

    logical_id: str
    property_name: str
    source: str
    kind: ArchiveKind = ArchiveKind.FUNCTION
    runtime: str = ""
    architecture: str = "x86_64"
    requirements: str = ""
    bucket_key: str = "S3Bucket"
    key_key: str = "S3Key"
    bundle: BundleWanted | None = None
    more_runtimes: str = ""


@dataclass(frozen=True, slots=True)
class VersionWanted:
    """A version to be published whenever the function's code or configuration changes.

    CloudFormation publishes when a version's logical id is new, so once the places of code are in the template,
    `lambent.compiler.versions.with_version_digests(template, versions, parameters)` appends to `logical_id` a digest of
    what the version of function `function_logical_id` depends on, wherever the template says it.
    """

    logical_id: str
    function_logical_id: str


@dataclass(frozen=True, slots=True)
class DiscoveredVpc:
    """What stands in a VPC that a manifest asks to be looked up: the subnets to use, and the default security group."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NetworkWanted:
    """What has to be looked up for a capacity provider before it can be compiled.

    `vpc` is an id or `default`, None where the VPC is that of `subnets`; these are ids, and none where those of the VPC
    are to be used.
    """

    vpc: str | None
    subnets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProviderNetwork:
    """Where a capacity provider's instances run: a VPC and subnets of it, by their ids."""

    vpc: str
    subnets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NestedWanted:
    """A template on this machine that another one names; its address is written where it was named.

    `folder` is where its own paths begin, relative to the outer one's.
    """

    logical_id: str
    property_name: str
    folder: str
    system: CompiledSystem


@dataclass(frozen=True, slots=True)
class CompiledSystem:
    """A system as CloudFormation understands it: `template` is JSON-shaped.

    It is complete but for the places of archives and nested templates, and the digests in `versions`' logical ids.

    `parameters` are values for the template's parameters, `tags` the stack's; `capabilities` what AWS wants confirmed.
    `output_names` says what the manifest calls each output (`function_arn` of `FunctionArn`). `included` are the files
    that the template took in on this machine.
    """

    stack_name: str
    template: Mapping[str, Any]  # Any: a CloudFormation template
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    archives: tuple[ArchiveWanted, ...] = ()
    versions: tuple[VersionWanted, ...] = ()
    output_names: Mapping[str, str] = field(default_factory=dict)
    nested: tuple[NestedWanted, ...] = ()
    included: tuple[str, ...] = ()
