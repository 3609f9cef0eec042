"""Which runtimes managed instances have: one answer for checks, the platform, costs and migrations."""

from __future__ import annotations

import pytest

from lambent.aws.managed_runtimes import concurrency_per_vcpu, runs_on_managed_instances


@pytest.mark.parametrize(
    "runtime", ["python3.13", "python3.14", "nodejs22.x", "nodejs24.x", "java21", "java25", "dotnet8", "dotnet10"]
)
def test_newer_runtimes_run(runtime: str) -> None:
    assert runs_on_managed_instances(runtime)


@pytest.mark.parametrize(
    "runtime", ["python3.12", "python3.130", "nodejs20.x", "java17", "dotnet6", "provided.al2", "ruby3.4", ""]
)
def test_others_do_not(runtime: str) -> None:
    assert not runs_on_managed_instances(runtime)


def test_a_vcpu_serves_as_many_requests_as_aws_says() -> None:
    names = ("python3.13", "nodejs22.x", "java21", "dotnet8", "provided.al2023")
    assert [concurrency_per_vcpu(name) for name in names] == [16, 64, 32, 32, 8]
