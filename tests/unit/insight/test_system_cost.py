"""Functions of one system: each on demand, or sharing a capacity provider's instances; and what is told of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from lambent.aws.instance_types import InstanceType, instance_type
from lambent.insight.cost import Prices, compare
from lambent.insight.figures import Basis, Figure, InsightError, Origin
from lambent.insight.price_files import shipped_prices
from lambent.insight.remarks import remarks
from lambent.insight.subject import Subject, Wish, configured, declared, subject, wish
from lambent.insight.system_cost import instances_for, system_cost
from lambent.insight.traffic import Duration, Traffic, parse_rate, steady
from lambent.manifest.load import load

GIVEN = Origin(Basis.GIVEN, "--rate")
US = Prices(shipped_prices(), "us-east-1")
MANIFEST = """
stack: shop
capacity_providers:
  fleet:
    subnets: [subnet-1, subnet-2]
    security_groups: [sg-1]
    architecture: arm64
    instance_types: ["m7g.*"]
    scaling: Manual
    target_cpu: 50
defaults: {runtime: python3.13, handler: app.handler}
functions:
  api:
    code: src
    architecture: arm64
    memory: 4096
    logs: {format: json}
    capacity_provider: {provider: "${capacity_providers.fleet}", memory_per_vcpu: 4, max_concurrency: 16}
  search:
    code: src
    architecture: arm64
    memory: 8192
    logs: {format: json}
    capacity_provider: {provider: "${capacity_providers.fleet}", memory_per_vcpu: 4}
  mail: {code: src, memory: 512, ephemeral_storage: 1024}
"""


def wishes() -> dict[str, Wish]:
    loaded = load(MANIFEST, "lambent.yaml")
    assert loaded.system is not None, loaded.diagnostics
    return declared(loaded.system, "lambent.yaml")


def traffic(rate: str = "100/s", duration_ms: float = 120) -> Traffic:
    return steady(parse_rate(rate), GIVEN, Duration(duration_ms, GIVEN))


def subjects(rate: str = "100/s") -> list[Subject]:
    return [subject(key, said, traffic(rate)) for key, said in wishes().items()]


def kind(name: str) -> InstanceType:
    found = instance_type(name)
    assert found is not None
    return found


def test_functions_of_a_provider_share_its_instances_by_their_vcpus() -> None:
    whole = system_cost(subjects(), US)
    (provider,) = whole.providers
    # three environments of 1 vCPU and three of 2 fill the 3 vCPUs that each of three m7g.xlarge has left
    assert (provider.name, provider.instance_type, provider.instances) == ("fleet", "m7g.xlarge", 3)
    assert provider.monthly == Decimal("357.41") + Decimal("53.61")
    shares = {one.subject.size.name: one.shared_usd for one in whole.functions}
    assert shares["api"] + shares["search"] == provider.monthly
    assert shares["search"] == pytest.approx(2 * shares["api"], abs=Decimal("0.02"))
    assert shares["mail"] == 0
    assert whole.monthly == sum(one.monthly for one in whole.functions)
    assert [one.subject.size.name for one in whole.functions] == ["api", "search", "mail"]


def test_functions_on_instances_pay_requests_and_no_durations() -> None:
    lines = {one.subject.size.name: [line.name for line in one.lines] for one in system_cost(subjects(), US).functions}
    assert lines == {"api": ["requests"], "search": ["requests"], "mail": ["requests", "duration", "/tmp above 512 MB"]}


def test_environments_of_several_sizes_are_packed() -> None:
    half = Fraction(1)
    assert instances_for(kind("m7g.xlarge"), [(half, 4096, 3)]) == 3  # three instances at least
    assert instances_for(kind("m7g.xlarge"), [(half, 4096, 12)]) == 4
    assert instances_for(kind("m7g.xlarge"), [(half, 8192, 4)]) == 4  # memory binds
    assert instances_for(kind("m7g.xlarge"), [(half, 4096, 6), (Fraction(2), 8192, 6)]) == 6
    assert instances_for(kind("m7g.large"), [(Fraction(2), 4096, 1)]) is None


def test_a_provider_whose_types_take_none_of_its_functions_is_told() -> None:
    small = replace(wishes()["search"], allowed_types=("m7g.large",))
    with pytest.raises(InsightError, match="instance type"):
        system_cost([subject("search", small, traffic())], US)


def test_the_manifest_s_word_is_given_and_the_rest_is_assumed() -> None:
    facts = {fact.name: fact for fact in subjects()[0].facts}
    assert str(facts["memory"].origin) == "given: lambent.yaml"
    assert facts["its requests at once"].told == "16"
    assert (facts["and at"].told, facts["and at"].origin.basis) == ("50 % of vCPUs", Basis.GIVEN)
    mail = {fact.name: fact for fact in subjects()[2].facts}
    assert (mail["environment"].told, mail["environment"].origin.basis) == ("2,048 MB", Basis.ASSUMED)
    assert mail["held at"].origin.basis is Basis.ASSUMED


def test_an_option_goes_over_the_manifest_and_says_so() -> None:
    given = wish(Origin(Basis.GIVEN, "--memory 8192"), memory_mb=8192)
    made = subject("api", given.over(wishes()["api"]), traffic())
    assert made.size.memory_mb == 8192
    assert {fact.name: str(fact.origin) for fact in made.facts}["memory"] == "given: --memory 8192"


def test_a_target_s_configuration_is_measured() -> None:
    configuration = {
        "MemorySize": 4096,
        "Architectures": ["arm64"],
        "Runtime": "nodejs22.x",
        "EphemeralStorage": {"Size": 1024},
        "SnapStart": {"ApplyOn": "None"},
        "CapacityProviderConfig": {
            "LambdaManagedInstancesCapacityProviderConfig": {
                "CapacityProviderArn": "arn:aws:lambda:us-east-1:123456789012:capacity-provider:fleet",
                "ExecutionEnvironmentMemoryGiBPerVCpu": 4.0,
                "PerExecutionEnvironmentMaxConcurrency": 10,
            }
        },
    }
    made = subject("api", configured(configuration, "AWS"), traffic())
    assert (made.size.architecture, made.size.storage_mb, made.size.has_snapshot) == ("arm64", 1024, False)
    assert made.managed is not None
    assert made.managed.environment.slots == 10
    assert all(fact.origin.basis is Basis.MEASURED for fact in made.facts if fact.name in {"memory", "its vCPUs"})


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({}, "how much memory"),
        ({"memory_mb": 512, "architecture": "sparc"}, "no architecture"),
        ({"memory_mb": 512, "target": 1.5}, "utilization"),
        ({"memory_mb": 512, "allowed_types": ("t3.micro",)}, "No x86_64 instance type"),
    ],
)
def test_what_nothing_can_be_said_of_is_refused(said: dict[str, object], refusal: str) -> None:
    with pytest.raises(InsightError, match=refusal):
        subject("f", wish(GIVEN, **said), traffic())


def test_remarks_tell_of_idle_instances_of_memory_and_of_what_is_not_known() -> None:
    one = subjects("1/s")[0]
    told = " ".join(remarks(one, compare(one.size, one.managed, one.traffic, US), US))
    assert "3 at least" in told
    assert "a month without a single request" in told
    assert "16 requests at once share 4,096 MB: 256 MB each." in told
    assert "The CPU of a request is not known" in told
    crowded = replace(one, traffic=replace(one.traffic, memory_mb=Figure(400, GIVEN), cpu_ms=Figure(5, GIVEN)))
    told = " ".join(remarks(crowded, compare(one.size, one.managed, crowded.traffic, US), US))
    assert "one takes 400 MB" in told
    assert "The CPU of a request" not in told


def test_a_type_without_published_commitments_is_told() -> None:
    one = subject("mail", replace(wishes()["mail"], allowed_types=("c6i.large",)), traffic())
    told = " ".join(remarks(one, compare(one.size, one.managed, one.traffic, US), US))
    assert "No Savings Plan or Reserved price of c6i.large is known here" in told


def test_a_runtime_that_managed_instances_do_not_have_is_told() -> None:
    old = subject("mail", replace(wishes()["mail"], runtime="python3.12"), traffic())
    first = next(remarks(old, compare(old.size, old.managed, old.traffic, US), US))
    assert first.startswith("Managed instances do not have python3.12")
    assert subjects()[0].remark == ""


def test_more_vcpus_than_a_provider_has_are_told() -> None:
    asked = replace(wishes()["api"], max_vcpus=8)
    small = subject("api", asked, traffic("2000/s", 1000))
    told = " ".join(remarks(small, compare(small.size, small.managed, small.traffic, US), US))
    assert "a capacity provider has 8: beyond that requests are throttled" in told
    vast = subject("api", asked, traffic("1000000/s", 1000))
    told = " ".join(remarks(vast, compare(vast.size, vast.managed, vast.traffic, US), US))
    assert "15,000 is the most" in told
    enough = subjects("1/s")[0]
    told = " ".join(remarks(enough, compare(enough.size, enough.managed, enough.traffic, US), US))
    assert "vCPUs at the peak" not in told


def test_what_on_demand_does_not_have_is_told() -> None:
    large = subject("f", wish(GIVEN, memory_mb=16_384), traffic("1/s", 1_000_000))
    told = " ".join(remarks(large, compare(large.size, large.managed, large.traffic, US), US))
    assert "On demand a function has 10,240 MB at most: 16,384 MB are counted at its prices" in told
    assert "On demand a request ends after 900 s" in told


def test_manual_scaling_s_target_is_of_vcpus_and_slots_stay_at_auto_s() -> None:
    one = subjects("1000/s")[0]
    assert one.managed is not None
    assert (one.managed.target, one.managed.cpu_target) == (0.6, 0.5)
    # 120 requests at once, 16 slots held at 60 %: 12.5 environments
    assert compare(one.size, one.managed, one.traffic, US).peak_environments == 13
    busy = replace(one.traffic, cpu_ms=Figure(20, GIVEN))
    # 20 vCPUs busy, one an environment held at 50 %
    assert compare(one.size, one.managed, busy, US).peak_environments == 40
    told = {fact.name: fact.told for fact in one.facts}
    assert (told["held at"], told["and at"]) == ("60 % of slots", "50 % of vCPUs")
    over = subject("api", replace(wishes()["api"], target=0.8), one.traffic)
    assert over.managed is not None
    assert (over.managed.target, over.managed.cpu_target) == (0.8, None)
