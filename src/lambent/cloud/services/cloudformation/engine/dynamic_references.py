"""`{{resolve:…}}` in properties: values of SSM parameters and secrets, read when the resource is made.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.service import Result
from lambent.cloud.services.cloudformation.resources.contract import ResourceFailedError

_REFERENCE = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^{}]+)\}\}")
Call = Callable[..., Awaitable[Result]]
Value = Any  # Any: JSON-shaped values of a template


async def resolved(value: Value, call: Call) -> Value:
    """Return the value with its references replaced. Raises ResourceFailedError for one that leads nowhere."""
    if isinstance(value, str):
        return await _text(value, call) if "{{resolve:" in value else value
    if isinstance(value, Mapping):
        return {key: await resolved(inner, call) for key, inner in value.items()}
    if isinstance(value, list):
        return [await resolved(inner, call) for inner in value]
    return value


async def _text(text: str, call: Call) -> str:
    result, end = "", 0
    for match in _REFERENCE.finditer(text):
        result += text[end : match.start()] + await _one(match[1], match[2], call)
        end = match.end()
    return result + text[end:]


async def _one(service: str, key: str, call: Call) -> str:
    try:
        return await (_secret(key, call) if service == "secretsmanager" else _parameter(key, call))
    except ServiceError as error:
        raise ResourceFailedError(f"Could not resolve {{{{resolve:{service}:{key}}}}}: {error.message}") from error


async def _parameter(key: str, call: Call) -> str:
    answer = await call("ssm", "GetParameter", Name=key, WithDecryption=True)
    return str(answer["Parameter"]["Value"])


async def _secret(key: str, call: Call) -> str:
    """Read `secret-id:SecretString:json-key:version-stage:version-id`, where the id may be an ARN."""
    parts = key.split(":")
    count = 7 if key.startswith("arn:") else 1
    secret_id, rest = ":".join(parts[:count]), [*parts[count:], "", "", "", ""]
    wanted = {"VersionStage": rest[2], "VersionId": rest[3]}
    answer = await call(
        "secretsmanager",
        "GetSecretValue",
        SecretId=secret_id,
        **{name: value for name, value in wanted.items() if value},
    )
    text = str(answer.get("SecretString", ""))
    if not rest[1]:
        return text
    try:
        return str(json.loads(text)[rest[1]])
    except (ValueError, KeyError, TypeError) as error:
        raise ResourceFailedError(
            f"Could not find a value associated with JSONKey in SecretString {secret_id}"
        ) from error
