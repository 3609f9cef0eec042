"""Whatever a manifest is called and holds, every resource that comes of it has the stack's name for a prefix."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lambent.compiler.compile import compile_system
from lambent.compiler.result import ProviderNetwork
from lambent.manifest.system import System

# What a resource's own name is; a type without one is named by CloudFormation: the stack, the logical id, and chance.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
NAMES = {
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::CapacityProvider": "CapacityProviderName",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::IAM::Role": "RoleName",
    "AWS::EC2::SecurityGroup": "GroupName",
}
# These have no name, or that of what they are of.
UNNAMED = {"AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::Lambda::Url", "AWS::Lambda::Permission"}
WORD = st.from_regex(r"[a-z]([a-z0-9]{0,6}-)?[a-z0-9]{0,6}[a-z]", fullmatch=True)


def pascal_once(keys: list[str]) -> bool:
    """Return whether letters and digits alone tell the keys apart."""
    return len({key.replace("-", "") for key in keys}) == len(keys)


KEYS = st.lists(WORD, min_size=1, max_size=4, unique=True).filter(pascal_once)


@st.composite
def systems(draw: st.DrawFn) -> System:
    """Draw a system: capacity providers, functions of both models, a shared log group or none."""
    pools, functions = draw(KEYS), draw(KEYS)
    providers = {
        key: {
            "vpc": "default",
            **draw(st.sampled_from([{}, {"security_groups": ["sg-1"]}, {"tags": {"team": "data"}}])),
            **draw(st.sampled_from([{}, {"operator_role": "arn:aws:iam::123456789012:role/operator"}])),
        }
        for key in pools
    }
    said = {}
    for key in functions:
        common: dict[str, Any] = {"code": "src", "runtime": "python3.13", "handler": "a.h"}  # Any: a manifest's values
        if draw(st.booleans()):
            common |= {"memory": 2048, "capacity_provider": f"${{capacity_providers.{draw(st.sampled_from(pools))}}}"}
        if draw(st.booleans()):
            common |= {"alias": "live", "url": {"auth": "none"}}
        said[key] = common
    document = {"stack": draw(WORD), "capacity_providers": providers, "functions": said}
    return System.model_validate(document)


@given(system=systems())
def test_every_resource_has_the_stack_s_name_for_a_prefix(system: System) -> None:
    networks = {key: ProviderNetwork("vpc-1", ("subnet-1", "subnet-2")) for key in system.capacity_providers}
    resources = compile_system(system, networks=networks).template["Resources"]
    kinds = {resource["Type"] for resource in resources.values()}
    assert kinds <= NAMES.keys() | UNNAMED
    for logical_id, resource in resources.items():
        properties = resource["Properties"]
        name = properties.get(NAMES.get(resource["Type"], ""))
        if resource["Type"] == "AWS::Logs::LogGroup":
            assert name.startswith(f"/aws/lambda/{system.stack}-")
        elif name is not None:
            assert name.startswith(f"{system.stack}-")
        tag = {one["Key"]: one["Value"] for one in properties.get("Tags") or ()}.get("Name")
        assert (tag is None) or tag.startswith(f"{system.stack}-"), logical_id
    made = [one for one in resources.values() if one["Type"] == "AWS::EC2::SecurityGroup"]
    assert all(
        one["Properties"]["SecurityGroupEgress"] and "SecurityGroupIngress" not in one["Properties"] for one in made
    )


@given(system=systems())
def test_names_that_are_given_by_the_language_tell_all_resources_of_a_kind_apart(system: System) -> None:
    networks = {key: ProviderNetwork("vpc-1", ("subnet-1", "subnet-2")) for key in system.capacity_providers}
    resources = compile_system(system, networks=networks).template["Resources"].values()
    named = [(one["Type"], name) for one in resources if (name := one["Properties"].get(NAMES.get(one["Type"], "")))]
    assert len(set(named)) == len(named)
