from __future__ import annotations

from pathlib import Path

from tests.recorder.plugin import folder_not_asked


def test_only_folders_that_the_recorder_knows_are_asked() -> None:
    assert folder_not_asked(Path("tests/services/lambda_/test_invoke.py")) is None
    assert folder_not_asked(Path("tests/services/logs/test_events.py")) == "tests/services/logs"
    assert folder_not_asked(Path("tests/services/cloudformation/a/test_x.py")) == "tests/services/cloudformation"
    assert folder_not_asked(Path("test_it.py")) is None
