"""The messages between platform and sandbox, read back by the other side."""

from __future__ import annotations

import socket
import threading

from hypothesis import given
from hypothesis import strategies as st

from lambent.guest import framing

_TEXTS = st.lists(st.none() | st.text(), min_size=6, max_size=6)


@given(texts=_TEXTS, payload=st.binary(max_size=2000))
def test_an_invocation_is_read_as_it_was_written(texts: list[str | None], payload: bytes) -> None:
    # Lone surrogates cannot be sent; the platform never has any, since these come from decoded requests.
    texts = [text if text is None else text.encode("utf-8", "replace").decode() for text in texts]
    message = framing.encode_invoke(texts, payload)
    kind, size = framing.HEADER.unpack_from(message)
    assert (kind, size) == (framing.INVOKE, len(message) - framing.HEADER.size)
    assert framing.decode_invoke(memoryview(message)[framing.HEADER.size :]) == (texts, payload)


def test_a_frame_that_arrives_in_pieces_is_put_together() -> None:
    left, right = socket.socketpair()
    body = bytes(range(256)) * 2000
    with left, right:
        writer = threading.Thread(target=_write_in_pieces, args=(left, framing.frame(7, body)))
        writer.start()
        message = framing.receive(right)
        writer.join()
    assert message is not None
    assert (message[0], bytes(message[1])) == (7, body)


def test_an_end_in_mid_frame_is_an_end() -> None:
    for part in (b"", b"\x07", framing.frame(7, b"x" * 100)[:50]):
        left, right = socket.socketpair()
        with right:
            with left:
                left.sendall(part)
            assert framing.receive(right) is None


def _write_in_pieces(sock: socket.socket, data: bytes) -> None:
    place = 0
    for size in (1, 3, 1000, len(data)):
        sock.sendall(data[place : place + size])
        place += size
