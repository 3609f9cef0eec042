"""Messages between the platform and what runs in a sandbox: the same few bytes, written and read on both sides.

A frame is a kind (one byte), the length of its body (four bytes, big-endian) and the body. On a runtime's channel the
platform sends INVOKE; the runtime answers each with RESPONSE, ERROR or TOO_LARGE. NEXT is sent once, when the runtime
first asks for work; every later `next` follows from the answer before it. An answer may also be streamed: STREAM, any
number of CHUNKs, STREAM_END with an error's JSON or nothing. A SnapStart template sends SNAPSHOT in place of NEXT, and
takes RESTOREs, with descriptors, in place of INVOKEs, after one STAND_BY that lets it fork. On the fork server's socket
bodies are JSON, as on that of a keeper, which takes START alone.

Where a runtime serves several requests at once, each of its workers has a channel of its own, which begins with
WORKER; on the runtime's own channel WORKER_ENDED tells how one ended.

On the socket of the process that serves the APIs (extensions.py) a body is a line of JSON and then bytes: it sends CALL
for each request of an extension and gets ANSWER for it when there is one; LAUNCH_FAILED and EXTENSION_ENDED
tell of the external extensions; OPEN_GATE lets the runtime start; DELIVER asks for a delivery, and DELIVERED tells how
it went.
"""

from __future__ import annotations

import json
import struct

TYPE_CHECKING = False  # importing typing for it would cost every environment that is executed
if TYPE_CHECKING:
    import _socket
    from collections.abc import Sequence
    from typing import TypedDict

    class ServerConfig(TypedDict):
        """What a fork server is told when it is started.

        `endpoint_port` is where the platform listens in a sandbox's own network, 0 where it has the machine's.
        """

        control: int
        alive: int
        namespaces: bool
        user_namespace: bool
        switch_user: bool
        user_id: int
        base: str
        prefixes: list[str]
        preloads: bool
        precompiles: bool
        endpoint_port: int
        runtime_dir: str

    class SignalRequest(TypedDict):
        """What a SIGNAL frame asks for: `runtime` is how many had ended before the one it is meant for.

        SIGKILL is meant for the keeper itself.
        """

        token: int
        number: int
        runtime: int

    class SpawnRequest(TypedDict):
        """What a SPAWN or START frame asks for; `descriptors` names the passed ones, in order."""

        token: int
        descriptors: list[str]
        task_root: str
        task_root_seen: str
        layers: str
        layers_seen: str
        runtime_dir_seen: str
        storage_mb: int
        files: int
        processes: int | None
        variables: dict[str, str]
        command: list[str] | None
        extensions: list[str]
        serves_runtime: bool

    class TemplateConfig(TypedDict):
        """What a template is told when it is started: how the environments forked from it are kept apart."""

        namespaces: bool
        user_id: int
        storage_mb: int

    class RestoreRequest(TypedDict):
        """What a RESTORE frame asks of a template; `variables` are those that differ from its own."""

        descriptors: list[str]
        variables: dict[str, str]
        temporary: str


TEMPLATE_VARIABLE = "_LAMBENT_TEMPLATE"
"""Holds a TemplateConfig's JSON. A function cannot set it, for the names of its variables begin with a letter."""

TEXTS = (
    "Lambda-Runtime-Aws-Request-Id",
    "Lambda-Runtime-Deadline-Ms",
    "Lambda-Runtime-Invoked-Function-Arn",
    "Lambda-Runtime-Trace-Id",
    "Lambda-Runtime-Client-Context",
    "Lambda-Runtime-Cognito-Identity",
)
"""The headers of the Runtime API that an INVOKE frame's texts are, in their order."""
HEADER = struct.Struct(">BI")
_TEXTS = struct.Struct(">6i")
_DESCRIPTOR_SIZE = struct.calcsize("i")
_ABSENT = -1

INVOKE = 1
NEXT = 16
RESPONSE = 17
ERROR = 18
INIT_ERROR = 19
TOO_LARGE = 20
STREAM = 21
CHUNK = 22
STREAM_END = 23
SNAPSHOT = 24
RESTORE = 25
STAND_BY = 26

WORKER = 48
WORKER_ENDED = 49
WORKER_ID = struct.Struct(">I")
"""A worker's process id as the sandbox knows it."""
WORKER_END = struct.Struct(">Ii")
"""That id, and the wait status."""

SPAWN = 32
SIGNAL = 33
READY = 34
ENTERED = 38
STARTED = 35
ENDED = 36
REFUSED = 37
GONE = 39
START = 40
LEFT = 41

CALL = 48
LAUNCH_FAILED = 49
EXTENSION_ENDED = 50
DELIVERED = 51
ANSWER = 52
OPEN_GATE = 53
DELIVER = 54

MAX_RESPONSE = 6_291_556
"""AWS's limit of a synchronous response in bytes, as its own error message states it."""
MAX_ERROR = MAX_RESPONSE
MAX_CHUNK = 1_048_576
MAX_STREAM = 209_715_200
"""AWS's limit of a streamed response in bytes, 200 MB."""
MAX_CALL = 262_144
"""The most bytes that a request to the Extensions API or the Telemetry API may have, and what is told about it."""


def frame(kind: int, body: bytes) -> bytes:
    """Return one frame's bytes."""
    return HEADER.pack(kind, len(body)) + body


def encode_invoke(texts: Sequence[str | None], payload: bytes) -> bytes:
    """Return an INVOKE frame: six texts (None where absent), then the event's bytes.

    The texts are those of `TEXTS`; the deadline is in epoch milliseconds.
    """
    encoded = [None if text is None else text.encode() for text in texts]
    lengths = [_ABSENT if text is None else len(text) for text in encoded]
    head = b"".join([text for text in encoded if text])
    size = _TEXTS.size + len(head) + len(payload)
    return b"".join((HEADER.pack(INVOKE, size), _TEXTS.pack(*lengths), head, payload))


def decode_invoke(body: memoryview) -> tuple[list[str | None], bytes]:
    """Return the six texts and the event's bytes of an INVOKE frame's body."""
    place = _TEXTS.size
    texts: list[str | None] = []
    for length in _TEXTS.unpack_from(body):
        if length == _ABSENT:
            texts.append(None)
        else:
            texts.append(str(body[place : place + length], "utf-8"))
            place += length
    return texts, bytes(body[place:])


def encode_response(content_type: str, payload: bytes) -> bytes:
    """Return a RESPONSE frame: the content type's length in one byte, the content type, the answer's bytes."""
    kind = content_type.encode("latin-1", "replace")[:255]
    return b"".join((HEADER.pack(RESPONSE, 1 + len(kind) + len(payload)), bytes((len(kind),)), kind, payload))


def encode_headed(kind: int, head: dict[str, object], body: bytes = b"") -> bytes:
    """Return a frame whose body is a line of JSON, then bytes."""
    return frame(kind, json.dumps(head).encode() + b"\n" + body)


def decode_headed(data: bytes) -> tuple[dict[str, object], bytes]:
    """Return the head and the bytes of such a body; raises ValueError where it is none."""
    line, _, body = data.partition(b"\n")
    head = json.loads(line)
    if not isinstance(head, dict):
        raise ValueError("the head is no object")  # noqa: TRY004 - to its caller the data is wrong, not a type
    return head, body


def receive(sock: _socket.socket) -> tuple[int, memoryview] | None:
    """Return the kind and body of the next frame on a blocking socket, or None where the other end is closed.

    The other end sends one frame at a time and waits, so nothing follows a frame.
    """
    data = sock.recv(65536)
    while len(data) < HEADER.size:
        more = sock.recv(65536) if data else b""
        if not more:
            return None
        data += more
    kind, size = HEADER.unpack_from(data)
    if len(data) == HEADER.size + size:
        return kind, memoryview(data)[HEADER.size :]
    body = bytearray(size)
    place = len(data) - HEADER.size
    body[:place] = data[HEADER.size :]
    rest = memoryview(body)
    while place < size:
        count = sock.recv_into(rest[place:])
        if not count:
            return None
        place += count
    return kind, rest


def receive_with_descriptors(sock: _socket.socket) -> tuple[int, bytes, list[int]]:
    """Return kind, body and passed files of the next frame on a blocking socket; kind 0 where the other end is closed.

    The other end sends one frame at a time, as `receive` expects.
    """
    passed: list[int] = []
    data, size = b"", HEADER.size
    while len(data) < size:
        more, ancillary, _, _ = sock.recvmsg(65536, 1024)
        if not more:
            return 0, b"", passed
        for _, _, raw in ancillary:  # nothing else is asked for
            passed += struct.unpack_from(f"{len(raw) // _DESCRIPTOR_SIZE}i", raw)
        data += more
        if len(data) >= HEADER.size:
            size = HEADER.size + HEADER.unpack_from(data)[1]
    return data[0], data[HEADER.size :], passed
