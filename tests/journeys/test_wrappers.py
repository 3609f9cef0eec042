"""AWS_LAMBDA_EXEC_WRAPPER: a layer's script starts the runtime, with options of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.requirements import require_namespaces, require_tool

# As https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html has it: options go before the last argument.
WRAPPER = """#!/bin/sh
export WRAPPED=yes
for last; do :; done
echo "wrapping $last"
{}
"""
PYTHON = "import os, sys\ndef handler(event, context):\n    return [os.environ['WRAPPED'], sys.flags.dev_mode]\n"
NODE = "exports.handler = async () => [process.env.WRAPPED, process.env.NODE_OPTIONS === '--no-deprecation']\n"


@pytest.fixture(scope="module")
def platform() -> Iterator[LocalPlatform]:
    """A platform whose functions have an /opt of their own."""
    require_namespaces()
    with local_platform() as running:
        yield running


def wrapped(
    platform: LocalPlatform,
    name: str,
    rest: str,
    files: dict[str, str],
    **parameters: Any,  # Any: as the API takes them
) -> object:
    functions = platform.client("lambda")
    code = zip_of({"wrap": WRAPPER.format(rest)}, executable=frozenset({"wrap"}))
    layer = functions.publish_layer_version(LayerName=name, Content={"ZipFile": code})
    platform.create_function(
        name,
        zip_of(files),
        Layers=[layer["LayerVersionArn"]],
        Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap"}},
        **parameters,
    )
    answer = functions.invoke(FunctionName=name)
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.loads(answer["Payload"].read())


def test_a_function_of_python_is_started_by_its_wrapper(platform: LocalPlatform) -> None:
    rest = 'program="$1"; shift; exec "$program" -X dev "$@"'
    assert wrapped(platform, "python", rest, {"handler.py": PYTHON}) == ["yes", True]


def test_a_function_of_nodejs_is_started_by_its_wrapper(platform: LocalPlatform) -> None:
    require_tool("node")
    rest = 'export NODE_OPTIONS=--no-deprecation; exec "$@"'
    found = wrapped(
        platform, "node", rest, {"index.js": NODE}, Runtime="nodejs22.x", Handler="index.handler", Timeout=20
    )
    assert found == ["yes", True]
