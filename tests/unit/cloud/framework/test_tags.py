"""Which tags may be put on a resource."""

from __future__ import annotations

import pytest

from lambent.cloud.framework.tags import MOST_TAGS, TagProblem, find_problem


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ({}, None),
        ({"Team": "a b+c-d=e.f_g:h/i@j"}, None),
        ({"Größe": "äöü", "k" * 128: "v" * 256, "empty": ""}, None),
        ({"": "v"}, TagProblem.KEY_LENGTH),
        ({"k" * 129: "v"}, TagProblem.KEY_LENGTH),
        ({"k": "v" * 257}, TagProblem.VALUE_LENGTH),
        ({"aws:team": "v"}, TagProblem.RESERVED_PREFIX),
        ({"AWS:team": "v"}, TagProblem.RESERVED_PREFIX),
        ({"k<": "v"}, TagProblem.KEY_CHARACTERS),
        ({"k": "v#"}, TagProblem.VALUE_CHARACTERS),
    ],
)
def test_each_rule_has_its_problem(added: dict[str, str], expected: TagProblem | None) -> None:
    assert find_problem(added) is expected


def test_tags_that_are_there_count_once_and_those_of_aws_not_at_all() -> None:
    present = {f"k{number}": "v" for number in range(MOST_TAGS)}
    assert find_problem({"k0": "changed"}, present) is None
    assert find_problem({"one-more": "v"}, present) is TagProblem.TOO_MANY
    del present["k1"]
    assert find_problem({"one-more": "v"}, {**present, "aws:cloudformation:stack-name": "s"}) is None
