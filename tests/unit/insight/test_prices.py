"""The price file that comes along, and what price files may say."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest

from lambent.aws.instance_types import INSTANCE_TYPES
from lambent.insight.figures import InsightError
from lambent.insight.price_files import read_prices, shipped_prices
from lambent.insight.prices import PriceBook, Source, commitment_name

SOURCE = {"title": "AWS Price List", "url": "https://aws.amazon.com/", "date": "2026-11-01"}
SMALL: dict[str, Any] = {  # Any: JSON
    "sources": {"list": SOURCE},
    "regions": {
        "eu-west-1": {
            "managed": {"source": "list", "request": "0.0000002", "fee": "0.15"},
            "ec2": {"source": "list", "on_demand": {"m7g.large": "0.0912"}, "commitments": []},
        }
    },
}


def changed(*path: str, value: object) -> PriceBook:
    document = copy.deepcopy(SMALL)
    place = document
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return PriceBook(document, "mine.json")


def test_every_managed_instance_type_has_a_price_with_a_dated_source() -> None:
    book = shipped_prices()
    assert book.regions == ("us-east-1",)
    for each in INSTANCE_TYPES:
        price = book.instance("us-east-1", each.name).on_demand
        assert price.usd > 0
        assert price.source.date
        assert price.source.url.startswith("https://")


def test_prices_grow_with_a_family_s_vcpus() -> None:
    book = shipped_prices()
    for each in INSTANCE_TYPES:
        large = book.instance("us-east-1", f"{each.family}.large").on_demand.usd
        assert book.instance("us-east-1", each.name).on_demand.usd == large * each.vcpus / 2


def test_a_rate_of_the_very_type_goes_before_a_discount_of_its_family() -> None:
    book = shipped_prices()
    rate = book.instance("us-east-1", "m7g.xlarge").commitments["compute-sp-3y"]
    discounted = book.instance("us-east-1", "m7g.large").commitments["compute-sp-3y"]
    assert rate.usd == Decimal("0.0457")
    assert rate.source.url == "https://aws.amazon.com/lambda/pricing/"
    assert discounted.usd == Decimal("0.0816") * Decimal("0.35")
    assert "calculator" in discounted.source.title.lower()


def test_what_is_not_published_here_is_not_guessed() -> None:
    instance = shipped_prices().instance("us-east-1", "m7i.large")
    assert dict(instance.commitments) == {}
    assert instance.hourly("reserved-3y") is None
    own = instance.discounted(Decimal("0.4"), Source("told", "", ""))
    assert own.hourly("own") is not None
    assert own.commitments["own"].usd == instance.on_demand.usd * Decimal("0.6")


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda book: book.functions("eu-west-1", "x86_64"), "no prices of eu-west-1, only of us-east-1"),
        (lambda book: book.functions("us-east-1", "sparc"), "no prices of sparc"),
        (lambda book: book.instance("us-east-1", "m4.large"), "no on-demand price of m4.large"),
        (lambda book: book.managed("nowhere"), "no prices of nowhere"),
    ],
)
def test_what_the_file_lacks_is_refused_with_what_to_do(ask: Callable[[PriceBook], object], said: str) -> None:
    with pytest.raises(InsightError) as caught:
        ask(shipped_prices())
    assert said in caught.value.message
    assert "--prices" in caught.value.advice


def test_a_file_of_one_s_own_is_read() -> None:
    book = read_prices(json.dumps(SMALL), "mine.json")
    assert book.instance("eu-west-1", "m7g.large").on_demand.usd == Decimal("0.0912")
    assert book.has_instance("eu-west-1", "m7g.large")
    assert not book.has_instance("eu-west-1", "m7g.xlarge")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"regions": {}}'])
def test_what_is_no_price_file_is_refused(text: str) -> None:
    with pytest.raises(InsightError):
        read_prices(text, "mine.json")


@pytest.mark.parametrize("usd", [0.0912, "much", "-1", None, True, "NaN"])
def test_a_price_is_written_in_decimals(usd: object) -> None:
    book = changed("regions", "eu-west-1", "managed", "fee", value=usd)
    with pytest.raises(InsightError, match="no price"):
        book.managed("eu-west-1")


def test_a_price_has_a_source() -> None:
    book = changed("regions", "eu-west-1", "managed", "source", value="hearsay")
    with pytest.raises(InsightError, match="without a source"):
        book.managed("eu-west-1")


def test_a_part_that_lacks_a_price_is_named() -> None:
    book = changed("regions", "eu-west-1", "lambda", value={"source": "list", "x86_64": {"duration": [[None, "1"]]}})
    with pytest.raises(InsightError, match="lacks 'free' of eu-west-1, lambda"):
        book.functions("eu-west-1", "x86_64")


def test_ways_to_pay_have_names() -> None:
    assert commitment_name("reserved-3y-all") == "Reserved Instance, 3 years, all upfront"
    commitments = [{"name": "barter", "source": "list", "rates": {"m7g.large": "0.01"}}]
    with pytest.raises(InsightError, match="no way to pay"):
        changed("regions", "eu-west-1", "ec2", "commitments", value=commitments).instance("eu-west-1", "m7g.large")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("lambda", "x86_64", "duration"), [], "without a price"),
        (("lambda", "x86_64", "duration"), [["6", "0.1"]], "without a price"),
        (("lambda", "x86_64", "duration"), [["6", "0.1"], ["5", "0.1"], [None, "0.1"]], "without a price"),
        (("lambda", "x86_64", "duration"), 3, "no pairs"),
        (("lambda", "free"), 3, "where free belongs"),
        (("lambda", "discounts"), [1], "where discounts belongs"),
        (("ec2", "on_demand"), [], "where on_demand belongs"),
        (("ec2", "commitments"), 3, "no list"),
        (("ec2", "commitments"), [3], "where a commitment belongs"),
        (("ec2", "commitments"), [{"name": "ec2-sp-1y", "source": "list", "rates": 3}], "where rates belongs"),
        (
            ("ec2", "commitments"),
            [{"name": "ec2-sp-1y", "source": "list", "families": ["m7g"], "discount": "1.7"}],
            "no share of a price",
        ),
        (("managed", "fee"), "15", "no share of a price"),
    ],
)
def test_a_file_that_would_count_wrongly_is_refused(path: tuple[str, ...], value: object, said: str) -> None:
    document = json.loads(files("lambent.insight.data").joinpath("prices.json").read_text(encoding="utf-8"))
    document["regions"]["us-east-1"][path[0]]["source"] = "list"
    document["sources"]["list"] = SOURCE
    place = document["regions"]["us-east-1"]
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(InsightError, match=said) as caught:
        asked_everything(PriceBook(document, "mine.json"))
    assert caught.value.advice


def asked_everything(book: PriceBook) -> None:
    book.functions("us-east-1", "x86_64")
    book.instance("us-east-1", "m7g.large")
    book.managed("us-east-1")


def test_sources_and_regions_are_objects() -> None:
    with pytest.raises(InsightError, match="where source 'l' belongs"):
        read_prices('{"sources": {"l": 3}, "regions": {}}', "mine.json")
    with pytest.raises(InsightError, match="where us-east-1 belongs"):
        PriceBook({"sources": {}, "regions": {"us-east-1": 3}}, "mine.json").managed("us-east-1")
