from __future__ import annotations

from typing import Any

import pytest

from lambent.cloud.services.cloudformation.transforms.language_extensions import extended
from lambent.template.document import TemplateError
from lambent.template.intrinsics import Environment

AROUND = Environment({"Names": ["a", "b-c"], "Policy": "Retain"})


def test_loops_make_a_member_for_each_item() -> None:
    document = {
        "Mappings": {"M": {"k": {"Sizes": ["1", "2"]}}},
        "Resources": {
            "Fn::ForEach::Groups": [
                "Name",
                {"Ref": "Names"},
                {"Group&{Name}": {"Type": "T", "Properties": {"P": {"Ref": "Name"}, "Q": "${Name}-q"}}},
            ],
            "Kept": {"Type": "T"},
        },
        "Outputs": {
            "Fn::ForEach::Outer": [
                "X",
                ["1", "2"],
                {"Fn::ForEach::Inner": ["Y", {"Fn::FindInMap": ["M", "k", "Sizes"]}, {"O${X}${Y}": {"Value": "${Y}"}}]},
            ]
        },
    }
    found = extended(document, AROUND)
    assert found["Resources"] == {
        "Groupa": {"Type": "T", "Properties": {"P": "a", "Q": "a-q"}},
        "Groupbc": {"Type": "T", "Properties": {"P": "b-c", "Q": "b-c-q"}},
        "Kept": {"Type": "T"},
    }
    assert {name: one["Value"] for name, one in found["Outputs"].items()} == {
        "O11": "1",
        "O12": "2",
        "O21": "1",
        "O22": "2",
    }


def test_policies_become_values() -> None:
    conditions = {"C": {"Fn::Equals": [{"Ref": "Policy"}, "Retain"]}}
    policies = {"DeletionPolicy": {"Ref": "Policy"}, "UpdateReplacePolicy": {"Fn::If": ["C", "Delete", "Retain"]}}
    found = extended({"Conditions": conditions, "Resources": {"A": {"Type": "T", **policies}}}, AROUND)
    assert found["Resources"] == {"A": {"Type": "T", "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Delete"}}


@pytest.mark.parametrize("argument", [["X", ["a"]], ["X", ["a"], {}], "X", [1, ["a"], {"k": 1}]])
def test_a_malformed_loop_is_refused(argument: Any) -> None:  # Any: what stands under Fn::ForEach
    with pytest.raises(TemplateError, match=r"^Template error: Fn::ForEach::L layout is incorrect\.$"):
        extended({"Resources": {"Fn::ForEach::L": argument}}, AROUND)
