"""Bytes on the output pipe → lines."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from lambent.dataplane.sandbox.output import MAX_LINE, LineSplitter
from lambent.dataplane.types import OutputLine


def _record(text: str, millis: int = 5) -> bytes:
    raw = text.encode()
    return struct.pack(">IIQ", 0xA55A000F, len(raw), millis * 1000) + raw


def _splitter() -> LineSplitter:
    return LineSplitter(lambda: 2.5)


_PIECE = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)


@given(st.lists(st.tuples(st.booleans(), _PIECE)), st.integers(1, 40))
def test_lines_and_records_keep_their_order_however_they_are_cut(pieces: list[tuple[bool, str]], size: int) -> None:
    data = b"".join(_record(f"{text}\nmore\n") if framed else f"{text}\n".encode() for framed, text in pieces)
    splitter = _splitter()
    lines = [line for start in range(0, len(data), size) for line in splitter.feed(data[start : start + size])]
    expected = [(f"{text}\nmore" if framed else text) for framed, text in pieces]
    lines += splitter.flush()
    assert [line.text for line in lines] == expected
    assert [line.timestamp_ms for line in lines] == sorted(line.timestamp_ms for line in lines)


def test_a_record_has_its_own_time_but_none_before_a_line_written_before_it() -> None:
    lines = _splitter().feed(_record("first\n") + b"plain\n" + _record("second\n") + _record("third\n", millis=9000))
    assert [line.timestamp_ms for line in lines] == [5, 2500, 2500, 9000]


def test_a_record_ends_as_a_line_only_where_it_was_written_so() -> None:
    assert [line.is_ended for line in _splitter().feed(_record("one\n") + _record("two") + b"three\n")] == [
        True, False, True,
    ]  # fmt: skip


def test_unfinished_text_is_passed_on_when_asked_for() -> None:
    splitter = _splitter()
    assert splitter.feed(b"no end") == []
    assert splitter.flush() == [OutputLine(2500, "no end")]
    assert splitter.flush() == []


def test_text_without_an_end_is_a_line_before_the_record_that_follows() -> None:
    assert _splitter().feed(b"text" + _record("record")) == [
        OutputLine(2500, "text"),
        OutputLine(2500, "record", is_ended=False),
    ]


def test_a_record_longer_than_any_real_one_is_text_and_holds_nothing_up() -> None:
    forged = struct.pack(">IIQ", 0xA55A0003, 0xFFFF_FFFF, 0)
    texts = [line.text for line in _splitter().feed(forged + b"\nafter\n")]
    assert texts[-1] == "after"


def test_a_line_without_end_is_passed_on_in_parts() -> None:
    [line] = _splitter().feed(b"x" * (MAX_LINE + 10))
    assert len(line.text) == MAX_LINE
