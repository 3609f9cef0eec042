from __future__ import annotations

import pytest

from lambent.base.diagnostics import Diagnostic, Severity, SourceSpan, has_errors, in_source_order


def test_a_diagnostic_reads_as_one_line_with_place_and_advice() -> None:
    span = SourceSpan("lambent.yaml", 3, 5, 3, 9)
    found = Diagnostic(Severity.ERROR, "unknown-key", "there is no key `memroy`.", span, "Write `memory`.")
    assert str(found) == "lambent.yaml:3:5: error: there is no key `memroy`. Write `memory`. [unknown-key]"
    assert str(Diagnostic(Severity.NOTE, "empty", "nothing to do.")) == "note: nothing to do. [empty]"


def test_only_errors_stop_what_was_asked_for() -> None:
    warning = Diagnostic(Severity.WARNING, "old", "old.")
    assert not has_errors([warning])
    assert has_errors([warning, Diagnostic(Severity.ERROR, "bad", "bad.")])


def test_diagnostics_are_shown_in_the_order_of_their_source() -> None:
    def at(file: str, line: int) -> Diagnostic:
        return Diagnostic(Severity.ERROR, "r", f"{file}{line}", SourceSpan(file, line, 1, line, 2))

    nowhere = Diagnostic(Severity.NOTE, "r", "nowhere")
    ordered = in_source_order([at("b", 1), at("a", 10), nowhere, at("a", 9)])
    assert [found.message for found in ordered] == ["nowhere", "a9", "a10", "b1"]


@pytest.mark.parametrize("span", [(0, 1, 1, 1), (1, 0, 1, 1), (2, 1, 1, 9), (1, 5, 1, 4)])
def test_a_span_that_cannot_be_is_refused(span: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="no such span"):
        SourceSpan("f", *span)
