"""Where execution environments of managed instances are shown to run, and how long the instances take to come."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lambent.testing.builders import ensure_role
from lambent.testing.platform import LocalPlatform, local_platform
from tests.services.gateway.test_gateway import ask
from tests.services.managed import PUBLISHED, make_pool, publish, settled, zones
from tests.waiting import eventually

pytestmark = pytest.mark.local_only("its capacity providers start EC2 instances, which cost money")


def environments(platform: LocalPlatform) -> list[dict[str, Any]]:  # Any: JSON
    found: list[dict[str, Any]] = ask(platform, "GET", "/_lambent/environments")[1]["environments"]  # Any: as above
    return found


def launching(platform: LocalPlatform) -> int:
    (provider,) = ask(platform, "GET", "/_lambent/capacity-providers")[1]["capacityProviders"]
    return [each["state"] for each in provider["instances"]].count("pending")


def test_environments_are_shown_with_their_instances_and_slots() -> None:
    with local_platform() as platform:
        functions, ec2 = platform.client("lambda"), platform.client("ec2")
        role = ensure_role(platform.client("iam"))
        pool = make_pool(functions, ec2, role)
        publish(functions, role, pool, slots=2)
        assert settled(functions)["State"] == "Active"
        shown = environments(platform)
        assert {each["version"] for each in shown} == {PUBLISHED}
        assert [(each["busy_slots"], each["slots"]) for each in shown] == [(0, 2)] * 3
        assert {each["instance"]["zone"] for each in shown} == set(zones(ec2).values())
        assert {each["instance"]["provider_arn"] for each in shown} == {pool}
        assert len({each["instance"]["instance_id"] for each in shown}) == 3


def test_publishing_waits_for_instances_as_long_as_they_are_said_to_take() -> None:
    with local_platform(virtual_time=True, first_instance_launch_s=40.0) as platform:
        platform.clock.freeze()
        functions = platform.client("lambda")
        role = ensure_role(platform.client("iam"))
        pool = make_pool(functions, platform.client("ec2"), role)
        with ThreadPoolExecutor(1) as threads:
            published = threads.submit(publish, functions, role, pool)
            eventually(lambda: launching(platform) == 3)
            platform.clock.advance(39)
            where = {"FunctionName": "f", "Qualifier": PUBLISHED}
            assert functions.get_function_configuration(**where)["State"] == "Pending"
            assert (launching(platform), environments(platform)) == (3, [])
            platform.clock.advance(1)
            published.result()
        assert settled(functions)["State"] == "Active"
        assert (launching(platform), len(environments(platform))) == (0, 3)
