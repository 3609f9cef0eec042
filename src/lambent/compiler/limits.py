"""CloudFormation's limits, told before anything is deployed.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from lambent.compiler.errors import CompileError

MAX_RESOURCES = 500
MAX_OUTPUTS = 200
MAX_PARAMETERS = 200
MAX_DESCRIPTION_BYTES = 1024
MAX_BODY_BYTES = 1_048_576  # of a template in S3
_SPLIT = "Split the manifest in two stacks: one refers to the other's outputs as `${stacks.NAME.OUTPUT}`."
_SHARE = f"Let functions share a role and a log group (`defaults.role`, `defaults.logs.group`). {_SPLIT}"


def enforce_limits(template: Mapping[str, Any]) -> None:  # Any: a CloudFormation template
    """Raise CompileError where CloudFormation would refuse the template for its size."""
    for section, most, advice in (
        ("Resources", MAX_RESOURCES, _SHARE),
        ("Outputs", MAX_OUTPUTS, _SPLIT),
        ("Parameters", MAX_PARAMETERS, _SPLIT),
    ):
        number = len(template.get(section, {}))
        if number > most:
            message = f"the template has {number} {section.lower()}; CloudFormation takes {most} at most"
            raise CompileError(message, advice=advice)
    description = len(template.get("Description", "").encode())
    if description > MAX_DESCRIPTION_BYTES:
        message = f"the description has {description:,} bytes; CloudFormation takes {MAX_DESCRIPTION_BYTES:,} at most"
        raise CompileError(message, advice="Shorten `description`.", path=("description",))
    size = len(orjson.dumps(template))
    if size > MAX_BODY_BYTES:
        message = f"the template has {size:,} bytes; CloudFormation takes {MAX_BODY_BYTES:,} at most"
        raise CompileError(message, advice=_SPLIT)
