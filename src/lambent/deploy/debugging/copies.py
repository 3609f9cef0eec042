"""A copy of a function that waits for a debugger; the function itself is not touched.

The copy has the function's code, layers, role, variables and log group, Lambda's longest timeout, and a handler that
waits before it loads the function's own. The handler sees the function's name, version and memory, not the copy's.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from lambent.aws.clients import AwsCallError, Target, aws_errors
from lambent.deploy.debugging.layer import node_files, published, python_files
from lambent.deploy.dev.settling import settled
from lambent.deploy.errors import DeployError

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_LONGEST_TIMEOUT_S = 900
_LAYERS = 5
_LARGEST_MB = 10_240
# What a debugger takes beside the function; in the function's own 128 MB it would be killed.
_DEBUGGER_MB = 512
_MARK = "lambent:debug-copy-of"
_SAME = ("Runtime", "Role", "KMSKeyArn", "FileSystemConfigs", "EphemeralStorage", "Architectures", "LoggingConfig")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where the debugger is to listen, and where the handler says that it does (`control`)."""

    name: str
    qualifier: str | None
    host: str
    port: int
    control: int


@dataclass(frozen=True, slots=True)
class Told:
    """A function as Lambda tells it, with where its code can be fetched."""

    configuration: Mapping[str, Any]  # Any: a FunctionConfiguration
    location: str

    @property
    def family(self) -> str:
        """The runtime without its version."""
        return str(self.configuration.get("Runtime", "")).rstrip("0123456789.x")


def function(target: Target, name: str, qualifier: str | None) -> Told:
    """Return a function. Raises DeployError where it cannot be debugged this way."""
    where = {"FunctionName": name} if qualifier is None else {"FunctionName": name, "Qualifier": qualifier}
    with aws_errors():
        told = target.client("lambda").get_function(**where)
    found = Told(told["Configuration"], told["Code"].get("Location", ""))
    configuration = found.configuration
    if configuration.get("PackageType") == "Image" or found.family not in {"python", "nodejs"}:
        runtime = configuration.get("Runtime", "a container image")
        raise DeployError(f"{name} runs by {runtime}: only Python and Node.js functions can be debugged.")
    if "CapacityProviderConfig" in configuration:
        raise DeployError(f"{name} runs on Managed Instances, of which no copy is made.", "Debug its handler apart.")
    if len(configuration.get("Layers", ())) >= _LAYERS:
        raise DeployError(
            f"{name} has {_LAYERS} layers, as many as Lambda allows.", "The debugger is one: take one out."
        )
    return found


@contextmanager
def copied(target: Target, told: Told, wanted: Wanted, files: Iterator[tuple[str, bytes]]) -> Iterator[str]:
    """Give the name of a copy that waits for a debugger; it is removed at the end, and what an earlier one left."""
    client = target.client("lambda")
    name = str(told.configuration["FunctionName"])
    copy = f"{name[:50]}-debug-{wanted.control}"
    _remove_left(client, name)
    layer = published(client, told.family, files)
    with aws_errors():
        client.create_function(**_request(told, wanted, copy, layer))
    try:
        settled(client, copy)
        yield copy
    finally:
        with suppress(AwsCallError), aws_errors():
            client.delete_function(FunctionName=copy)


def _remove_left(client: Any, name: str) -> None:  # Any: a boto3 client
    """Remove copies of a function that a command which was killed has left."""
    with aws_errors():
        pages = client.get_paginator("list_functions").paginate()
        found = [
            one for page in pages for one in page["Functions"] if one["FunctionName"].startswith(f"{name[:50]}-debug-")
        ]
        for one in found:
            if client.list_tags(Resource=one["FunctionArn"])["Tags"].get(_MARK) == name:
                client.delete_function(FunctionName=one["FunctionName"])


def _request(told: Told, wanted: Wanted, copy: str, layer: str) -> dict[str, object]:
    configuration = told.configuration
    variables = dict(configuration.get("Environment", {}).get("Variables", {}))
    if "PYTHONPATH" in variables:  # where it is set, layers are not looked through, and one brings the debugger
        variables["PYTHONPATH"] += ":/opt/python"
    vpc = configuration.get("VpcConfig", {})
    with urllib.request.urlopen(told.location) as answer:  # noqa: S310 - Lambda said that the code is there
        code = answer.read()
    request: dict[str, object] = {
        **{key: configuration[key] for key in _SAME if configuration.get(key)},
        "FunctionName": copy,
        "Description": f"A copy of {configuration['FunctionName']} that waits for a debugger",
        "Handler": "lambent_debug.handler",
        "Timeout": _LONGEST_TIMEOUT_S,
        "MemorySize": min(configuration["MemorySize"] + _DEBUGGER_MB, _LARGEST_MB),
        "Layers": [*(one["Arn"] for one in configuration.get("Layers", ())), layer],
        "Environment": {"Variables": {**variables, "LAMBENT_DEBUG": json.dumps(_said(told, wanted))}},
        "TracingConfig": {"Mode": configuration.get("TracingConfig", {}).get("Mode", "PassThrough")},
        "Tags": {_MARK: configuration["FunctionName"]},
        "Code": {"ZipFile": code},
    }
    if vpc.get("SubnetIds"):
        request["VpcConfig"] = {key: vpc[key] for key in ("SubnetIds", "SecurityGroupIds")}
    return request


def _said(told: Told, wanted: Wanted) -> dict[str, object]:
    """Return what the copy is told: where to wait, and what it stands for."""
    configuration = told.configuration
    name, version, memory = (str(configuration[key]) for key in ("FunctionName", "Version", "MemorySize"))
    arn = str(configuration["FunctionArn"])
    variables = {
        "_HANDLER": configuration["Handler"],
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory,
    }
    in_python = {
        "function_name": name,
        "function_version": version,
        "memory_limit_in_mb": memory,
        "invoked_function_arn": arn,
    }
    in_node = {
        "functionName": name,
        "functionVersion": version,
        "memoryLimitInMB": memory,
        "invokedFunctionArn": arn,
    }
    return {
        "host": wanted.host,
        "port": wanted.port,
        "control": wanted.control,
        "handler": configuration["Handler"],
        "variables": variables,
        "context": in_python if told.family == "python" else in_node,
    }


def files_of(family: str, waiting: bytes, debugpy: Any) -> Iterator[tuple[str, bytes]]:  # Any: says where debugpy is
    """Yield the files of the layer that a family of runtimes needs; `debugpy` is asked for Python alone."""
    return python_files(waiting, debugpy()) if family == "python" else node_files(waiting)
