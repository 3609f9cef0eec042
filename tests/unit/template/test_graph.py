from __future__ import annotations

import pytest

from lambent.template.document import TemplateError, read_template
from lambent.template.graph import dependencies, in_order


def test_references_of_every_kind_are_needs() -> None:
    template = read_template(
        {
            "Resources": {
                "A": {"Type": "T"},
                "B": {"Type": "T", "Properties": {"P": {"Ref": "A"}}},
                "C": {"Type": "T", "Properties": {"P": {"Fn::GetAtt": ["B", "Arn"]}}},
                "D": {"Type": "T", "Properties": {"P": {"Fn::Sub": "${A}/${C.Arn}/${AWS::Region}/${!B}"}}},
                "E": {"Type": "T", "DependsOn": ["D", "A"]},
            }
        }
    )
    assert dependencies(template.resources) == {
        "A": frozenset(),
        "B": {"A"},
        "C": {"B"},
        "D": {"A", "C"},
        "E": {"A", "D"},
    }


def test_the_order_has_needs_first() -> None:
    assert in_order({"C": frozenset({"B"}), "B": frozenset({"A"}), "A": frozenset()}) == ["A", "B", "C"]


def test_a_circle_is_refused_in_awss_words() -> None:
    with pytest.raises(TemplateError, match=r"^Circular dependency between resources: \[A, B\]$"):
        in_order({"A": frozenset({"B"}), "B": frozenset({"A"})})
