"""Terraform with its AWS provider, as it is released, pointed at the platform by environment variables alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lambent.testing.platform import LocalPlatform
from tests.requirements import ROOT, missing, process_environment, require_tool

HERE = Path(__file__).parent
ACCOUNT = "210987654321"
REGION = "eu-central-1"
NO_DIFFERENCE, DIFFERENCE = 0, 2  # of `terraform plan -detailed-exitcode`
# Every resource of Lambda's that the provider has, and what identifies it; an aws_lambda_invocation cannot be imported.
IMPORTED = {
    "aws_lambda_alias": "{function_name}/{name}",
    "aws_lambda_code_signing_config": "{arn}",
    "aws_lambda_event_source_mapping": "{uuid}",
    "aws_lambda_function": "{function_name}",
    "aws_lambda_function_event_invoke_config": "{id}",
    "aws_lambda_function_recursion_config": "{function_name}",
    "aws_lambda_function_url": "{id}",
    "aws_lambda_layer_version": "{arn}",
    "aws_lambda_layer_version_permission": "{layer_name},{version_number}",
    "aws_lambda_permission": "{function_name}{of_qualifier}/{statement_id}",
    "aws_lambda_provisioned_concurrency_config": "{function_name},{qualifier}",
    "aws_lambda_runtime_management_config": "{function_name},{qualifier}",
}
DATA_SOURCES = {
    f"aws_lambda_{name}"
    for name in (
        "alias", "code_signing_config", "function", "function_url", "functions", "invocation", "layer_version",
    )
}  # fmt: skip
# What Terraform alone knows, so that no import brings it.
NOT_KEPT_BY_AWS = {
    "filename", "publish", "replace_security_groups_on_destroy", "s3_bucket", "s3_key", "skip_destroy",
    "source_code_hash", "statement_id_prefix",
}  # fmt: skip


@cache
def provider_mirror() -> Path:
    """Return the filesystem mirror that holds the provider: a folder of hosts, each with its namespaces."""
    named = process_environment().get("TF_PLUGIN_MIRROR")
    usual = [Path.home() / ".terraform.d/plugins", Path("/usr/share/terraform/plugins"), *Path("/opt").glob("*")]
    for folder in [Path(named)] if named else usual:
        if list(folder.glob("*/hashicorp/aws/*5.100.0*")):
            return folder
    return missing("the Terraform provider hashicorp/aws 5.100.0 in a filesystem mirror (or TF_PLUGIN_MIRROR)")


@dataclass(frozen=True)
class Terraform:
    """Terraform in a working folder, pointed at a platform."""

    program: Path
    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str, expect: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        """Run one command; its exit code must be expected."""
        done = subprocess.run(
            [str(self.program), *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode in expect, f"terraform {arguments[0]}:\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}"
        return done

    def apply(self, **variables: object) -> None:
        """Apply with the given variables."""
        self.run("apply", "-auto-approve", "-input=false", *_flags(variables))

    def plans_no_change(self, **variables: object) -> bool:
        """Whether a plan finds nothing to do."""
        done = self.run("plan", "-detailed-exitcode", "-input=false", *_flags(variables), expect=(0, DIFFERENCE))
        return done.returncode == NO_DIFFERENCE

    def outputs(self) -> dict[str, Any]:  # Any: JSON
        """Return the values of all outputs."""
        return {name: output["value"] for name, output in self._state()["outputs"].items()}

    def held(self, mode: str) -> set[tuple[str, str]]:
        """Return type and name of all that the state has: `mode` is "managed" or "data"."""
        return {(one["type"], one["name"]) for one in self._state()["resources"] if one["mode"] == mode}

    def _state(self) -> dict[str, Any]:  # Any: JSON
        # `terraform output` starts for a second only to read this file.
        state: dict[str, Any] = json.loads((self.folder / "terraform.tfstate").read_text(encoding="utf-8"))
        return state


def _flags(variables: dict[str, object]) -> list[str]:
    return [f"-var={name}={value}" for name, value in variables.items()]


def package(folder: Path, marker: str) -> Path:
    """Write the Fibonacci function's package, different for each marker, and return its path."""
    target = folder / f"{marker}.zip"
    source = ROOT / "examples" / "fibonacci" / "src" / "lambda_function.py"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("lambda_function.py", f"# {marker}\n{source.read_text(encoding='utf-8')}")
    return target


@pytest.fixture
def terraform(platform: LocalPlatform, tmp_path: Path) -> Terraform:
    """Terraform, initialised in a fresh folder."""
    program = require_tool("terraform")
    for file in (HERE / "terraform").glob("*.tf"):
        shutil.copy(file, tmp_path)
    configuration = tmp_path / "terraform.rc"
    configuration.write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{provider_mirror()}"\n  }}\n}}\n',
        encoding="utf-8",
    )
    environment = process_environment(
        TF_CLI_CONFIG_FILE=str(configuration),
        TF_IN_AUTOMATION="1",
        TF_CLI_ARGS="-no-color",
        GOGC="400",  # each command loads the whole provider: a third of its time goes into collecting garbage
        CHECKPOINT_DISABLE="1",
        AWS_ENDPOINT_URL=platform.endpoint_url,
        AWS_ACCESS_KEY_ID=ACCOUNT,
        AWS_SECRET_ACCESS_KEY="local",
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_PROFILE=None,
    )
    ready = Terraform(program, tmp_path, environment)
    ready.run("init", "-input=false")
    return ready


@pytest.fixture
def neighbours(platform: LocalPlatform) -> dict[str, str]:
    """What another team runs, which Terraform would take half a minute to wait for."""
    queues, tables, keys = (
        platform.client(name, account=ACCOUNT, region=REGION) for name in ("sqs", "dynamodb", "kms")
    )

    def queue(name: str) -> str:
        address = queues.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
        described = queues.get_queue_attributes(QueueUrl=address, AttributeNames=["QueueArn"])
        return str(described["Attributes"]["QueueArn"])

    table = tables.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    key = keys.create_key()["KeyMetadata"]["Arn"]
    return {"jobs": queue("jobs"), "dead": queue("dead"), "stream": table["LatestStreamArn"], "key": key}


@pytest.mark.timeout(600)
def test_terraform_makes_changes_replaces_imports_and_destroys_all_that_it_has_of_lambda(
    terraform: Terraform, platform: LocalPlatform, tmp_path: Path, neighbours: dict[str, str]
) -> None:
    first = {"package": package(tmp_path, "first"), "neighbours": json.dumps(neighbours)}
    second = {**first, "package": package(tmp_path, "second"), "changed": "true"}

    terraform.apply(**first)
    assert {type_ for type_, _ in terraform.held("managed")} >= IMPORTED.keys() | {"aws_lambda_invocation"}
    assert {type_ for type_, _ in terraform.held("data")} >= DATA_SOURCES
    assert terraform.outputs()["seen"] == {
        "account": ACCOUNT, "made": [0, 1, 1, 2, 3], "asked": 10, "version": "1",
        "functions": ["networked-first", "numbers"], "memory": 128, "layers": True, "networked": True, "alias": "1",
        "signing": "first warning", "url": "NONE", "layer": "first layer", "runtime": 1,
    }  # fmt: skip
    zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    assert terraform.outputs()["around"] == {
        "region": REGION, "zones": zones, "subnets": zones, "tables": 1, "attached": True, "key": "AWS", "group": 14,
        "caller": f"arn:aws:iam::{ACCOUNT}:root", "role": True, "package": True, "registry": "AWS",
    }  # fmt: skip
    assert terraform.plans_no_change(**first)

    terraform.apply(**second)
    assert terraform.outputs()["seen"] == {
        "account": ACCOUNT, "made": [0, 1, 1, 2, 3, 5], "asked": 10, "version": "2",
        "functions": ["networked-second", "numbers"], "memory": 128, "layers": False, "networked": True, "alias": "1",
        "signing": "second warning", "url": "AWS_IAM", "layer": "second layer", "runtime": 2,
    }  # fmt: skip
    assert terraform.plans_no_change(**second)
    functions = platform.client("lambda", account=ACCOUNT, region=REGION)
    configuration = functions.get_function_configuration(FunctionName="numbers", Qualifier="2")
    assert (configuration["MemorySize"], configuration["Environment"]["Variables"]) == (256, {"STAGE": "second"})
    assert functions.get_alias(FunctionName="numbers", Name="live")["RoutingConfig"] == {
        "AdditionalVersionWeights": {"2": 0.5}
    }

    assert_imports_what_it_had(terraform, second)

    terraform.run("destroy", "-auto-approve", "-input=false", *_flags(second))
    assert functions.list_functions()["Functions"] == []
    assert functions.list_layers()["Layers"] == []
    assert functions.list_event_source_mappings()["EventSourceMappings"] == []
    assert functions.list_code_signing_configs()["CodeSigningConfigs"] == []
    iam = platform.client("iam", account=ACCOUNT)
    assert (iam.list_roles()["Roles"], iam.list_policies(Scope="Local")["Policies"]) == ([], [])
    assert platform.client("logs", account=ACCOUNT, region=REGION).describe_log_groups()["logGroups"] == []


def assert_imports_what_it_had(terraform: Terraform, variables: dict[str, object]) -> None:
    """A state that has forgotten all of Lambda's resources reads each of them again as it was."""
    state = terraform.folder / "terraform.tfstate"
    kept = state.read_text(encoding="utf-8")
    before = json.loads(kept)
    forgotten = [one for one in before["resources"] if one["mode"] == "managed" and one["type"] in IMPORTED]
    wanted = {f"{one['type']}.{one['name']}": one["instances"][0]["attributes"] for one in forgotten}
    imports = terraform.folder / "imports.tf"
    imports.write_text("".join(_import_block(address, had) for address, had in wanted.items()), encoding="utf-8")
    others = [one for one in before["resources"] if one not in forgotten]
    state.write_text(json.dumps({**before, "resources": others}), encoding="utf-8")

    terraform.run("plan", "-input=false", "-out=plan", *_flags(variables))
    plan = json.loads(terraform.run("show", "-json", "plan").stdout)
    imports.unlink()
    state.write_text(kept, encoding="utf-8")
    changes = {one["address"]: one["change"] for one in plan["resource_changes"] if "importing" in one["change"]}
    assert {address: _known(change["before"]) for address, change in changes.items()} == {
        address: _known(had) for address, had in wanted.items()
    }


def _import_block(address: str, had: dict[str, Any]) -> str:  # Any: JSON
    of_qualifier = f":{had['qualifier']}" if had.get("qualifier") else ""
    identifier = IMPORTED[address.partition(".")[0]].format(
        **{**had, "qualifier": had.get("qualifier") or "", "of_qualifier": of_qualifier}
    )
    return f'import {{\n  to = {address}\n  id = "{identifier}"\n}}\n'


def _known(attributes: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    # What is left out is null in one place and empty in another.
    return {name: value or None for name, value in attributes.items() if name not in NOT_KEPT_BY_AWS}
