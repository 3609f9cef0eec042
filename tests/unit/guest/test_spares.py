"""How many keepers stand by."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from lambent.guest.spares import CALM_S, LEAST, MOST, Spares


class Made:
    """Makes pretended processes, and remembers the sockets by which they would get their orders."""

    def __init__(self) -> None:
        self.now = 0.0
        self.is_refused = False
        self.theirs: dict[int, socket.socket] = {}
        self.spares = Spares(self.make, lambda: self.now)

    def make(self) -> tuple[int, socket.socket]:
        if self.is_refused:
            raise OSError("no more processes")
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)  # noqa: FBT003 - the socket's own interface
        pid = len(self.theirs) + 1
        self.theirs[pid] = theirs
        return pid, ours

    def start(self, count: int) -> list[int]:
        """Take so many, and give each up at once."""
        taken = [self.spares.take() for _ in range(count)]
        for _, sock in taken:
            sock.close()
        return [pid for pid, _ in taken]

    def rest(self) -> None:
        """Let it do what is due until nothing is."""
        for _ in range(2 * MOST):
            self.spares.tend()

    def standing(self) -> int:
        """Count those that still may get an order."""
        return sum(not _is_closed(sock) for sock in self.theirs.values())


@pytest.fixture
def made() -> Iterator[Made]:
    made = Made()
    yield made
    made.spares.let_go()
    for sock in made.theirs.values():
        sock.close()


def _is_closed(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False


def test_one_stands_by_and_is_replaced_once_it_is_taken(made: Made) -> None:
    assert made.spares.due_ms() is not None
    made.rest()
    assert (made.standing(), made.spares.due_ms()) == (LEAST, None)
    assert made.start(1) == [1]
    made.rest()
    assert made.start(1) == [2]


def test_as_many_stand_by_as_were_wanted_at_once_and_fewer_when_it_is_calm(made: Made) -> None:
    made.rest()
    made.start(6)
    made.rest()
    assert made.standing() == 6
    for expected in (5, 4, 3, 2, 1, 1):
        made.now += CALM_S
        made.spares.tend()
        assert made.standing() == expected
    assert made.spares.due_ms() is None


def test_starts_that_find_one_do_not_keep_it_from_calming_down(made: Made) -> None:
    made.start(3)
    made.rest()
    for _ in range(3):
        made.now += CALM_S / 2
        made.start(1)
        made.rest()
    assert made.standing() < 4


def test_there_is_a_most(made: Made) -> None:
    made.start(3 * MOST)
    made.rest()
    assert made.standing() == MOST


def test_one_that_was_killed_is_replaced(made: Made) -> None:
    made.rest()
    made.spares.forget(1)
    made.spares.forget(1)
    made.rest()
    assert (made.standing(), made.start(1)) == (1, [2])


def test_what_is_refused_is_told_to_who_takes_and_tried_again(made: Made) -> None:
    made.is_refused = True
    made.rest()
    with pytest.raises(OSError, match="no more processes"):
        made.start(1)
    made.is_refused = False
    made.rest()
    assert made.standing() > 0
