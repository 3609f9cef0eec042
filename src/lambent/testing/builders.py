"""What tests of functions keep needing: an archive of code, a role, a function that is Active."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

ROLE = "lambent-test"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
_EXECUTABLE = 0o100755
_PLAIN = 0o100644
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can name: the same files always give the same bytes


def zip_of(files: Mapping[str, str | bytes], *, executable: frozenset[str] = frozenset()) -> bytes:
    """Return a zip archive of the files by their paths; those named `executable` may be run."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = (_EXECUTABLE if name in executable else _PLAIN) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()


def ensure_role(iam: Any, name: str = ROLE) -> str:  # Any: a boto3 client
    """Return the ARN of a role that Lambda may assume, made if it is missing."""
    try:
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))
    except iam.exceptions.EntityAlreadyExistsException:
        made = iam.get_role(RoleName=name)
    return str(made["Role"]["Arn"])


def create_function(
    functions: Any,  # Any: a boto3 client of Lambda
    iam: Any,  # Any: a boto3 client of IAM
    name: str,
    code: bytes,
    **parameters: object,
) -> Mapping[str, Any]:  # Any: the members of AWS's shape
    """Create a function and return its configuration once it is Active; `parameters` are CreateFunction's.

    Unless they say otherwise, the function is Python's, its handler `handler.handler`, its role `ROLE`.
    """
    wanted = {"Runtime": "python3.13", "Handler": "handler.handler", **parameters}
    if "Role" not in wanted:
        wanted["Role"] = ensure_role(iam)
    functions.create_function(FunctionName=name, Code={"ZipFile": code}, **wanted)
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.02, "MaxAttempts": 500})
    configuration: Mapping[str, Any] = functions.get_function_configuration(FunctionName=name)  # Any: as above
    return configuration
