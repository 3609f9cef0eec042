"""An alias with weights: which version serves, exactly and by the thousand."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.base.identifiers import IdSource, SeededIds, SystemIds
from lambent.cloud.services.lambda_.invocation import resolve
from lambent.cloud.services.lambda_.model.function import Alias
from lambent.cloud.services.lambda_.model.provisioned import ProvisionedConfig, by_version
from lambent.cloud.services.lambda_.model.state import State
from lambent.cloud.services.lambda_.routing import FunctionRoute, VersionRoute
from lambent.cloud.store.scope import Scope
from lambent.dataplane import FunctionArn, FunctionSpec, VersionArn

SCOPE = Scope("123456789012", "eu-west-1")
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"


def alias(weights: dict[str, float], version: str = "1") -> Alias:
    return Alias(SCOPE, "f", "live", version, "", weights, "")


def route(weights: dict[str, float]) -> FunctionRoute:
    def version(number: str) -> VersionRoute:
        spec = FunctionSpec(
            FunctionArn(ARN), VersionArn(f"{ARN}:{number}"), number, SCOPE.account, SCOPE.region, "f", number,
            "python3.13", "app.handler", "role", Path("/code"),
        )  # fmt: skip
        return VersionRoute(number, f"{ARN}:{number}", FunctionArn(ARN), State.ACTIVE, spec, (), None, None)

    versions = {number: version(number) for number in ("$LATEST", "1", "2")}
    return FunctionRoute(SCOPE, "f", ARN, versions["$LATEST"], versions, {"live": alias(weights)}, {}, None)


@pytest.mark.parametrize(
    ("weight", "fraction", "version"),
    [
        (0.25, 0.0, "2"),
        (0.25, math.nextafter(0.25, 0), "2"),
        (0.25, 0.25, "1"),
        (0.25, math.nextafter(1.0, 0), "1"),
        (0.0, 0.0, "1"),
        (1.0, math.nextafter(1.0, 0), "2"),
    ],
)
def test_the_number_drawn_decides(weight: float, fraction: float, version: str) -> None:
    found = resolve(route({"2": weight}), "live", fraction)
    assert found is not None
    assert (found.version, found.arn) == (version, f"{ARN}:{version}")


@given(st.floats(0, 1, exclude_max=True))
def test_nothing_is_drawn_for_other_qualifiers(fraction: float) -> None:
    weighted = route({"2": 0.5})
    for qualifier, expected in ((None, "$LATEST"), ("$LATEST", "$LATEST"), ("1", "1"), ("2", "2")):
        found = resolve(weighted, qualifier, fraction)
        assert found is not None
        assert found.version == expected
    assert resolve(weighted, "3", fraction) is None
    plain = resolve(route({}), "live", fraction)
    assert plain is not None
    assert plain.version == "1"


@pytest.mark.parametrize("source", [SeededIds(2026), SystemIds()], ids=["seeded", "system"])
@pytest.mark.parametrize("weight", [0.01, 0.1, 0.25, 0.5, 0.9])
def test_thousands_of_draws_are_divided_as_the_weights_say(weight: float, source: IdSource) -> None:
    draws = 40_000
    live = alias({"2": weight})
    chosen = [live.choose(source.fraction()) for _ in range(draws)]
    # Six standard deviations of the binomial distribution: exceeded once in 500 million runs.
    allowed = 6 * math.sqrt(draws * weight * (1 - weight))
    assert abs(chosen.count("2") - draws * weight) <= allowed
    assert chosen.count("1") + chosen.count("2") == draws
    # Nor do they come in turns: how often one follows itself is what independent draws make it.
    again = sum(one == next_one for one, next_one in itertools.pairwise(chosen))
    expected = weight**2 + (1 - weight) ** 2
    assert abs(again - draws * expected) <= 12 * math.sqrt(draws * expected * (1 - expected))


@pytest.mark.parametrize(
    ("requested", "weight", "expected"),
    [
        (4, 0.25, {"1": 3, "2": 1}),
        (10, 0.01, {"1": 10, "2": 0}),
        (1, 0.5, {"1": 1, "2": 0}),
        (3, 1.0, {"1": 0, "2": 3}),
        (3, 0.0, {"1": 3, "2": 0}),
    ],
)
def test_what_an_alias_provisions_is_divided_by_its_weights(
    requested: int, weight: float, expected: dict[str, int]
) -> None:
    configs = {"live": ProvisionedConfig(requested, 0.0)}
    assert by_version(configs, {"live": alias({"2": weight})}) == expected
