"""The compiler, case by case: a manifest becomes what its golden file says, and CloudFormation would take it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.golden.golden import CASES, cases, compiled, deployable, expected_files

ACCEPTED = [case for case in cases() if case.with_suffix(".template.yaml").exists()]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.stem)
def test_a_manifest_becomes_what_its_golden_file_says(case: Path) -> None:
    for path, text in expected_files(case).items():
        assert path.exists(), "python -m tests.golden.golden writes it"
        assert text == path.read_text()


def test_no_golden_file_is_left_without_a_case() -> None:
    golden = {*CASES.glob("*.template.yaml"), *CASES.glob("*.errors.txt")}
    assert golden == {path for case in cases() for path in expected_files(case)}


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.stem)
def test_cloudformation_s_own_linter_finds_nothing(case: Path, pytestconfig: pytest.Config) -> None:
    api = pytest.importorskip("cfnlint.api")
    version = pytest.importorskip("cfnlint.version").__version__
    template = json.dumps(deployable(compiled(case)))
    # It takes half a second for a template, and says the same of the same template: once is enough.
    known = f"lambent/cfn-lint/{hashlib.sha256(f'{version}{template}'.encode()).hexdigest()}"
    if pytestconfig.cache.get(known, default=False):
        return
    found = [f"{match.rule.id} {match.message}" for match in api.lint(template, regions=["us-east-1"])]
    assert found == []
    pytestconfig.cache.set(known, value=True)
