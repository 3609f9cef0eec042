"""`lambent migrate` as people run it: from a target, a stack, a Terraform state and a manifest."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.journeys.commands import Commands

CODE = "COUNT = 0\ndef handler(event, context):\n    global COUNT\n    COUNT += 1\n    return COUNT\n"
SUBNETS = ("--subnets", "subnet-0a1,subnet-0b2")
MANAGED = ("--to", "managed-instances", *SUBNETS)


@pytest.fixture(scope="module")
def platform() -> Iterator[LocalPlatform]:
    with local_platform() as running:
        yield running


@pytest.fixture
def lambent(platform: LocalPlatform, tmp_path: Path) -> Commands:
    return Commands(tmp_path, platform.port)


def rules(told: dict[str, object]) -> set[str]:
    found = told["findings"]
    assert isinstance(found, list)
    return {one["rule"] for one in found}


def test_a_function_of_the_target_is_read_with_its_code_and_what_hangs_on_it(
    platform: LocalPlatform, lambent: Commands
) -> None:
    client, sqs = platform.client("lambda"), platform.client("sqs")
    queue = sqs.create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    role = platform.create_function("worker", zip_of({"handler.py": CODE}))["Role"].rpartition("/")[2]
    policy = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"
    platform.client("iam").attach_role_policy(RoleName=role, PolicyArn=policy)
    client.publish_version(FunctionName="worker")
    client.create_alias(FunctionName="worker", Name="live", FunctionVersion="1")
    mapping = client.create_event_source_mapping(FunctionName="worker:live", EventSourceArn=arn)["UUID"]
    client.add_permission(
        FunctionName="worker", StatementId="bucket", Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com", SourceArn="arn:aws:s3:::uploads",
    )  # fmt: skip
    client.put_function_concurrency(FunctionName="worker", ReservedConcurrentExecutions=40)
    told = lambent.told("migrate", "worker", "--from", "target", *MANAGED, "--json", "-o", "new")
    assert {"module-state", "reserved-concurrency", "memory"} <= rules(told)
    assert told["ready"] is True
    assert (lambent.folder / "new" / "worker.zip").is_file()
    manifest = (lambent.folder / "new" / "lambent.yaml").read_text()
    assert "code: worker.zip" in manifest
    assert "name: worker-managed" in manifest
    assert "# sqs: " + arn in manifest
    commands = [command["command"] for step in told["steps"] for command in step["commands"]]
    assert f"aws lambda update-event-source-mapping --uuid {mapping} --function-name worker-managed:live" in commands
    assert any(one.startswith("aws lambda add-permission --function-name worker-managed") for one in commands)
    order = [step["title"] for step in told["steps"]]
    assert order.index("Verify it") < order.index("Let the same callers in")
    assert order.index("Let the same callers in") < order.index("Point the event source mappings to it, one by one")
    assert order[-1] == "Delete the old function"
    lambent.run("check", "new")
    missing = lambent.run("migrate", "wrker", "--from", "target", *MANAGED, expect=2)
    assert "The target local has no function wrker." in missing.stderr
    assert "worker" in missing.stderr.partition("It has ")[2]


def test_a_function_of_a_deployed_stack_is_found_by_its_logical_id(lambent: Commands) -> None:
    (lambent.folder / "src").mkdir()
    (lambent.folder / "src" / "app.py").write_text(CODE)
    (lambent.folder / "lambent.yaml").write_text(
        "stack: counted\nfunctions:\n  count: {code: src, runtime: python3.13, handler: app.handler}\n"
    )
    lambent.run("up", "--yes")
    told = lambent.told("migrate", "CountFunction", "--from", "stack:counted", *MANAGED, "--json")
    assert (told["function"], told["source"]["kind"]) == ("counted-count", "stack")
    assert "module-state" in rules(told)
    wrong = lambent.run("migrate", "Nope", "--from", "stack:counted", *MANAGED, expect=2)
    assert "It has CountFunction (counted-count)." in wrong.stderr
    absent = lambent.run("migrate", "Nope", "--from", "stack:nowhere", *MANAGED, expect=2)
    assert "There is no stack nowhere." in absent.stderr
    assert "counted" in absent.stderr


def test_a_function_of_a_terraform_state_gets_a_manifest_and_hcl(lambent: Commands) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app.py", CODE)
    (lambent.folder / "app.zip").write_bytes(archive.getvalue())
    attributes = {
        "function_name": "fibonacci-generator",
        "arn": "arn:aws:lambda:us-east-1:111122223333:function:fibonacci-generator",
        "runtime": "python3.11", "handler": "app.handler", "memory_size": 128, "timeout": 10, "filename": "app.zip",
        "role": "arn:aws:iam::111122223333:role/lambda", "environment": [{"variables": {"TEMPLATE": "${x}"}}],
    }  # fmt: skip
    one = {
        "mode": "managed",
        "type": "aws_lambda_function",
        "name": "fibonacci",
        "instances": [{"attributes": attributes}],
    }
    (lambent.folder / "terraform.tfstate").write_text(json.dumps({"version": 4, "resources": [one]}))
    told = lambent.told("migrate", "fibonacci", "--from", "terraform.tfstate", *MANAGED, "--json", "-o", "new")
    assert "module-state" in rules(told)
    text = (lambent.folder / "new" / "fibonacci-generator-managed.tf").read_text()
    assert 'policy_arn = "arn:aws:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator"' in text
    assert 'architectures = ["x86_64"]' in text
    assert 'scaling_mode = "Auto"' in text
    assert "capacity_provider_scaling_config {" in text
    assert 'version = ">= 6.24.0"' in text
    assert "publish          = true" in text
    assert '"$${x}"' in text
    assert text.count("{") == text.count("}")
    assert 'TEMPLATE: "$${x}"' in (lambent.folder / "new" / "lambent.yaml").read_text()
    lambent.run("check", "new")


def test_blockers_that_nobody_settles_end_with_1(lambent: Commands) -> None:
    (lambent.folder / "src").mkdir()
    (lambent.folder / "src" / "index.js").write_text(
        "exports.handler = (event, context, callback) => callback(null, 1);\n"
    )
    (lambent.folder / "lambent.yaml").write_text(
        "stack: shop\nfunctions:\n  old: {code: src, runtime: nodejs20.x, handler: index.handler}\n"
    )
    done = lambent.run("migrate", "old", *MANAGED, expect=1)
    assert "not ready: 1 blocker" in done.stdout
    assert "takes a callback (callback) [callback-handler]" in done.stdout


def test_options_that_make_no_sense_are_refused(lambent: Commands) -> None:
    (lambent.folder / "src").mkdir()
    (lambent.folder / "src" / "app.py").write_text(CODE)
    (lambent.folder / "lambent.yaml").write_text(
        "stack: shop\nfunctions:\n  a: {code: src, runtime: python3.13, handler: app.handler}\n"
    )
    already = lambent.run("migrate", "a", "--to", "on-demand", expect=2)
    assert "shop-a is on on-demand already." in already.stderr
    capitals = lambent.run("migrate", "a", *MANAGED, "--architecture", "X86_64", expect=2)
    assert "in small letters" in capitals.stderr
    both = lambent.run("migrate", "a", *MANAGED, "--write", "-o", "x", expect=2)
    assert "exclude each other" in both.stderr
    unread = lambent.run("migrate", "a", "--from", "nothing.yaml", *MANAGED, expect=2)
    assert "There is no nothing.yaml." in unread.stderr
    (lambent.folder / "bad.tfstate").write_text("{")
    assert "is not JSON" in lambent.run("migrate", "a", "--from", "bad.tfstate", *MANAGED, expect=2).stderr


def test_a_proof_s_figures_are_written(lambent: Commands) -> None:
    (lambent.folder / "src").mkdir()
    (lambent.folder / "src" / "app.py").write_text("def handler(event, context):\n    return event\n")
    (lambent.folder / "lambent.yaml").write_text(
        "stack: shop\nfunctions:\n  a: {code: src, runtime: python3.13, handler: app.handler}\n"
    )
    (lambent.folder / "event.json").write_text('{"n": 1}')
    told = lambent.told(
        "migrate", "a", *MANAGED, "--event", "event.json", "--seconds", "1", "--concurrency", "2", "--json"
    )
    assert told["proof"]["requests"] > 0
    assert told["goal"]["why"]["max_concurrency"].startswith("measured: ")
    assert f"max_concurrency: {told['goal']['max_concurrency']}" in told["files"]["lambent.yaml"]


def test_code_in_a_template_is_examined_and_written_beside_the_manifest(lambent: Commands) -> None:
    body = "".join(f"          {line}\n" for line in CODE.splitlines())
    template = (
        "Resources:\n  Hello:\n    Type: AWS::Lambda::Function\n    Properties:\n      Runtime: python3.13\n"
        f"      Handler: index.handler\n      Code:\n        ZipFile: |\n{body}"
    )
    (lambent.folder / "template.yaml").write_text(template)
    told = lambent.told("migrate", "Hello", *MANAGED, "--json")
    assert "module-state" in rules(told)
    assert not (lambent.folder / "Hello").exists()
    lambent.run("migrate", "Hello", *MANAGED, "-o", "new")
    assert (lambent.folder / "new" / "Hello" / "index.py").read_text() == CODE
    assert "code: Hello\n" in (lambent.folder / "new" / "lambent.yaml").read_text()
    lambent.run("check", "new/lambent.yaml")
    (lambent.folder / "new" / "Hello" / "index.py").write_text("mine = 1\n")
    assert "index.py already" in lambent.run("migrate", "Hello", *MANAGED, "-o", "new", expect=2).stderr
    assert (lambent.folder / "new" / "Hello" / "index.py").read_text() == "mine = 1\n"
