"""AWS's worked examples, each to the cent: https://aws.amazon.com/lambda/pricing/ (as of 2026-09, us-east-1)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from lambent.insight.bill import (
    Line,
    Usage,
    cents,
    exact_total,
    function_bill,
    managed_bill,
    streamed_beyond_free,
    total,
)
from lambent.insight.price_files import shipped_prices
from lambent.insight.prices import LambdaPrices

M = 1_000_000
DAY_S = Decimal(86_400)


@pytest.fixture(scope="module")
def x86() -> LambdaPrices:
    return shipped_prices().functions("us-east-1", "x86_64")


@pytest.fixture(scope="module")
def arm() -> LambdaPrices:
    return shipped_prices().functions("us-east-1", "arm64")


def usage(requests: object, duration_ms: object, memory_mb: int, **more: object) -> Usage:
    given = {
        name: value if name in {"storage_mb", "provisioned"} else Decimal(str(value)) for name, value in more.items()
    }
    return Usage(Decimal(str(requests)), Decimal(str(duration_ms)), memory_mb, **given)  # type: ignore[arg-type]  # each has the type of its field


def amounts(lines: tuple[Line, ...]) -> dict[str, str]:
    return {line.name: str(line.usd) for line in lines}


def test_on_demand_example_1_mobile_backend(x86: LambdaPrices) -> None:
    bill = function_bill(usage(3 * M, 120, 1536), x86, free_tier=True)
    assert amounts(bill) == {"requests": "0.40", "duration": "2.33"}
    assert total(bill) == Decimal("2.73")


def test_on_demand_example_2_telemetry(x86: LambdaPrices) -> None:
    bill = function_bill(usage(7_440_000, 2_000, 1024), x86)
    assert amounts(bill) == {"requests": "1.49", "duration": "248.00"}
    assert total(bill) == Decimal("249.49")


def test_on_demand_example_3_machine_learning_with_ephemeral_storage(x86: LambdaPrices) -> None:
    bill = function_bill(usage(6 * M, 280, 4096, storage_mb=2048), x86, free_tier=True)
    assert amounts(bill) == {"requests": "1.00", "duration": "105.33", "/tmp above 512 MB": "0.08"}
    assert total(bill) == Decimal("106.41")


def test_provisioned_concurrency_example_1_mobile_launch(x86: LambdaPrices) -> None:
    month = usage(
        3 * M,
        120,
        1536,
        provisioned=100,
        provisioned_s=8 * 3_600,
        provisioned_requests=500_000,
        provisioned_duration_ms=100,
    )
    bill = function_bill(month, x86, free_tier=True)
    assert amounts(bill) == {
        "requests": "0.40",
        "duration": "0.83",
        "provisioned concurrency": "18.00",
        "provisioned duration": "0.73",
    }
    assert total(bill) == Decimal("19.96")


def test_provisioned_concurrency_example_2_cyber_monday(x86: LambdaPrices) -> None:
    day = usage(
        2 * M,
        0,
        4096,
        provisioned=7,
        provisioned_s=DAY_S,
        provisioned_requests=2 * M,
        provisioned_duration_ms=280,
    )
    bill = function_bill(day, x86)
    assert amounts(bill)["provisioned concurrency"] == "10.08"
    assert amounts(bill)["provisioned duration"] == "21.78"
    assert amounts(bill)["requests"] == "0.40"
    assert total(bill) == Decimal("32.26")


def test_snapstart_example(x86: LambdaPrices) -> None:
    bill = function_bill(usage(7_440_000, 2_000, 1024, snapshot_s=31 * DAY_S, restores=74_400), x86)
    assert amounts(bill) == {
        "requests": "1.49",
        "duration": "248.00",
        "SnapStart cache": "4.03",
        "SnapStart restores": "10.40",
    }
    assert total(bill) == Decimal("263.92")


def test_streaming_example_whose_cents_follow_from_rounding_each_line(x86: LambdaPrices) -> None:
    small = streamed_beyond_free(Decimal(2 * M), Decimal(100) / 1024)
    large = streamed_beyond_free(Decimal(M), Decimal(7))
    bill = function_bill(usage(3 * M, 500, 1536, streamed_mb=small + large), x86, free_tier=True)
    # "you have exhausted the 100 GB of response streaming included in the AWS free tier"
    streamed = function_bill(usage(0, 0, 1536, streamed_mb=small + large), x86)[-1]
    assert streamed.quantity == Decimal("976.5625")
    assert streamed.usd == Decimal("7.81")
    assert amounts(bill)["duration"] == "30.83"
    assert total((*bill[:2], streamed)) == Decimal("39.04")
    assert cents(exact_total((*bill[:2], streamed))) == Decimal("39.05")


def test_durable_functions_example_s_compute_on_arm(arm: LambdaPrices) -> None:
    """1 M executions of 32 s on arm in two invocations each: AWS's compute is 421.34 and its requests 0.20."""
    bill = function_bill(usage(2 * M, 16_000, 1024), arm, free_tier=True)
    assert amounts(bill) == {"requests": "0.20", "duration": "421.34"}


def test_sqs_event_pollers_example_s_compute(x86: LambdaPrices) -> None:
    bill = function_bill(usage(30 * M, 1_000, 1024), x86)
    assert amounts(bill) == {"requests": "6.00", "duration": "500.00"}


def test_managed_instances_example_high_throughput_api() -> None:
    book = shipped_prices()
    bill = managed_bill(
        Decimal(100 * M),
        Decimal(2_000),
        book.instance("us-east-1", "m7g.xlarge"),
        book.managed("us-east-1"),
        "compute-sp-3y",
    )
    assert amounts(bill) == {"requests": "20.00", "EC2 instances": "91.40", "management fee": "48.96"}
    assert total(bill) == Decimal("160.36")
    assert bill[2].price.usd == Decimal("0.02448")  # of the on-demand price, whatever pays for the instance


@pytest.mark.parametrize(
    ("instances", "commitment", "ec2", "all_in_all"),
    [
        (14, "on-demand", "1481.9", "1704.385"),
        (14, "compute-sp-1y", "1007.692", "1230.177"),
        (14, "compute-sp-3y", "518.665", "741.15"),
        (14, "reserved-3y", "518.665", "741.15"),
        (8, "on-demand", "846.8", "974.02"),
        (26, "ec2-sp-1y", "1871.428", "2284.443"),
    ],
)
def test_aws_s_calculator_comes_to_the_same_amounts(instances: int, commitment: str, ec2: str, all_in_all: str) -> None:
    """Of c7g.xlarge in a month, with a million requests, before anything is rounded.

    https://github.com/aws-samples/sample-aws-lambda-managed-instances (tools/pricing-calculator/tests/test-cases.json)
    """
    book = shipped_prices()
    instance, managed = book.instance("us-east-1", "c7g.xlarge"), book.managed("us-east-1")
    bill = managed_bill(Decimal(M), Decimal(instances * 730), instance, managed, commitment)
    assert bill[1].exact == Decimal(ec2)
    assert exact_total(bill) == Decimal(all_in_all)


def test_tiers_are_each_a_line(x86: LambdaPrices, arm: LambdaPrices) -> None:
    bill = function_bill(usage(20_000 * M, 1_000, 1024), x86)
    assert [(line.quantity, line.price.usd) for line in bill[1:]] == [
        (Decimal(6_000 * M), Decimal("0.0000166667")),
        (Decimal(9_000 * M), Decimal("0.000015")),
        (Decimal(5_000 * M), Decimal("0.0000133334")),
    ]
    assert [line.quantity for line in function_bill(usage(8_000 * M, 1_000, 1024), arm)[1:]] == [7_500 * M, 500 * M]


def test_a_savings_plan_lowers_duration_and_not_requests(x86: LambdaPrices) -> None:
    month = usage(10 * M, 100, 1024)
    full, less = function_bill(month, x86), function_bill(month, x86, discount="compute-sp-1y")
    assert less[0] == full[0]
    assert less[1].exact == full[1].exact * Decimal("0.88")


def test_the_free_tier_ends_at_nothing(x86: LambdaPrices) -> None:
    assert total(function_bill(usage(1_000, 100, 128), x86, free_tier=True)) == 0


def test_provisioned_time_is_rounded_up_to_five_minutes_and_a_snapshot_lasts_three_hours(x86: LambdaPrices) -> None:
    held = function_bill(usage(0, 0, 1024, provisioned=1, provisioned_s=301), x86)[-2]
    assert held.quantity == 600
    assert function_bill(usage(0, 0, 1024, snapshot_s=60), x86)[-2].quantity == 3 * 3_600


def test_an_unknown_commitment_is_no_price() -> None:
    book = shipped_prices()
    with pytest.raises(KeyError):
        managed_bill(
            Decimal(1), Decimal(1), book.instance("us-east-1", "m7i.large"), book.managed("us-east-1"), "reserved-1y"
        )
