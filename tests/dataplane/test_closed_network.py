"""With `--network closed` a function reaches the platform, and nothing else: no machine, no neighbour, no name."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambent.assembly import StartError
from lambent.base.tasks import let_others_run
from lambent.dataplane.sandbox.names import answer_within, reply
from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.requirements import require_namespaces

# Evaluates what a test wants to try, and answers with its value or with the error's name.
_ATTEMPT = """
import os, socket, subprocess, threading, urllib.request
def connect(host, port):
    with socket.create_connection((host, port), 3) as connection:
        return connection.getpeername()[0]
def listen():
    listener = socket.create_server(("0.0.0.0", 18099))
    threading.Thread(target=listener.accept, daemon=True).start()
    listeners.append(listener)
    return connect("127.0.0.1", 18099)
listeners = []
def identity():
    import boto3
    return boto3.client("sts").get_caller_identity()["Arn"]
def hold():
    import boto3
    boto3.client("sqs")
def handler(source, context):
    try:
        return eval(source)
    except BaseException as error:
        return type(error).__name__
"""
_BOOTSTRAP = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  headers=/tmp/headers
  curl -sS -D "$headers" "$api/invocation/next" > /dev/null
  id=$(grep -i lambda-runtime-aws-request-id "$headers" | tr -d '[:space:]' | cut -d: -f2)
  answer=$(curl -s -o /dev/null -w '%{http_code}' "$AWS_ENDPOINT_URL/_lambent/health")
  curl -sS "$api/invocation/$id/response" -d "$answer" > /dev/null
done
"""


@pytest.fixture(scope="module")
def closed() -> Iterator[LocalPlatform]:
    require_namespaces()
    with local_platform(closed_network=True) as running:
        for name in ("one", "other"):
            running.create_function(name, zip_of({"handler.py": _ATTEMPT}), MemorySize=1769, Timeout=20)
        yield running


def _try(platform: LocalPlatform, source: str, function: str = "one") -> object:
    answer = platform.client("lambda").invoke(FunctionName=function, Payload=json.dumps(source))
    return json.load(answer["Payload"])


def test_an_sdk_in_a_function_reaches_the_platform(closed: LocalPlatform) -> None:
    assert str(_try(closed, "identity()")).startswith("arn:aws:sts::000000000000:assumed-role/")


@pytest.mark.parametrize("name", ["localhost", "b.s3.localhost", "abc.lambda-url.us-east-1.localhost"])
def test_names_under_localhost_lead_to_the_platform(closed: LocalPlatform, name: str) -> None:
    status = f"urllib.request.urlopen('http://{name}:{closed.port}/_lambent/health').status"
    assert _try(closed, status) == 200


def test_a_listener_of_the_machine_is_not_reached(closed: LocalPlatform) -> None:
    with socket.create_server(("0.0.0.0", 0)) as listener:  # noqa: S104 - whichever address is tried leads to it
        port = listener.getsockname()[1]
        assert _try(closed, f"connect('127.0.0.1', {port})") == "ConnectionRefusedError"
        for address in _addresses_of_this_machine():
            assert _try(closed, f"connect('{address}', {port})") == "OSError"


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "10.0.0.1", "169.254.169.254", "169.254.170.2", "224.0.0.1", "2606:4700:4700::1111"]
)
def test_no_address_is_reached(closed: LocalPlatform, address: str) -> None:
    assert _try(closed, f"connect('{address}', 80)") == "OSError"  # there is no route


@pytest.mark.parametrize("name", ["amazon.com", "metadata.google.internal", "localhost.example.com"])
def test_no_name_is_known(closed: LocalPlatform, name: str) -> None:
    assert _try(closed, f"connect('{name}', 80)") == "gaierror"


def test_no_datagram_leaves(closed: LocalPlatform) -> None:
    send = "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('8.8.8.8', 53))"
    assert _try(closed, send) == "OSError"


def test_environments_do_not_reach_one_another(closed: LocalPlatform) -> None:
    assert _try(closed, "listen()", "one") == "127.0.0.1"
    assert _try(closed, "connect('127.0.0.1', 18099)", "other") == "ConnectionRefusedError"


def test_there_is_one_interface_which_cannot_be_changed(closed: LocalPlatform) -> None:
    assert _try(closed, "[name for _, name in socket.if_nameindex()]") == ["lo"]
    flags = "__import__('fcntl').ioctl(socket.socket(), 0x8914, __import__('struct').pack('16sH22x', b'lo', 0))"
    assert _try(closed, flags) == "PermissionError"
    assert _try(closed, "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)") == "PermissionError"


def test_abstract_sockets_of_the_machine_are_not_there(closed: LocalPlatform) -> None:
    name = f"lambent-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen()
        attempt = f"socket.socket(socket.AF_UNIX).connect(chr(0) + '{name}')"
        assert _try(closed, attempt) == "ConnectionRefusedError"


def test_a_later_runtime_of_the_same_environment_reaches_the_platform(closed: LocalPlatform) -> None:
    assert "errorType" in str(_try(closed, "os._exit(1)"))
    assert _try(closed, f"connect('127.0.0.1', {closed.port})") == "127.0.0.1"


def test_a_custom_runtime_works_in_a_network_of_its_own(closed: LocalPlatform) -> None:
    archive = zip_of({"bootstrap": _BOOTSTRAP}, executable=frozenset({"bootstrap"}))
    closed.create_function("custom", archive, Runtime="provided.al2023", Handler="any", Timeout=10)
    assert _try(closed, "", "custom") == 200


def test_a_platform_says_what_network_holds(closed: LocalPlatform) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", closed.port)
    connection.request("GET", "/_lambent/health")
    with connection.getresponse() as answer:
        assert json.load(answer)["network"] == "closed"
    connection.close()


def test_it_is_refused_where_it_cannot_hold() -> None:
    with (
        pytest.raises(StartError, match="a closed network needs namespaces"),
        local_platform(closed_network=True, isolation="process"),
    ):
        pass


def test_the_listener_goes_with_the_environment(closed: LocalPlatform) -> None:
    del closed  # a platform of our own can be stopped
    with local_platform(closed_network=True) as platform:
        before = _sockets()
        platform.create_function("short", zip_of({"handler.py": _ATTEMPT}), MemorySize=1769)
        assert _try(platform, "1 + 1", "short") == 2
        assert _sockets() > before
        platform.client("lambda").delete_function(FunctionName="short")
    assert _sockets() <= before


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", None),
        (b"\0" * 11, None),
        (b"\x12\x34\x81\x80\0\1\0\0\0\0\0\0\x09localhost\0\0\1\0\1", None),
        (b"\x12\x34\1\0\0\2\0\0\0\0\0\0\x09localhost\0\0\1\0\1", None),
        (b"\x12\x34\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", None),
        (b"\x12\x34\1\0\0\1\0\0\0\0\0\0\x09localhost", None),
    ],
)
def test_what_is_no_question_gets_no_answer(query: bytes, expected: bytes | None) -> None:
    assert reply(query) == expected


def test_a_question_for_an_address_of_the_next_generation_has_an_empty_answer() -> None:
    query = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\1b\x09LOCALHOST\0\0\x1c\0\1"
    answer = reply(query)
    assert answer is not None
    assert answer[:12] == b"\x12\x34\x81\x80\0\1\0\0\0\0\0\0"


def _addresses_of_this_machine() -> list[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:  # it has no other than loopback
            return []
        return [str(probe.getsockname()[0])]


def _sockets() -> int:
    links = (path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink())
    return sum(str(link).startswith("socket:") for link in links)


async def test_where_names_cannot_be_answered_the_endpoint_ends_with_the_sandbox() -> None:
    answering = []

    class Endpoint:
        def __init__(self, listener: socket.socket) -> None:
            self.close = listener.close
            answering.append(listener)

    async def serve(listener: socket.socket) -> Endpoint:
        return Endpoint(listener)

    gone = asyncio.get_running_loop().create_future()
    no_datagrams = socket.create_server(("127.0.0.1", 0))
    with pytest.raises(ValueError, match="UDP"):
        await answer_within(gone, socket.create_server(("127.0.0.1", 0)), no_datagrams, serve)
    gone.set_result(None)
    await let_others_run()
    assert [listener.fileno() for listener in (*answering, no_datagrams)] == [-1, -1]
