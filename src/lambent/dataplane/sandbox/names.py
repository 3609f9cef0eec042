"""The one name server of a closed network: names under localhost are the platform's, and there are no others.

A question and its answer have the same head: RFC 1035, section 4. https://www.rfc-editor.org/rfc/rfc6761#section-6.3
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Final

from lambent.dataplane.types import EndpointServer

_HEAD: Final = struct.Struct(">6H")
_QUESTION_END: Final = struct.Struct(">HH")
_ANSWER: Final = struct.Struct(">HHHIH4s")
_TO_QUESTION: Final = 0xC00C  # the answer's name is the question's
_RESPONSE, _RECURSION_ASKED, _RECURSION_AVAILABLE = 0x8000, 0x0100, 0x0080
_IS_NO_QUERY: Final = 0xF800  # a response, or an operation other than a query
_NO_SUCH_NAME: Final = 3
_ADDRESS_RECORD, _INTERNET = 1, 1
_LOOPBACK: Final = bytes((127, 0, 0, 1))
_KEPT_FOR_S: Final = 60


def reply(query: bytes) -> bytes | None:
    """Return the answer to one datagram; None where it is no question that could be answered."""
    if len(query) < _HEAD.size:
        return None
    number, flags, questions, *_ = _HEAD.unpack_from(query)
    if flags & _IS_NO_QUERY or questions != 1:
        return None
    labels, end = _name(query)
    if len(query) < end + _QUESTION_END.size or not end:
        return None
    kind, family = _QUESTION_END.unpack_from(query, end)
    question = query[_HEAD.size : end + _QUESTION_END.size]
    is_ours = labels[-1:] == [b"localhost"] and family == _INTERNET
    has_address = is_ours and kind == _ADDRESS_RECORD
    answered = _RESPONSE | _RECURSION_AVAILABLE | flags & _RECURSION_ASKED | (0 if is_ours else _NO_SUCH_NAME)
    head = _HEAD.pack(number, answered, 1, int(has_address), 0, 0)
    if not has_address:
        return head + question
    return head + question + _ANSWER.pack(_TO_QUESTION, kind, family, _KEPT_FOR_S, len(_LOOPBACK), _LOOPBACK)


def _name(query: bytes) -> tuple[list[bytes], int]:
    """Return the labels of the question's name and where it ends, 0 where it does not."""
    labels: list[bytes] = []
    place = _HEAD.size
    while place < len(query):
        length = query[place]
        place += 1
        if length == 0:
            return labels, place
        if length > 63:  # compression has no place in a question
            break
        labels.append(query[place : place + length].lower())
        place += length
    return [], 0


class _Names(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        answer = reply(data)
        if answer is not None:
            self._transport.sendto(answer, addr)  # type: ignore[attr-defined]  # uvloop's own classes derive from none


async def name_server(names: socket.socket) -> asyncio.BaseTransport:
    """Answer on the bound datagram socket `names`, which the server owns, until what is returned is closed."""
    names.setblocking(False)  # noqa: FBT003 - the socket's own interface
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(_Names, sock=names)
    return transport


async def answer_within(
    gone: asyncio.Future[None], endpoint: socket.socket, names: socket.socket, serve: EndpointServer
) -> None:
    """Answer in a sandbox's own network, AWS requests and questions for names, until it is `gone`.

    Both sockets belong to whoever answers there; what has begun ends with the sandbox, where the rest fails, too.
    """
    try:
        serving = await serve(endpoint)
        gone.add_done_callback(lambda _: serving.close())
        answering = await name_server(names)
    except BaseException:
        names.close()
        raise
    gone.add_done_callback(lambda _: answering.close())
