from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from lambent.cloud.services.logs import repository
from lambent.cloud.services.logs.model import CHUNK_SPAN_MS, START, Position, Stream, chunks_of
from lambent.cloud.services.logs.reading import Source, Span, ascending, descending
from lambent.cloud.store.unit_of_work import SqlValue

END = Position(1 << 40, 0, 0)
times = st.integers(CHUNK_SPAN_MS, 5 * CHUNK_SPAN_MS)
batches = st.lists(st.lists(times, min_size=1, max_size=8).map(sorted), min_size=1, max_size=60)


class Chunks:
    """A reader over rows held here, which answers the two queries of reading.py as SQLite does."""

    def __init__(self, written: list[list[int]]) -> None:
        self.rows: list[tuple[SqlValue, ...]] = []
        stream = Stream(1, 1, "s", 0, None, None, None)
        for batch in written:
            for chunk in chunks_of([(time, f"{len(self.rows)}") for time in batch]):
                _, stream_id, first, last, ingested, _, events = repository.chunk_row(stream, chunk, 0)
                self.rows.append((len(self.rows) + 1, stream_id, first, ingested, events, last))

    def all(self, sql: str, parameters: object = ()) -> list[tuple[SqlValue, ...]]:
        assert isinstance(parameters, tuple)
        _, first, chunk, bound, last, limit = parameters
        forward = "DESC" not in sql
        chosen = [
            row
            for row in sorted(self.rows, key=lambda row: (row[2], row[0]), reverse=not forward)
            if (((row[2], row[0]) > (first, chunk)) if forward else ((row[2], row[0]) < (first, chunk)))
            and ((int(str(row[2])) <= bound) if forward else (int(str(row[2])) >= bound))
            and int(str(row[5])) >= last
        ]
        return [row[:5] for row in chosen[:limit]]

    def one(self, sql: str, parameters: object = ()) -> tuple[SqlValue, ...] | None:
        raise NotImplementedError


@settings(max_examples=60, deadline=None)
@given(batches, st.data())
def test_every_event_is_read_once_in_order_in_both_directions_from_anywhere(
    written: list[list[int]], data: st.DataObject
) -> None:
    reader, source = Chunks(written), Source("stream_id", 1)
    events = list(ascending(reader, source, Span(START, END)))
    positions = [event.position for event in events]
    assert positions == sorted(set(positions))
    assert len(positions) == sum(map(len, written))
    assert [event.position for event in descending(reader, source, Span(START, END))] == positions[::-1]
    cut = data.draw(st.sampled_from(positions))
    after = [event.position for event in ascending(reader, source, Span(cut, END))]
    before = [event.position for event in descending(reader, source, Span(START, cut))]
    assert before[::-1] + after == positions
