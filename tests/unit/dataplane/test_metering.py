from __future__ import annotations

import pytest

from lambent.dataplane.metering import ColdStart, Measured, billed_ms, memory_reading_is_due, report
from lambent.dataplane.types import InvocationStatus


@pytest.mark.parametrize(
    ("duration_ms", "init_ms", "billed"),
    [
        pytest.param(3.01, 110.10, 114, id="init is billed with the invocation it belongs to"),
        pytest.param(3.0, None, 3, id="whole milliseconds stay"),
        pytest.param(3.01, None, 4, id="a fraction counts as one"),
        pytest.param(110.1, 3.9, 114, id="binary fractions add nothing"),
        pytest.param(0.0, None, 0, id="nothing"),
    ],
)
def test_billed_is_the_sum_rounded_up(duration_ms: float, init_ms: float | None, billed: int) -> None:
    assert billed_ms(duration_ms, init_ms) == billed


def test_a_report_carries_what_its_line_shows() -> None:
    made = report(Measured("r", 100.0, 2.0049, ColdStart(10.0011), 128, 36), InvocationStatus.SUCCESS)
    assert (made.duration_ms, made.init_ms, made.billed_ms) == (2.0, 10.0, 12)
    assert made.ended_at == pytest.approx(100.0020049)
    assert (made.memory_mb, made.max_memory_mb, made.error_type) == (128, 36, None)


def test_of_a_restore_only_what_the_hooks_took_is_billed() -> None:
    made = report(Measured("r", 100.0, 2338.66, ColdStart(398.97, 182), 3009, 173), InvocationStatus.SUCCESS)
    assert (made.init_ms, made.restore_ms, made.billed_restore_ms, made.billed_ms) == (None, 398.97, 182, 2521)


def test_peak_memory_is_read_after_any_invocation_that_could_have_moved_it() -> None:
    assert memory_reading_is_due(duration_ms=2.0, since_last_s=0.0)
    assert memory_reading_is_due(duration_ms=0.1, since_last_s=0.1)
    assert not memory_reading_is_due(duration_ms=0.1, since_last_s=0.01)
