"""What was deployed last, as it is kept on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lambent.compiler.result import CompiledSystem
from lambent.deploy.memory import recall, remember


@pytest.mark.parametrize("name", ["archives", "capabilities"])
def test_what_was_kept_in_another_shape_is_as_if_nothing_was(tmp_path: Path, name: str) -> None:
    remember(tmp_path, "key", CompiledSystem("shop", {}), None)
    assert recall(tmp_path, "key") is not None
    kept = tmp_path / "deployed" / "key.json"
    whole = json.loads(kept.read_text())
    for body in ({**whole["compiled"], name: [{"other": 1}] if name == "archives" else None}, None):
        kept.write_text(json.dumps({**whole, "compiled": body}))
        assert recall(tmp_path, "key") is None
