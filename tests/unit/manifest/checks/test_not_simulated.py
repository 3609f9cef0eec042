"""What is sound on AWS and has no effect on the platform here, told before anything is deployed."""

from __future__ import annotations

import pytest

from lambent.base.diagnostics import Severity
from lambent.manifest.load import load

ZIP = "stack: s\nfunctions:\n  f:\n    code: src\n    handler: app.handler\n    runtime: {}\n"
IMAGE = "stack: s\nfunctions:\n  f:\n    code: {image: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1}\n"


def notes(text: str) -> list[tuple[str, str]]:
    found = [one for one in load(text, "lambent.yaml").diagnostics if one.rule == "not-simulated"]
    assert all(one.severity is Severity.NOTE and one.span is not None for one in found)
    return [(one.message, one.advice) for one in found]


@pytest.mark.parametrize("runtime", ["java21", "dotnet8", "ruby3.4", "java8.al2"])
def test_a_runtime_that_is_not_run_here_is_noted(runtime: str) -> None:
    message = (
        f"`runtime` is accepted here, but functions of {runtime} do not run: invoking one answers "
        "InvalidRuntimeException"
    )
    assert notes(ZIP.format(runtime)) == [(message, "On AWS it has its effect.")]


def test_an_image_is_noted() -> None:
    message = "`code` is accepted here, but an image needs podman or docker, which the platform does not use"
    assert notes(IMAGE) == [(message, "On AWS it has its effect.")]


@pytest.mark.parametrize("runtime", ["python3.13", "nodejs22.x", "provided.al2023"])
def test_what_runs_here_is_not_noted(runtime: str) -> None:
    assert notes(ZIP.format(runtime)) == []


@pytest.mark.parametrize(("owner", "found"), [("017000801446", ["layer-elsewhere"]), ("000000000000", [])])
def test_a_layer_of_another_account_is_noted(owner: str, found: list[str]) -> None:
    text = ZIP.format("python3.13") + f"    layers: ['arn:aws:lambda:eu-west-1:{owner}:layer:Powertools:7']\n"
    notes = [one for one in load(text, "lambent.yaml").diagnostics if one.severity is Severity.NOTE]
    assert [one.rule for one in notes] == found
    assert all("no layers of account 017000801446" in one.message for one in notes)
