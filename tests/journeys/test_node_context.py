"""What a handler of Node.js is called as and with, by the runtime's name."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.requirements import require_tool


@pytest.fixture(scope="module")
def platform() -> Iterator[LocalPlatform]:
    """A platform for this file, where there is a Node.js."""
    require_tool("node")
    with local_platform() as running:
        yield running


def make(platform: LocalPlatform, name: str, source: str, runtime: str) -> None:
    settings: dict[str, Any] = {"Runtime": runtime, "Handler": "index.handler", "Timeout": 20}  # Any: as the API's
    platform.create_function(name, zip_of({"index.mjs": source}), **settings)


def answered(platform: LocalPlatform, name: str, **parameters: object) -> Any:  # Any: JSON
    return json.loads(platform.client("lambda").invoke(FunctionName=name, **parameters)["Payload"].read())


@pytest.mark.parametrize(
    ("runtime", "owner", "method"),
    [
        ("nodejs20.x", "Runtime", "handleOnceNonStreaming"),
        ("nodejs24.x", "BufferedInvokeProcessor", "processInvoke"),
    ],
)
def test_the_handler_is_a_method_of_the_runtime_as_stack_traces_show(
    platform: LocalPlatform, runtime: str, owner: str, method: str
) -> None:
    make(platform, owner, "export async function handler() { throw new Error(this.constructor.name); }", runtime)
    trace = answered(platform, owner)["trace"]
    assert trace[0] == f"Error: {owner}"
    assert trace[1].startswith(f"    at {owner}.handler (")
    assert trace[2].startswith(f"    at {owner}.{method} (")


def test_the_clients_trace_in_w3cs_words_stands_apart_from_its_context(platform: LocalPlatform) -> None:
    source = "export const handler = async (event, { w3c, clientContext }) => ({ w3c: w3c(), clientContext });"
    make(platform, "w3c", source, "nodejs24.x")
    kept = {"traceparent": "00-1-2-01", "baggage": "a=b"}
    for given, told in (({**kept, "tracestate": 7, "more": "x"}, kept), (["baggage=a"], {})):
        context = base64.b64encode(json.dumps({"custom": {"a": 1}, "w3c": given}).encode()).decode()
        assert answered(platform, "w3c", ClientContext=context) == {
            "w3c": told,
            "clientContext": {"custom": {"a": 1}},
        }
    assert answered(platform, "w3c") == {"w3c": {}}
