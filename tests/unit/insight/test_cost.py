"""What a function costs on demand and on managed instances, how many it takes, and where the two meet."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from lambent.aws.instance_types import matching
from lambent.insight.cost import (
    Comparison,
    FunctionSize,
    ManagedSize,
    Prices,
    billed_ms,
    compare,
    sensitivity,
)
from lambent.insight.figures import Basis, Figure, InsightError, Origin
from lambent.insight.price_files import shipped_prices
from lambent.insight.prices import ON_DEMAND
from lambent.insight.sizing import (
    Demand,
    Layout,
    environment_size,
    environments_per_instance,
    nearest_memory,
    shape_of,
)
from lambent.insight.traffic import Duration, Traffic, daily, parse_rate, steady

GIVEN = Origin(Basis.GIVEN, "--rate")
US = Prices(shipped_prices(), "us-east-1")


def traffic(rate: str = "200/s", duration_ms: float = 80) -> Traffic:
    return steady(parse_rate(rate), GIVEN, Duration(duration_ms, GIVEN))


def managed(*allowed: str, slots: int | None = None, memory_mb: int = 4096, arm: bool = False) -> ManagedSize:
    environment = environment_size(memory_mb, 2, slots, "python3.13")
    return ManagedSize(environment, matching("arm64" if arm else "x86_64", allowed=allowed))


def compared(of: Traffic, *allowed: str, slots: int | None = None, free_tier: bool = False) -> Comparison:
    size = FunctionSize("fibonacci", 4096)
    return compare(size, managed(*allowed, slots=slots), of, replace(US, free_tier=free_tier))


def test_both_models_are_priced_for_the_same_month() -> None:
    found = compared(traffic(), "m7i.xlarge")
    plain, option = found.options[0], found.managed
    assert option is not None
    requests = 200 * 730 * 3600
    assert plain.requests == requests
    # 4 GB, 80 ms, 525.6 M requests, 0.0000166667 each GB-s, and 0.20 a million
    assert plain.monthly == Decimal("2803.21") + Decimal("105.12")
    # one environment of 2 vCPUs fits m7i.xlarge, three are the least
    assert option.instance_type == "m7i.xlarge"
    assert option.instances == 3
    assert option.hours == 2_190
    assert {line.name: line.usd for line in option.lines} == {
        "requests": Decimal("105.12"),
        "EC2 instances": Decimal("441.50"),
        "management fee": Decimal("66.23"),
    }
    assert found.cheapest is option


def test_instances_follow_slots_at_the_target_utilisation() -> None:
    found = compared(traffic("2000/s", 500), "m7i.xlarge")
    # 1,000 requests at once, 32 slots an environment held at 60 %: 52.08 environments, one to an instance
    assert (found.peak_environments, found.peak_instances) == (53, 53)


def test_instances_follow_cpu_where_that_is_what_binds() -> None:
    busy = replace(traffic("200/s", 80), cpu_ms=Figure(80, GIVEN))
    found = compared(busy, "m7i.xlarge")
    # 16 vCPUs busy, 2 an environment held at 60 %: 13.3 environments
    assert found.peak_environments == 14


def test_an_instance_keeps_a_vcpu_and_a_gigabyte() -> None:
    by_name = {one.name: one for one in matching("x86_64")}
    small, large = environment_size(2048, 2, None, None), environment_size(16_384, 2, None, None)
    assert environments_per_instance(by_name["c7i.large"], small) == 1
    assert environments_per_instance(by_name["c7i.xlarge"], small) == 3
    assert environments_per_instance(by_name["c7i.2xlarge"], large) == 0
    assert environments_per_instance(by_name["m7i.2xlarge"], environment_size(32_768, 8, None, None)) == 0
    assert environments_per_instance(by_name["r7i.2xlarge"], environment_size(32_768, 8, None, None)) == 1


def test_aws_s_calculator_comes_to_the_same_packing() -> None:
    """c7g.xlarge, 2,048 MB, 4 of 100 requests at once: 25 environments, 3 to an instance, 9 instances.

    https://github.com/aws-samples/sample-aws-lambda-managed-instances (CALCULATOR_METHODOLOGY.md, example calculation)
    """
    instance = next(one for one in matching("arm64") if one.name == "c7g.xlarge")
    size = environment_size(2048, 2, 4, "python3.13")
    demand = Demand(Fraction(1), None, Fraction(1))
    layout = Layout(instance, environments_per_instance(instance, size), demand.rate_of(size))
    assert (layout.per_instance, layout.environments(Fraction(100)), layout.instances(Fraction(100))) == (3, 25, 9)


def test_the_cheapest_allowed_type_that_fits_is_taken() -> None:
    found = compared(traffic(), "c7i.large", "c7i.xlarge", "m7i.xlarge")
    assert found.fitting == ("c7i.xlarge", "m7i.xlarge")
    assert found.managed is not None
    assert found.managed.instance_type == "c7i.xlarge"
    assert compared(traffic()).managed.instance_type == "c6a.xlarge"  # type: ignore[union-attr]  # there is one


def test_larger_instances_win_where_they_waste_less() -> None:
    found = compared(traffic("20000/s", 500), "c7i.xlarge", "c7i.4xlarge")
    assert found.managed is not None
    assert found.managed.instance_type == "c7i.4xlarge"


def test_the_break_even_is_where_three_instances_cost_as_much_as_on_demand() -> None:
    found = compared(traffic(), "m7i.xlarge")
    option = found.managed
    assert option is not None
    assert option.break_even is not None
    three = 3 * 730 * Fraction("0.2016") * Fraction("1.15")
    request = Fraction("0.0000166667") * 4 * Fraction(80, 1000)  # requests themselves cost both the same
    assert option.break_even == three / request


@pytest.mark.parametrize("free_tier", [False, True])
@pytest.mark.parametrize("of", [traffic(), traffic("7/s", 900), daily(parse_rate("50/s"), parse_rate("400/s"), GIVEN)])
def test_at_the_break_even_both_cost_the_same_and_below_it_on_demand_costs_less(
    of: Traffic,
    *,
    free_tier: bool,
) -> None:
    of = of if of.duration else replace(of, duration=Duration(250, GIVEN))
    point = compared(of, "m7i.xlarge", free_tier=free_tier).managed.break_even  # type: ignore[union-attr]  # there is one
    assert point is not None
    for factor, cheaper in ((Fraction(98, 100), False), (Fraction(1000001, 1000000), True)):
        scaled = of.scaled(float(point * factor / Fraction(of.per_month)))
        found = compared(scaled, "m7i.xlarge", free_tier=free_tier)
        assert found.managed is not None
        assert (found.managed.monthly <= found.options[0].monthly + Decimal("0.03")) is cheaper


def test_one_request_at_once_of_brief_work_never_pays() -> None:
    size = FunctionSize("tiny", 128)
    busy = replace(traffic("200/s", 80), cpu_ms=Figure(80, GIVEN))
    environment = environment_size(2048, 2, 1, "python3.13")
    found = compare(size, ManagedSize(environment, matching("x86_64", allowed=("m7i.large",))), busy, US)
    assert found.managed is not None
    assert found.managed.break_even is None
    assert found.cheapest is not found.managed


def test_every_way_to_pay_that_is_known_is_an_option() -> None:
    found = compare(FunctionSize("f", 4096, "arm64"), managed("m7g.xlarge", arm=True), traffic(), US)
    options = {(one.name, one.discount): one for one in found.options}
    assert list(options) == [
        ("on demand", ON_DEMAND),
        ("on demand", "compute-sp-1y"),
        ("managed instances", ON_DEMAND),
        ("managed instances", "compute-sp-3y"),
        ("managed instances", "compute-sp-1y"),
        ("managed instances", "ec2-sp-1y"),
        ("managed instances", "reserved-3y"),
    ]
    fees = {one.lines[2].usd for one in found.options if one.is_managed}
    assert len(fees) == 1  # the fee is of the on-demand price
    assert options["managed instances", "compute-sp-3y"].lines[1].price.usd == Decimal("0.0457")


def test_a_discount_of_one_s_own_is_an_option_besides() -> None:
    found = compare(FunctionSize("f", 4096), managed("m7i.xlarge"), traffic(), replace(US, own_discount=Decimal("0.4")))
    own = found.options[-1]
    assert own.discount == "own"
    assert own.lines[1].price.usd == Decimal("0.2016") * Decimal("0.6")


def test_arm_costs_less_than_x86() -> None:
    arm = compare(FunctionSize("f", 4096, "arm64"), managed(arm=True), traffic(), US)
    assert arm.options[0].monthly < compared(traffic()).options[0].monthly


def test_capacity_stays_for_an_hour_after_a_peak() -> None:
    shape = shape_of(Traffic((0.0,) * 120 + (600.0,) + (0.0,) * 1319, 60.0, GIVEN))
    assert dict(shape.parts) == {Fraction(0): Fraction(1379, 1440), Fraction(1440): Fraction(61, 1440)}


def test_weeks_of_minutes_are_counted_in_a_moment_and_no_lower_than_they_are() -> None:
    uneven = tuple(1_000.0 + (minute * 7_919) % 10_007 for minute in range(10_080))
    shape = shape_of(Traffic(uneven, 60.0, GIVEN))
    assert len(shape.parts) <= 240
    assert sum(share for _, share in shape.parts) == 1
    assert shape.peak == Fraction(max(uneven)) / (Fraction(sum(uneven)) / len(uneven))


def test_a_peak_costs_instances_on_managed_and_nothing_on_demand() -> None:
    even = compared(traffic("500/s", 500), "m7i.xlarge")
    uneven = compared(daily(parse_rate("500/s"), parse_rate("2000/s"), GIVEN, Duration(500, GIVEN)), "m7i.xlarge")
    assert uneven.options[0].monthly == pytest.approx(even.options[0].monthly)
    assert uneven.managed is not None
    assert even.managed is not None
    assert uneven.managed.monthly > even.managed.monthly
    assert uneven.peak_instances == 53


def test_instance_hours_from_elsewhere_go_before_our_own() -> None:
    size = replace(managed("m7i.xlarge"), hours=(("m7i.xlarge", Fraction(5_000)),))
    found = compare(FunctionSize("f", 4096), size, traffic(), US)
    assert found.managed is not None
    assert found.managed.hours == 5_000


def test_measured_durations_were_rounded_up_when_billed() -> None:
    measured = Origin(Basis.MEASURED, "AWS")
    assert billed_ms(traffic(duration_ms=80.2)) == 81
    assert billed_ms(replace(traffic(), duration=Duration(80.2, measured))) == Decimal("80.7")
    with pytest.raises(InsightError, match="how long"):
        billed_ms(replace(traffic(), duration=None))


def test_provisioned_environments_serve_first() -> None:
    size = FunctionSize("f", 1024, provisioned=10)
    few, many = (compare(size, None, traffic(rate, 100), US).options[0] for rate in ("50/s", "150/s"))
    lines = {line.name: line.quantity for line in few.lines}
    assert lines["duration"] == 0
    assert lines["provisioned duration"] == 5 * 730 * 3600
    assert lines["provisioned concurrency"] == 10 * 730 * 3600
    assert {line.name: line.quantity for line in many.lines}["duration"] == 5 * 730 * 3600


def test_a_variation_changes_one_thing() -> None:
    varied = {one.name: one for one in sensitivity(FunctionSize("f", 4096), managed("m7i.xlarge"), traffic(), US)}
    assert list(varied) == ["half the duration", "twice the duration", "16 requests at once", "64 requests at once"]
    assert varied["twice the duration"].on_demand > varied["half the duration"].on_demand
    assert varied["16 requests at once"].on_demand == varied["64 requests at once"].on_demand


@pytest.mark.parametrize(
    ("memory_mb", "ratio", "slots", "said"),
    [
        (2048, 8, None, "Memory ratio of 8192.0MB per CPU exceeds function's total memory"),
        (1024, 2, None, "greater than or equal to 2048"),
        (65_536, 2, None, "more than managed instances give"),
        (3_000, 2, None, "no multiple of 2048 MB"),
        (4096, 3, None, "no ratio"),
        (4096, 2, 129, "between 1 and 128"),
        (4096, 2, 0, "between 1 and 128"),
    ],
)
def test_an_environment_that_aws_refuses_is_refused(memory_mb: int, ratio: float, slots: int | None, said: str) -> None:
    with pytest.raises(InsightError) as caught:
        environment_size(memory_mb, ratio, slots, "python3.13")
    assert said in caught.value.message
    assert caught.value.advice


def test_the_runtime_says_how_many_requests_a_vcpu_serves() -> None:
    runtimes = ("python3.13", "nodejs22.x", "java21", "provided.al2023", None)
    assert [environment_size(4096, 4, None, name).slots for name in runtimes] == [16, 64, 32, 8, 16]
    assert environment_size(8192, 4, None, "nodejs22.x").slots == 128
    assert nearest_memory(2049, 2) == 4096


def test_an_environment_too_large_for_every_type_is_told() -> None:
    with pytest.raises(InsightError, match="takes an environment"):
        compared(traffic(), "c7i.large")


def test_a_type_without_a_price_is_refused_and_not_guessed() -> None:
    elsewhere = replace(US, region="eu-west-1")
    with pytest.raises(InsightError) as caught:
        compare(FunctionSize("f", 4096), managed(), traffic(), elsewhere)
    assert "--prices" in caught.value.advice
