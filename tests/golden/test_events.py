"""Every kind of event, made of its defaults and one seed, beside the event that it was found to be.

    python -m tests.golden.test_events

writes them anew; read what has changed before it is kept.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from lambent.aws.events.catalogue import KINDS
from lambent.aws.events.kind import Kind
from lambent.base.identifiers import SeededIds
from tests.requirements import ROOT

_FOLDER = ROOT / "tests" / "golden" / "events"
_NOW = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def _text(kind: Kind) -> str:
    return json.dumps(kind.event({}, SeededIds(1), _NOW), indent=2) + "\n"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.source}-{kind.name}")
def test_an_event_is_what_it_was_found_to_be(kind: Kind) -> None:
    assert _text(kind) == (_FOLDER / f"{kind.source}-{kind.name}.json").read_text()


def test_every_event_that_is_kept_can_be_made() -> None:
    kept = {path.stem for path in _FOLDER.glob("*.json")}
    assert kept == {f"{kind.source}-{kind.name}" for kind in KINDS}


if __name__ == "__main__":
    for each in KINDS:
        (_FOLDER / f"{each.source}-{each.name}.json").write_text(_text(each))
