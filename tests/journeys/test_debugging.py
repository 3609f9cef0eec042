"""`lambent invoke --debug`, driven by the debuggers' own protocols: DAP for Python, the inspector's for Node.js."""

from __future__ import annotations

import base64
import http.client
import json
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.journeys.commands import Commands, read_until
from tests.requirements import require_namespaces, require_tool
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(120)
PYTHON = """\
import os

def handler(event, context):
    doubled = event["n"] * 2
    return [doubled, context.function_name, context.memory_limit_in_mb, os.environ["AWS_LAMBDA_FUNCTION_NAME"]]
"""
NODE = """\
exports.handler = async (event, context) => {
  const doubled = event.n * 2;
  return [doubled, context.functionName];
};
"""


@pytest.fixture(scope="module")
def platform() -> Iterator[LocalPlatform]:
    """A platform with the functions that are debugged."""
    with local_platform() as running:
        running.create_function("double", zip_of({"app.py": PYTHON}), Runtime="python3.11", Handler="app.handler")
        yield running


class Adapter:
    """A client of the Debug Adapter Protocol: https://microsoft.github.io/debug-adapter-protocol/."""

    def __init__(self, port: int) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._stream: BinaryIO = self._connection.makefile("rb")
        self._number = 0
        self._seen: list[dict[str, Any]] = []  # Any: JSON

    def ask(self, command: str, **arguments: object) -> int:
        """Send a request and return its number."""
        self._number += 1
        request = {"seq": self._number, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(request).encode()
        self._connection.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return self._number

    def answer(self, command: str, **arguments: object) -> dict[str, Any]:  # Any: as above
        """Send a request and return the body of its answer."""
        number = self.ask(command, **arguments)
        told = self._next(lambda one: one["type"] == "response" and one["request_seq"] == number)
        assert told["success"], told
        return dict(told.get("body") or {})

    def event(self, name: str) -> dict[str, Any]:  # Any: as above
        """Wait for an event and return its body."""
        return dict(self._next(lambda one: one["type"] == "event" and one["event"] == name).get("body") or {})

    def close(self) -> None:
        """Go away."""
        self._stream.close()
        self._connection.close()

    def _next(self, wanted: Any) -> dict[str, Any]:  # Any: a function of what was read; JSON
        while True:
            for one in self._seen:
                if wanted(one):
                    self._seen.remove(one)
                    return one
            self._seen.append(self._read())

    def _read(self) -> dict[str, Any]:  # Any: as above
        length = 0
        while (line := self._stream.readline().strip()) != b"":
            length = int(line.partition(b":")[2])
        told: dict[str, Any] = json.loads(self._stream.read(length))  # Any: as above
        return told


class Inspector:
    """A client of Node.js's inspector: its list over HTTP, and a WebSocket with masked text frames (RFC 6455)."""

    def __init__(self, port: int) -> None:
        asking = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        asking.request("GET", "/json/list")
        self.listed = json.loads(asking.getresponse().read())
        asking.close()
        path = self.listed[0]["webSocketDebuggerUrl"].partition(f":{port}")[2]
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        key = base64.b64encode(b"0123456789abcdef").decode()
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self._connection.sendall(f"{head}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        self._stream: BinaryIO = self._connection.makefile("rb")
        while self._stream.readline().strip():
            pass
        self._number = 0

    def ask(self, method: str, **parameters: object) -> None:
        """Call a method."""
        self._number += 1
        body = json.dumps({"id": self._number, "method": method, "params": parameters}).encode()
        # Masked by zeros, which change nothing; all are shorter than 64 KB.
        size = bytes([0x80 | len(body)]) if len(body) < 126 else b"\xfe" + struct.pack(">H", len(body))
        self._connection.sendall(b"\x81" + size + bytes(4) + body)

    def answer(self, method: str, **parameters: object) -> Any:  # Any: JSON
        """Call a method and return its result."""
        self.ask(method, **parameters)
        while (told := self._read()).get("id") != self._number:
            pass
        assert "error" not in told, told
        return told["result"]

    def event(self, method: str) -> Any:  # Any: JSON
        """Wait for an event and return its parameters."""
        while (told := self._read()).get("method") != method:
            pass
        return told["params"]

    def close(self) -> None:
        """Go away."""
        self._stream.close()
        self._connection.close()

    def _read(self) -> dict[str, Any]:  # Any: JSON
        _, length = self._stream.read(2)
        if length == 126:
            (length,) = struct.unpack(">H", self._stream.read(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._stream.read(8))
        told: dict[str, Any] = json.loads(self._stream.read(length))  # Any: as above
        return told


@contextmanager
def debugging(
    lambent: Commands, name: str, port: int
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:  # Any: as above
    """Begin an invocation that waits for a debugger, and give it with what it told of where. Any: JSON."""
    arguments = (
        "invoke",
        name,
        "--event",
        '{"n": 21}',
        "--debug",
        "--debug-port",
        str(port),
        "--source",
        "src",
        "--json",
    )
    with lambent.begun(*arguments) as child:
        told = read_until(child, '"configuration"')
        yield child, json.loads(told.splitlines()[-1])


def answered(child: subprocess.Popen[str]) -> Any:  # Any: JSON
    """Return what the invocation answered."""
    out, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    return json.loads(out)["Payload"]


def names(platform: LocalPlatform) -> list[str]:
    """Return the names of all functions there are."""
    return [one["FunctionName"] for one in platform.client("lambda").list_functions()["Functions"]]


def test_a_python_handler_stops_at_a_breakpoint_and_goes_on(
    lambent: Commands, platform: LocalPlatform, free_port: int
) -> None:
    before = platform.client("lambda").get_function_configuration(FunctionName="double")
    with debugging(lambent, "double", free_port) as (child, told):
        assert told["configuration"]["connect"] == {"host": "127.0.0.1", "port": free_port}
        mapping = told["configuration"]["pathMappings"][0]
        assert mapping["localRoot"] == "${workspaceFolder}/src"
        adapter = Adapter(free_port)
        adapter.answer("initialize", clientID="test", adapterID="debugpy", pathFormat="path", linesStartAt1=True)
        source = lambent.folder / "src" / "app.py"
        source.parent.mkdir()
        source.write_text(PYTHON)
        attaching = {"localRoot": str(source.parent), "remoteRoot": mapping["remoteRoot"]}
        adapter.ask("attach", pathMappings=[attaching], justMyCode=True)
        adapter.event("initialized")
        adapter.answer("setBreakpoints", source={"path": str(source)}, breakpoints=[{"line": 5}])
        adapter.answer("configurationDone")
        thread = adapter.event("stopped")["threadId"]
        frame = adapter.answer("stackTrace", threadId=thread)["stackFrames"][0]
        assert (frame["source"]["path"], frame["line"]) == (str(source), 5)
        assert adapter.answer("evaluate", expression="doubled", frameId=frame["id"])["result"] == "42"
        adapter.ask("continue", threadId=thread)  # the environment may be gone before it answers
        assert answered(child) == [42, "double", "128", "double"]
        adapter.close()
    assert names(platform) == ["double"]
    assert {**platform.client("lambda").get_function_configuration(FunctionName="double"), "ResponseMetadata": 0} == {
        **before,
        "ResponseMetadata": 0,
    }


def test_a_node_handler_stops_at_a_breakpoint_and_goes_on(
    lambent: Commands, platform: LocalPlatform, free_port: int
) -> None:
    require_tool("node")
    code = zip_of({"index.js": NODE})
    platform.create_function("twice", code, Runtime="nodejs20.x", Handler="index.handler")
    try:
        with debugging(lambent, "twice", free_port) as (child, told):
            assert told["configuration"]["type"] == "node"
            inspector = Inspector(free_port)
            assert inspector.listed[0]["type"] == "node"
            inspector.answer("Runtime.enable")
            inspector.answer("Debugger.enable")
            inspector.answer("Debugger.setBreakpointByUrl", lineNumber=2, urlRegex=".*/index\\.js$")
            inspector.answer("Runtime.runIfWaitingForDebugger")
            frame = inspector.event("Debugger.paused")["callFrames"][0]
            shown = inspector.answer(
                "Debugger.evaluateOnCallFrame", callFrameId=frame["callFrameId"], expression="doubled"
            )
            assert shown["result"]["value"] == 42
            inspector.ask("Debugger.resume")  # as above
            assert answered(child) == [42, "twice"]
            inspector.close()
    finally:
        platform.client("lambda").delete_function(FunctionName="twice")
    assert names(platform) == ["double"]


def test_ctrl_c_while_it_waits_leaves_nothing_behind(
    lambent: Commands, platform: LocalPlatform, free_port: int
) -> None:
    with debugging(lambent, "double", free_port) as (child, _):
        assert len(names(platform)) == 2
        child.send_signal(signal.SIGINT)
        assert child.wait(20) == 130
    assert names(platform) == ["double"]

    def is_closed() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", free_port)) != 0

    assert eventually(is_closed)


def test_what_a_killed_command_left_is_removed_by_the_next(
    lambent: Commands, platform: LocalPlatform, free_port: int
) -> None:
    with debugging(lambent, "double", free_port):
        pass  # it is killed here
    assert len(names(platform)) == 2
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = lambent.run("invoke", "double", "--debug", "--debug-port", port, expect=2)
        assert "is taken" in refused.stderr
    with debugging(lambent, "double", free_port) as (child, _):
        assert len(names(platform)) == 2
        child.send_signal(signal.SIGINT)
        child.wait(20)
    assert names(platform) == ["double"]


def test_debugpy_is_taken_from_where_the_surroundings_say(lambent: Commands, tmp_path: Path, free_port: int) -> None:
    (tmp_path / "elsewhere" / "debugpy").mkdir(parents=True)
    broken = tmp_path / "elsewhere" / "debugpy" / "__init__.py"
    broken.write_text("raise ImportError('not this one')\n")
    port = ("--debug-port", str(free_port))
    done = lambent.run(
        "invoke", "double", "--debug", *port, "--json", expect=4, LAMBENT_DEBUGPY=str(tmp_path / "elsewhere")
    )
    assert "not this one" in json.loads(done.stdout)["Payload"]["errorMessage"]


def test_a_runtime_without_a_debugger_is_refused(lambent: Commands, platform: LocalPlatform) -> None:
    code = zip_of({"bootstrap": "#!/bin/sh\n"})
    platform.create_function("own", code, Runtime="provided.al2023", Handler="x")
    try:
        assert "only Python and Node.js" in lambent.run("invoke", "own", "--debug", expect=1).stderr
    finally:
        platform.client("lambda").delete_function(FunctionName="own")


def test_a_platform_whose_functions_no_debugger_reaches_is_told_of(lambent: Commands) -> None:
    require_namespaces()
    with local_platform(closed_network=True) as closed:
        told = lambent.run("invoke", "double", "--debug", "--port", str(closed.port), expect=1).stderr
    assert "--network open" in told
