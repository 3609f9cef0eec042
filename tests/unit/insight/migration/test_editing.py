"""Manifests are changed where they have to be, and nowhere else."""

from __future__ import annotations

import pytest

from lambent.insight.migration.editing import ManifestText, scalar
from lambent.manifest.syntax import read

TEXT = """\
# A shop.
stack: shop
defaults: {runtime: python3.11, memory: 256}  # for all

functions:
  # The one that makes reports.
  report:  # trailing
    code: src
    handler: app.handler   # aligned
    memory: 128  # small
    triggers:
    - sqs: jobs
    vpc:
      subnets: [a, b]
      # inside
    # Logs are text.
    logs: {format: text, level: INFO}
    snap_start: true
  other: {code: src, handler: b.c, snap_start: true, memory: 128}

# About queues.
queues:
  jobs: {}
"""


def made() -> ManifestText:
    return ManifestText(TEXT, "lambent.yaml")


def test_a_value_is_replaced_where_it_stands() -> None:
    text = made()
    text.put(("functions", "report", "memory"), 2048)
    text.put(("functions", "report", "logs", "format"), "json")
    assert text.text == TEXT.replace("memory: 128  # small", "memory: 2048  # small").replace(
        "format: text", "format: json"
    )


def test_a_key_is_taken_out_with_all_that_belongs_to_it() -> None:
    text = made()
    text.drop(("functions", "report", "vpc"))
    text.drop(("functions", "report", "snap_start"))
    expected = TEXT.replace("    vpc:\n      subnets: [a, b]\n      # inside\n", "").replace(
        "    snap_start: true\n", ""
    )
    assert text.value(("functions", "report")) == read(expected, "x")[0]["functions"]["report"]
    assert "# Logs are text." in text.text
    assert "vpc" not in text.text


@pytest.mark.parametrize("name", ["code", "snap_start", "memory"])
def test_a_key_is_taken_out_of_a_mapping_on_one_line(name: str) -> None:
    text = made()
    text.drop(("functions", "other", name))
    wanted = {key: value for key, value in read(TEXT, "x")[0]["functions"]["other"].items() if key != name}
    assert text.value(("functions", "other")) == wanted
    assert text.text.count("\n") == TEXT.count("\n")


def test_a_mapping_that_is_left_empty_goes_too() -> None:
    text = ManifestText("stack: x\nenvironments:\n  prod:\n    functions: {a: {memory: 256}}\n    tags: {a: b}\n", "x")
    text.drop(("environments", "prod", "functions", "a", "memory"))
    assert text.value(("environments", "prod")) == {"tags": {"a": "b"}}


def test_new_keys_stand_behind_their_neighbours_and_new_functions_behind_the_last() -> None:
    text = made()
    text.put(
        ("functions", "report", "capacity_provider"), {"provider": "${capacity_providers.x}", "memory_per_vcpu": 2}
    )
    text.put(("functions", "report-beside"), {"name": "z", "triggers": [{"sqs": "jobs"}], "environment": {"A": "b: c"}})
    text.put(("functions", "other", "timeout"), 30)
    lines = text.text.splitlines()
    at = lines.index("    memory: 128  # small")
    assert lines[at + 1 : at + 4] == [
        "    capacity_provider:",
        '      provider: "${capacity_providers.x}"',
        "      memory_per_vcpu: 2",
    ]
    found = read(text.text, "x")[0]
    assert list(found["functions"]) == ["report", "other", "report-beside"]
    assert found["functions"]["report-beside"]["environment"] == {"A": "b: c"}
    assert found["functions"]["other"]["timeout"] == 30
    assert [line for line in TEXT.splitlines() if "#" in line] == [line for line in lines if "#" in line]


@pytest.mark.parametrize(
    "text", ["on", "yes", "12", "1e3", "null", "a: b", "- a", "", " a", "x #y", "${a.b}", "2024-01-01", "~"]
)
def test_texts_that_look_like_something_else_are_quoted(text: str) -> None:
    assert read(f"stack: x\nvalue: {scalar(text)}\n", "x")[0]["value"] == text
