from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.dynamodb.model.encoding import packed, unpacked_item
from lambent.cloud.services.dynamodb.model.numbers import added, encoded, normalised, subtracted
from lambent.cloud.services.dynamodb.model.values import checked_item, equal, item_size

digits = st.integers(min_value=-(10**38) + 1, max_value=10**38 - 1)
numbers = st.builds(lambda number, scale: f"{number}E{scale}", digits, st.integers(-90, 80))
scalars = st.one_of(
    st.builds(lambda text: {"S": text}, st.text(max_size=5)),
    st.builds(lambda number: {"N": number}, numbers),
    st.builds(lambda content: {"B": content}, st.binary(max_size=5)),
    st.just({"NULL": True}),
    st.builds(lambda flag: {"BOOL": flag}, st.booleans()),
    st.builds(lambda members: {"BS": list(members)}, st.sets(st.binary(max_size=3), min_size=1, max_size=3)),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.builds(lambda listed: {"L": listed}, st.lists(inner, max_size=3)),
        st.builds(lambda named: {"M": named}, st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    ),
    max_leaves=8,
)


@given(numbers, numbers)
def test_encoded_numbers_sort_as_numbers_do(left: str, right: str) -> None:
    one, other = normalised(left), normalised(right)
    assert (encoded(one) < encoded(other)) == (Decimal(one) < Decimal(other))
    assert (encoded(one) == encoded(other)) == (Decimal(one) == Decimal(other))


@given(numbers)
def test_normalising_keeps_the_number_and_is_done_once(number: str) -> None:
    shown = normalised(number)
    assert Decimal(shown) == Decimal(number)
    assert normalised(shown) == shown
    assert "E" not in shown


@pytest.mark.parametrize("text", ["1e126", "1e9999999", "-1E999999999999999999999", "1" * 2_000_000])
def test_numbers_too_large_for_any_arithmetic_are_refused_as_others_are(text: str) -> None:
    with pytest.raises(ServiceError, match="Number overflow"):
        normalised(text)


@pytest.mark.parametrize("text", ["1e-131", "1e-9999999", "-1e-999999999999999999999"])
def test_numbers_too_small_for_any_arithmetic_are_not_taken_for_zero(text: str) -> None:
    with pytest.raises(ServiceError, match="Number underflow"):
        normalised(text)
    assert normalised("0" + text[text.index("e") :]) == "0"


@given(st.integers(-(10**18), 10**18), st.integers(-(10**18), 10**18))
def test_sums_and_differences_are_exact(left: int, right: int) -> None:
    assert added(str(left), str(right)) == str(left + right)
    assert subtracted(str(left), str(right)) == str(left - right)


@given(st.dictionaries(st.text(min_size=1, max_size=3), values, max_size=4))
def test_items_come_back_from_their_rows(item: dict[str, dict[str, object]]) -> None:
    kept = checked_item(item)
    back = unpacked_item(packed(kept))
    assert back.keys() == kept.keys()
    assert all(equal(back[name], value) for name, value in kept.items())
    assert item_size(back) == item_size(kept)


def test_digits_beyond_those_of_both_operands_are_refused() -> None:
    with pytest.raises(ServiceError, match="more than 38 significant digits"):
        added("1e37", "1e-37".replace("e-37", "E-37"))
