"""YAML that comes to more than its text shows is refused before anything is built of it, with its place."""

from __future__ import annotations

import pytest

from lambent.base.yaml_bounds import YamlBoundError, require_bounded

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdef", "bcdefg", strict=True)
)
DEEP_BY_ALIASES = "a: &a " + "[" * 60 + "]" * 60 + "\nb: " + "[" * 60 + "*a" + "]" * 60 + "\n"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (BOMB, (6, 8), "more than 100,000 values"),
        (DEEP_BY_ALIASES, (2, 64), "more than 100 levels deep"),
        ("a: &a\n  b: *a\n", (2, 6), r"\*a stands inside of what it names"),
        ("a: " + "[" * 500_000, (1, 103), "more than 100 levels deep"),
        ("- " * 50_000, (1, 201), "more than 100 levels deep"),
    ],
)
def test_what_nobody_should_build_is_refused_with_its_place(text: str, place: tuple[int, int], words: str) -> None:
    with pytest.raises(YamlBoundError, match=words) as refused:
        require_bounded(text, allow_aliases=True)
    assert (refused.value.line, refused.value.column) == place


@pytest.mark.parametrize("text", ["a: &a 1\nb: *a\n", "a: &a {b: 1}\nc: {<<: *a}\n"])
def test_aliases_are_refused_where_none_may_be(text: str) -> None:
    require_bounded(text, allow_aliases=True)
    with pytest.raises(YamlBoundError) as refused:
        require_bounded(text, allow_aliases=False)
    assert refused.value.is_alias


@pytest.mark.parametrize("text", ["", "a: [", "a: *nobody\n", "a: &a 1\n", "a: " + "[" * 99 + "]" * 99])
def test_everything_else_is_left_to_whoever_reads_it(text: str) -> None:
    require_bounded(text, allow_aliases=True)
