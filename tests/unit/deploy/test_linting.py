"""What is said of a template before it is deployed, beside what cfn-lint says."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambent.base.diagnostics import Severity
from lambent.deploy.linting import lint

FUNCTION = """Resources:
  Role:
    Type: AWS::IAM::Role
    Properties: {{AssumeRolePolicyDocument: {{}}}}
  Work:
    Type: AWS::Lambda::Function
    Properties: {properties}
"""
SAM = """Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: ruby3.4, Handler: app.handler}}
Resources:
  Old: {Type: AWS::Serverless::Function, Properties: {CodeUri: src}}
  New: {Type: AWS::Serverless::Function, Properties: {CodeUri: src, Runtime: python3.13}}
"""


def notes(text: str, folder: Path) -> list[tuple[str, int]]:
    file = folder / "template.yaml"
    file.write_text(text)
    found = [one for one in lint(text, file) if one.rule == "not-simulated"]
    assert all(one.severity is Severity.NOTE for one in found)
    return [(one.message, one.span.line) for one in found if one.span is not None]


def test_a_runtime_that_is_not_run_here_is_noted(tmp_path: Path) -> None:
    expected = (
        "Work is accepted here, but functions of java21 do not run: invoking one answers InvalidRuntimeException",
        5,
    )
    assert notes(FUNCTION.format(properties="{Runtime: java21}"), tmp_path) == [expected]


def test_an_image_is_noted(tmp_path: Path) -> None:
    text = FUNCTION.format(properties="{PackageType: Image, Code: {ImageUri: x}}")
    assert notes(text, tmp_path) == [
        ("Work is accepted here, but an image needs podman or docker, which the platform does not use", 5)
    ]


def test_what_the_globals_say_holds_for_functions_of_sam(tmp_path: Path) -> None:
    assert [message.split()[0] for message, _ in notes(SAM, tmp_path)] == ["Old"]


def test_alarms_dashboards_and_traces_are_noted(tmp_path: Path) -> None:
    traced = FUNCTION.format(properties="{Runtime: python3.13, TracingConfig: {Mode: Active}}")
    watched = """  TooMany: {Type: AWS::CloudWatch::Alarm, Properties: {MetricName: Errors}}
  Board: {Type: AWS::CloudWatch::Dashboard, Properties: {DashboardBody: "{}"}}
"""
    assert notes(traced + watched, tmp_path) == [
        ("Work is accepted here, but no segments of its traces are recorded", 5),
        ("TooMany is accepted here, but nothing evaluates it, and its actions are not taken", 8),
        ("Board is accepted here, but nothing draws it", 9),
    ]


@pytest.mark.parametrize("properties", ["{Runtime: nodejs22.x}", "{Runtime: !Ref Given}", "{}", "null"])
def test_what_runs_here_or_is_known_later_is_not_noted(tmp_path: Path, properties: str) -> None:
    assert notes(FUNCTION.format(properties=properties), tmp_path) == []
