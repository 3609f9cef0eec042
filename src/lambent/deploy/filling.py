"""A compiled system and its packages → the template that is sent: places of code, and logical ids of versions."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from lambent.compiler.result import CompiledSystem
from lambent.compiler.versions import with_version_digests
from lambent.deploy.document import resources_of
from lambent.deploy.packaging.package import Package


def filled(
    compiled: CompiledSystem, packages: Mapping[str, Package], bucket: str
) -> dict[str, Any]:  # Any: a CloudFormation template
    """Return the template with each archive's place written in; `packages` are by logical id and property."""
    template: dict[str, Any] = copy.deepcopy(dict(compiled.template))  # Any: as above
    resources = dict(resources_of(template))
    for wanted in compiled.archives:
        package = packages[f"{wanted.logical_id}.{wanted.property_name}"]
        properties = resources[wanted.logical_id].setdefault("Properties", {})
        if wanted.bucket_key:
            properties[wanted.property_name] = {wanted.bucket_key: bucket, wanted.key_key: package.key}
        else:
            properties[wanted.property_name] = f"s3://{bucket}/{package.key}"
    return with_version_digests(template, compiled.versions, compiled.parameters) if compiled.versions else template
