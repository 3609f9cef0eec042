"""Where results are kept: a page of the documents, between two markers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from figures import Promise

PAGE = Path(__file__).parent.parent / "docs" / "operations" / "performance.md"


def record(name: str, result: str) -> None:
    """Put a result between its markers on the page."""
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), name, result), encoding="utf-8")


def conclude(name: str, promises: Sequence[Promise], lines: Iterable[str], *, keep: bool = True) -> None:
    """Print a result and put it on the page: its promises, then what else was seen; exit with 1 where one fails.

    With `keep` false the page stays as it is.
    """
    text = "\n".join([*map(str, promises), "", *lines])
    print(text)
    if keep:
        record(name, text)
    if failed := [str(promise) for promise in promises if not promise.is_kept]:
        raise SystemExit("not kept: " + "; ".join(failed))


def replaced(page: str, name: str, result: str) -> str:
    """Return the page with the result between the markers of that name; raises ValueError where it has none."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = page.partition(begin)
    _, closing, after = rest.partition(end)
    if not (found and closing):
        raise ValueError(f"{PAGE.name} has lost its markers of {name}")
    return f"{before}{begin}\n```text\n{result}\n```\n{end}{after}"
