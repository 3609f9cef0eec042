"""Requests that use the same file at the same time."""

from __future__ import annotations

from lambent.insight.migration.collisions import Collision, Span, Touch, Use, collisions

BOTH = [Span("a", 0.0, 10.0), Span("b", 1.0, 11.0)]


def at(path: str, *uses: tuple[float, str, Use], locks: str = "") -> list[Touch]:
    held = frozenset({locks} if locks else ())
    return [Touch(moment, request, path, use, held) for moment, request, use in uses]


def test_two_that_write_the_same_file_while_both_run_collide() -> None:
    touches = at("/tmp/x", (0.5, "a", Use.WRITE), (1.5, "b", Use.WRITE), (3.0, "a", Use.READ))
    assert collisions(touches, BOTH) == [Collision("/tmp/x", (Use.WRITE, Use.WRITE), frozenset("ab"), 1)]


def test_one_that_reads_what_another_writes_collides() -> None:
    (found,) = collisions(at("/tmp/x", (0.5, "a", Use.READ), (1.5, "b", Use.WRITE)), BOTH)
    assert found.uses == (Use.READ, Use.WRITE)


def test_requests_one_after_the_other_do_not_collide() -> None:
    after = [Span("a", 0.0, 1.0), Span("b", 2.0, 3.0)]
    assert collisions(at("/tmp/x", (0.5, "a", Use.WRITE), (2.5, "b", Use.WRITE)), after) == []


def test_readers_and_files_of_one_s_own_do_not_collide() -> None:
    touches = at("/tmp/x", (0.5, "a", Use.READ), (1.5, "b", Use.READ))
    touches += at("/tmp/a", (0.6, "a", Use.WRITE)) + at("/tmp/b", (1.6, "b", Use.WRITE))
    assert collisions(touches, BOTH) == []


def test_those_who_hold_the_same_lock_do_not_collide() -> None:
    touches = at("/tmp/x", (0.5, "a", Use.WRITE), (1.5, "b", Use.WRITE), locks="/tmp/lock")
    assert collisions(touches, BOTH) == []
    touches[1] = Touch(1.5, "b", "/tmp/x", Use.WRITE, frozenset({"/tmp/other"}))
    assert len(collisions(touches, BOTH)) == 1


def test_replacing_a_whole_file_is_seen_by_no_reader() -> None:
    touches = at("/tmp/x", (0.5, "a", Use.READ), (1.5, "b", Use.REPLACE), (2.0, "a", Use.READ))
    assert collisions(touches, BOTH) == []


def test_who_replaces_a_file_and_reads_it_again_may_find_another_s() -> None:
    touches = at("/tmp/x", (0.5, "a", Use.REPLACE), (1.5, "b", Use.REPLACE))
    assert collisions(touches, BOTH) == []
    (found,) = collisions([*touches, *at("/tmp/x", (2.0, "a", Use.READ))], BOTH)
    assert found.uses == (Use.REPLACE, Use.REPLACE)


def test_appending_alone_is_told_apart() -> None:
    (found,) = collisions(at("/tmp/log", (0.5, "a", Use.APPEND), (1.5, "b", Use.APPEND)), BOTH)
    assert found.only_appends


def test_a_folder_that_is_removed_takes_another_s_files_along() -> None:
    touches = at("/tmp/work/in", (0.5, "a", Use.WRITE)) + at("/tmp/work", (1.5, "b", Use.REMOVE_TREE))
    (found,) = collisions(touches, BOTH)
    assert (found.path, found.uses) == ("/tmp/work/in", (Use.WRITE, Use.REMOVE_TREE))


def test_workers_that_meet_in_init_are_told_apart() -> None:
    spans = [Span("init of 1", 0.0, 2.0, is_init=True), Span("init of 2", 0.0, 2.0, is_init=True)]
    (found,) = collisions(at("/tmp/m", (0.5, "init of 1", Use.WRITE), (0.6, "init of 2", Use.WRITE)), spans)
    assert found.during_init


def test_a_request_whose_end_was_not_seen_goes_on() -> None:
    spans = [Span("a", 0.0), Span("b", 50.0, 51.0)]
    assert len(collisions(at("/tmp/x", (0.5, "a", Use.WRITE), (50.5, "b", Use.WRITE)), spans)) == 1
