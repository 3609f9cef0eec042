"""Projects and what is around them: a network that is looked up, stacks that know one another, changes by hand."""

from __future__ import annotations

import pytest

from lambent.testing.platform import LocalPlatform
from tests.journeys.commands import Commands

pytestmark = pytest.mark.timeout(120)
FUNCTION = "runtime: python3.11, code: {inline: 'def handler(event, context): return 1'}, handler: index.handler"


def write(lambent: Commands, name: str, text: str) -> str:
    """Write a manifest and return its name."""
    (lambent.folder / name).write_text(text)
    return name


def test_a_function_gets_the_subnets_and_the_group_of_the_vpc_that_its_manifest_names(
    lambent: Commands, platform: LocalPlatform
) -> None:
    ec2, functions = platform.client("ec2"), platform.client("lambda")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "isDefault", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    text = f"stack: net\nfunctions:\n  f: {{{FUNCTION}, vpc: {{discover: {vpc}}}}}\n"
    manifest = write(lambent, "net.yaml", text)
    lambent.run("up", manifest)
    attached = functions.get_function_configuration(FunctionName="net-f")["VpcConfig"]
    subnets = ec2.describe_subnets(SubnetIds=attached["SubnetIds"])["Subnets"]
    assert len({one["AvailabilityZone"] for one in subnets}) == len(subnets) == 3
    groups = ec2.describe_security_groups(GroupIds=attached["SecurityGroupIds"])["SecurityGroups"]
    assert [(one["GroupName"], one["VpcId"]) for one in groups] == [("default", vpc)]
    assert lambent.told("up", manifest, "--json")["changed"] is False
    lambent.run("down", manifest, "--yes")


def test_a_vpc_that_is_not_there_is_told_before_anything_is_made(lambent: Commands) -> None:
    text = f"stack: nonet\nfunctions:\n  f: {{{FUNCTION}, vpc: {{discover: vpc-00000000000000000}}}}\n"
    refused = lambent.run("up", write(lambent, "nonet.yaml", text), expect=1).stderr
    assert "VPC vpc-00000000000000000 has subnets in 0 of the two Availability Zones" in refused
    assert "There is no stack nonet." in lambent.run("outputs", "--stack", "nonet", expect=1).stderr


def test_a_stack_takes_what_another_tells_and_keeps_it_from_going(lambent: Commands, platform: LocalPlatform) -> None:
    data = write(
        lambent, "data.yaml", "stack: data\nlog_groups:\n  g: {name: /data}\noutputs: {group: '${log_groups.g}'}\n"
    )
    text = f"stack: shop\nfunctions:\n  f: {{{FUNCTION}, environment: {{GROUP: '${{stacks.data.group}}'}}}}\n"
    shop = write(lambent, "shop.yaml", text)
    assert "No export named data:group found" in lambent.run("up", shop, expect=1).stderr

    lambent.run("up", data)
    lambent.run("up", shop)
    configuration = platform.client("lambda").get_function_configuration(FunctionName="shop-f")
    assert configuration["Environment"]["Variables"] == {"GROUP": "/data"}

    assert "data:group" in lambent.run("down", data, "--yes", expect=1).stderr
    lambent.run("down", shop, "--yes")
    lambent.run("down", data, "--yes")


def test_a_failing_update_is_told_with_its_cause_and_what_was_stays(lambent: Commands, platform: LocalPlatform) -> None:
    functions = platform.client("lambda")
    text = "stack: twice\nfunctions:\n  one: {FUNCTION}\n".replace("{FUNCTION}", f"{{{FUNCTION}}}")
    manifest = write(lambent, "twice.yaml", text)
    lambent.run("up", manifest)
    platform.client("logs").create_log_group(logGroupName="/taken")
    write(
        lambent, "twice.yaml", text.replace("handler}", "handler, memory: 256}") + "log_groups: {g: {name: /taken}}\n"
    )
    told = lambent.run("up", manifest, expect=1).stderr
    assert "Rolling back because" in told
    assert "(AWS::Logs::LogGroup) failed:" in told
    assert "already exists" in told
    assert "Stack twice is in UPDATE_ROLLBACK_COMPLETE." in told
    assert functions.get_function_configuration(FunctionName="twice-one")["MemorySize"] == 128

    write(lambent, "twice.yaml", text)
    assert lambent.told("up", manifest, "--json")["changed"] is False
    lambent.run("down", manifest, "--yes")
    platform.client("logs").delete_log_group(logGroupName="/taken")


def test_what_was_changed_and_removed_by_hand_is_told(lambent: Commands, platform: LocalPlatform) -> None:
    functions = platform.client("lambda")
    text = f"stack: hand\nfunctions:\n  one: {{{FUNCTION}}}\n  two: {{{FUNCTION}}}\n"
    manifest = write(lambent, "hand.yaml", text)
    assert "(new)" in lambent.run("diff", manifest, expect=1).stdout
    lambent.run("up", manifest)
    assert lambent.told("diff", manifest, "--json")["drift"] == []
    functions.update_function_configuration(FunctionName="hand-one", MemorySize=512)
    functions.delete_function(FunctionName="hand-two")
    drift = lambent.told("diff", manifest, "--json", expect=1)["drift"]
    assert {(one["logical_id"], one["name"], one["expected"], one["actual"]) for one in drift} == {
        ("OneFunction", "MemorySize", "128", "512"),
        ("TwoFunction", "", "there", "gone"),
    }
    lambent.run("down", manifest, "--yes")


def test_a_manifest_with_errors_is_told_as_such_also_by_commands_that_need_its_name_alone(lambent: Commands) -> None:
    manifest = write(lambent, "broken.yaml", "stack: broken\nfunctions: {f: {memory: much}}\n")
    for command in (("down", "--yes"), ("outputs",)):
        told = lambent.run(command[0], manifest, *command[1:], expect=1).stderr
        assert "broken.yaml:2:" in told
        assert "Nothing was changed." in told


def test_what_is_meant_for_aws_never_comes_to_the_platform_by_mistake(
    lambent: Commands, platform: LocalPlatform
) -> None:
    manifest = write(lambent, "away.yaml", f"stack: away\nfunctions:\n  f: {{{FUNCTION}}}\n")
    for command in ("plan", "up"):
        refused = lambent.run(
            command, manifest, "--target", "aws", AWS_ENDPOINT_URL=platform.endpoint_url, expect=2
        ).stderr
        assert f"AWS_ENDPOINT_URL sends all calls to {platform.endpoint_url}" in refused
        assert "unset AWS_ENDPOINT_URL" in refused


def test_a_template_brings_the_templates_that_it_nests(lambent: Commands, platform: LocalPlatform) -> None:
    child = lambent.folder / "parts" / "child.yaml"
    (child.parent / "src").mkdir(parents=True)
    (child.parent / "src" / "app.py").write_text("def handler(event, context):\n    return 'from the child'\n")
    child.write_text(
        "Resources:\n"
        "  F:\n    Type: AWS::Lambda::Function\n    Properties: {FunctionName: nested-f, Code: src,"
        " Runtime: python3.11, Handler: app.handler, Role: !GetAtt R.Arn, MemorySize: 128}\n"
        "  R:\n    Type: AWS::IAM::Role\n    Properties: {AssumeRolePolicyDocument: {Version: '2012-10-17', Statement:"
        " [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: 'sts:AssumeRole'}]}}\n"
        "Outputs: {Name: {Value: !Ref F}}\n"
    )
    outer = write(
        lambent,
        "template.yaml",
        "Resources:\n  Child: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ./parts/child.yaml}}\n"
        "Outputs: {Name: {Value: !GetAtt Child.Outputs.Name}}\n",
    )
    functions = platform.client("lambda")
    assert lambent.told("up", outer, "--stack", "outer", "--json")["outputs"] == {"Name": "nested-f"}
    assert functions.invoke(FunctionName="nested-f")["Payload"].read() == b'"from the child"'
    assert lambent.told("up", outer, "--stack", "outer", "--json")["changed"] is False

    child.write_text(child.read_text().replace("MemorySize: 128", "MemorySize: 256"))
    assert lambent.told("up", outer, "--stack", "outer", "--json")["changed"] is True
    assert functions.get_function_configuration(FunctionName="nested-f")["MemorySize"] == 256
    lambent.run("down", "--stack", "outer", "--yes")
