"""Where the types give up, the line says why."""

from __future__ import annotations

import io
import tokenize
from itertools import pairwise
from pathlib import Path

from tests.architecture.sources import python_files
from tests.requirements import ROOT

_GIVING_UP = {"Any", "cast"}


def test_every_any_and_every_cast_has_a_reason_on_its_line() -> None:
    bare = [f"{path.relative_to(ROOT)}:{line}" for path in python_files("src", "tests") for line in _unexplained(path)]
    assert bare == []


def _unexplained(path: Path) -> list[int]:
    text = path.read_text()
    if not any(word in text for word in _GIVING_UP):
        return []  # to take a file apart takes a hundredth of a second
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    comments = [token for token in tokens if token.type == tokenize.COMMENT]
    explained = {token.start[0] for token in comments}
    # Where the line is full, the reason stands alone on the one above.
    explained |= {token.start[0] + 1 for token in comments if token.line.lstrip().startswith("#")}
    imports = {token.start[0] for token in tokens if token.type == tokenize.NAME and token.string == "import"}
    return sorted(
        {
            token.start[0]
            for before, token in pairwise(tokens)
            if token.type == tokenize.NAME
            and token.string in _GIVING_UP
            and before.string not in {".", "def"}
            and token.start[0] not in explained | imports
        }
    )
