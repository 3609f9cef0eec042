"""How records are put together for one invocation."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from lambent.cloud.services.lambda_.event_sources.batching import PAYLOAD_BYTES, batches, event_of, fitting


def test_six_megabytes_end_a_batch_early() -> None:
    half = PAYLOAD_BYTES // 2
    assert fitting([half, half, 10], most=10) == 1
    assert fitting([half - 100, half - 100, 10], most=10) == 3
    assert fitting([PAYLOAD_BYTES * 2, 1], most=10) == 1


@given(st.lists(st.binary(max_size=30)), st.integers(1, 7), st.integers(20, 90))
def test_every_item_goes_once_in_order_within_both_limits(items: list[bytes], most: int, limit: int) -> None:
    found = batches(items, len, most=most, limit=limit)
    assert [item for batch in found for item in batch] == items
    for batch in found:
        assert 1 <= len(batch) <= most
        assert len(batch) == 1 or len(event_of(batch)) <= limit


def test_an_event_is_one_list_of_records() -> None:
    assert json.loads(event_of([b'{"a": 1}', b'{"a": 2}'])) == {"Records": [{"a": 1}, {"a": 2}]}
