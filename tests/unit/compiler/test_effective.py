"""A function's words and the manifest's defaults, together."""

from __future__ import annotations

from typing import Any

import pytest

from lambent.manifest.effective import effective_functions
from lambent.manifest.system import Function, System

Said = dict[str, Any]  # Any: a manifest as YAML gives it


def effective(defaults: Said, function: Said) -> Function:
    functions = {"f": {"code": "src", **function}}
    return effective_functions(System.model_validate({"stack": "s", "defaults": defaults, "functions": functions}))["f"]


@pytest.mark.parametrize(
    ("field", "default", "own", "together"),
    [
        ("memory", 512, None, 512),
        ("memory", 512, {"memory": 1024}, 1024),
        ("role", "arn:a", {"role": None}, None),
        ("timeout", "30s", None, 30),
        ("reserved_concurrency", None, {"reserved_concurrency": 0}, 0),
        ("runtime", "python3.13", {"code": {"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/a:1"}}, None),
    ],
)
def test_the_function_s_word_goes_over_the_default_s(
    field: str, default: object, own: Said | None, together: object
) -> None:
    defaults = {} if default is None else {field: default}
    assert getattr(effective(defaults, own or {}), field) == together


@pytest.mark.parametrize("field", ["environment", "tags"])
def test_maps_are_merged_key_by_key(field: str) -> None:
    merged = getattr(effective({field: {"A": "1", "B": "2"}}, {field: {"B": "3", "C": "4"}}), field)
    assert {key: str(value) for key, value in merged.items()} == {"A": "1", "B": "3", "C": "4"}


def test_an_empty_map_adds_nothing_and_takes_nothing_away() -> None:
    assert list(effective({"tags": {"A": "1"}}, {"tags": {}}).tags) == ["A"]


def test_logs_are_merged_field_by_field_and_a_field_can_be_taken_away() -> None:
    logs = effective({"logs": {"retention": 7, "format": "json"}}, {"logs": {"level": "DEBUG", "retention": None}}).logs
    assert logs is not None
    assert (logs.retention, logs.format, logs.level) == (None, "json", "DEBUG")
    assert "retention" in logs.model_fields_set


def test_policies_of_a_function_follow_the_defaults() -> None:
    assert list(map(str, effective({"policies": ["A"]}, {"policies": ["B"]}).policies or [])) == ["A", "B"]
    assert effective({"policies": ["A"]}, {"policies": None}).policies is None


def test_layers_and_networks_are_taken_whole() -> None:
    defaults = {"layers": ["a", "b"], "vpc": {"subnets": ["s"], "security_groups": ["g"]}}
    function = effective(defaults, {"layers": "c", "vpc": {"subnets": ["t"]}})
    assert list(map(str, function.layers or ())) == ["c"]
    assert function.vpc is not None
    assert function.vpc.security_groups == ()
