from __future__ import annotations

import pytest

from lambent.aws.instance_types import INSTANCE_TYPES, instance_type, matching


@pytest.mark.parametrize(
    ("name", "vcpus", "memory_gib", "architecture"),
    [
        ("c7i.large", 2, 4, "x86_64"),
        ("c7g.16xlarge", 64, 128, "arm64"),
        ("c6a.48xlarge", 192, 384, "x86_64"),
        ("m6i.32xlarge", 128, 512, "x86_64"),
        ("m7a.2xlarge", 8, 32, "x86_64"),
        ("m8g.24xlarge", 96, 384, "arm64"),
        ("r7i.xlarge", 4, 32, "x86_64"),
        ("r8g.48xlarge", 192, 1536, "arm64"),
    ],
)
def test_types_are_as_amazon_lists_them(name: str, vcpus: int, memory_gib: int, architecture: str) -> None:
    found = instance_type(name)
    assert found is not None
    assert (found.vcpus, found.memory_mb, found.architecture) == (vcpus, memory_gib * 1024, architecture)


@pytest.mark.parametrize("name", ["c7g.24xlarge", "m7g.medium", "t3.large", "c7i.metal-24xl", "c7i.32xlarge", "large"])
def test_types_that_are_not_there_or_not_for_functions_are_unknown(name: str) -> None:
    assert instance_type(name) is None


def test_every_name_is_there_once_and_the_smallest_come_first() -> None:
    assert len({each.name for each in INSTANCE_TYPES}) == len(INSTANCE_TYPES)
    assert [each.vcpus for each in INSTANCE_TYPES] == sorted(each.vcpus for each in INSTANCE_TYPES)


def test_the_system_keeps_one_vcpu_and_one_gib() -> None:
    found = instance_type("m7i.large")
    assert found is not None
    assert (found.room_vcpus, found.room_mb) == (1, 7 * 1024)


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        (("m7i.large",), {"m7i.large"}),
        (("m7i.*", "c7i.large"), {"m7i", "c7i"}),
        (("*.large",), {"large"}),
        (("m7?.large", "[cm]7i.large"), set()),
        (("m7g.*",), set()),
    ],
)
def test_allowed_types_are_patterns_with_asterisks_alone(allowed: tuple[str, ...], expected: set[str]) -> None:
    found = matching("x86_64", allowed=allowed)
    assert bool(found) is bool(expected)
    assert all(any(part in each.name for part in expected) for each in found)


def test_excluded_types_leave_the_others_of_the_architecture() -> None:
    found = matching("arm64", excluded=("*8g*", "r*"))
    assert {each.family for each in found} == {"c6g", "c7g", "m6g", "m7g"}
