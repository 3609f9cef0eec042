from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from lambent.cloud.services.s3.model.walking import common_prefix, first_behind, walk


@dataclass(frozen=True)
class Item:
    key: str


KEYS = st.sets(st.text("ab/", min_size=1, max_size=6), max_size=40)


def naive(keys: set[str], prefix: str, delimiter: str) -> list[str]:
    found = []
    for key in sorted(key for key in keys if key.startswith(prefix)):
        group = common_prefix(key, prefix, delimiter)
        shown = key if group is None else group
        if shown not in found:
            found.append(shown)
    return found


@given(KEYS, st.sampled_from(["", "a", "a/"]), st.sampled_from(["", "/", "a"]), st.integers(1, 5))
def test_pages_together_show_what_one_look_at_all_keys_would(
    keys: set[str], prefix: str, delimiter: str, limit: int
) -> None:
    ordered = sorted(key for key in keys if key.startswith(prefix))
    found: list[str] = []
    position = ""
    while True:

        def fetch(behind: str | None, count: int) -> Sequence[Item]:
            begin = position if behind is None else behind  # noqa: B023 - called within this turn
            return [Item(key) for key in ordered if key > begin][:count]

        walked = walk(fetch, prefix=prefix, delimiter=delimiter, limit=limit)
        assert len(walked) <= limit
        found += sorted([item.key for item in walked.items] + walked.prefixes)
        if not walked.is_truncated:
            break
        last = walked.last if isinstance(walked.last, str) else walked.last.key if walked.last else ""
        position = first_behind(last, prefix, delimiter)
    assert found == naive(keys, prefix, delimiter)


def test_what_is_behind_a_common_prefix_is_skipped() -> None:
    keys = [f"dir/{number:05}" for number in range(10_000)] + ["end"]
    fetched = 0

    def fetch(behind: str | None, count: int) -> Sequence[Item]:
        nonlocal fetched
        found = [Item(key) for key in keys if key > (behind or "")][:count]
        fetched += len(found)
        return found

    walked = walk(fetch, prefix="", delimiter="/", limit=1000)
    assert (walked.prefixes, [item.key for item in walked.items]) == (["dir/"], ["end"])
    assert fetched < 100
