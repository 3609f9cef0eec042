from __future__ import annotations

from typing import Any

import pytest

from lambent.cloud.services.cloudformation.transforms.declared import Transform, at_top, names, of_part
from lambent.template.document import TemplateError


def test_transforms_are_named_by_text_by_map_and_in_lists() -> None:
    assert at_top({"Transform": "A"}) == [Transform("A")]
    assert at_top({"Transform": ["A", {"Name": "B", "Parameters": {"c": 1}}]}) == [
        Transform("A"),
        Transform("B", {"c": 1}),
    ]
    assert at_top({"Resources": {}}) == []
    assert of_part([{"Name": "A"}, "B"]) == [Transform("A"), Transform("B")]


def test_those_inside_are_found_wherever_they_stand_each_once() -> None:
    document = {
        "Transform": ["A"],
        "Resources": {"R": {"Properties": {"Fn::Transform": "B", "List": [{"Fn::Transform": ["C", "A"]}]}}},
    }
    assert names(document) == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("one", "words"),
    [
        ({"Name": {"Ref": "X"}}, "Key Name of transform definition must be a string."),
        ({"Parameters": {}}, "Key Name of transform definition must be a string."),
        (1, "Key Name of transform definition must be a string."),
        ({"Name": "A", "Parameters": [1]}, "Key Parameters of transform definition must be a map."),
    ],
)
def test_a_bad_form_is_refused(one: Any, words: str) -> None:  # Any: a transform of a template
    with pytest.raises(TemplateError) as refused:
        of_part(one)
    assert str(refused.value) == words
