from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from scripts.generate_shapes import generate, stale_files

ROOT = Path(__file__).parents[3]


def test_checked_in_shapes_are_fresh() -> None:
    finished = subprocess.run(
        [sys.executable, "scripts/generate_shapes.py", "--check"], cwd=ROOT, check=False, capture_output=True, text=True
    )

    assert (finished.returncode, finished.stderr) == (0, "")


def test_generated_shapes_are_the_same_whatever_order_is_asked_and_say_what_the_model_says() -> None:
    text = generate("lambda", ["Invoke", "CreateAlias"])

    assert text == generate("lambda", ["CreateAlias", "Invoke", "Invoke"])
    assert "    FunctionName: Required[str]\n" in text
    assert "    AdditionalVersionWeights: Mapping[str, float]\n" in text
    compile(text, "shapes.py", "exec")


def test_edited_file_is_not_fresh(tmp_path: Path) -> None:
    fresh, edited = tmp_path / "fresh.py", tmp_path / "edited.py"
    text = generate("sts", ["GetCallerIdentity"])
    fresh.write_text(text)
    edited.write_text(text.replace("Account: str", "Account: int"))

    assert list(stale_files([fresh, edited])) == [edited]
