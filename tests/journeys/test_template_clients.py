"""Existing templates, as they are, by the AWS CLI, SAM, CDK and `lambent up`; each tool is told what it expects."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lambent.base.clock import SystemClock
from lambent.testing.platform import LocalPlatform, local_platform
from tests.journeys.aws_shell import aws_shell
from tests.journeys.commands import Commands
from tests.requirements import optional_tool, process_environment, require_python
from tests.waiting import eventually

# SAM and CDK look whether a stack is done every few seconds, and CDK's takes seconds to start.
pytestmark = pytest.mark.timeout(400)
TEMPLATES = Path(__file__).parent / "templates"
REGION = "us-east-1"
FIRST = {"words": "Hello, Ada!", "memory": "128", "version": "1", "queue": "shop"}
SECOND = {"words": "Welcome, Ada!", "memory": "256", "version": "2", "queue": "shop"}


@dataclass(frozen=True)
class Account:
    """An account of the platform, and a folder with the project that is deployed to it."""

    platform: LocalPlatform
    id: str
    folder: Path

    def run(self, *command: str | Path, expect: int = 0, more: Mapping[str, str] | None = None, told: str = "") -> str:
        """Run a tool in the project's folder and return all that it prints; its exit code must be `expect`.

        `told` is what it reads from its input.
        """
        environment = process_environment(
            AWS_ENDPOINT_URL=self.platform.endpoint_url,
            AWS_ACCESS_KEY_ID=self.id,
            AWS_SECRET_ACCESS_KEY="local",
            AWS_DEFAULT_REGION=REGION,
            AWS_REGION=REGION,
            AWS_CONFIG_FILE=os.devnull,
            AWS_SHARED_CREDENTIALS_FILE=os.devnull,
            AWS_EC2_METADATA_DISABLED="true",
            AWS_PROFILE=None,
            AWS_PAGER="",
            HOME=str(self.folder),
            TMPDIR=str(self.folder),
            PYTHONWARNINGS="ignore",
            **(more or {}),
        )
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
            input=told,
        )
        printed = done.stdout + done.stderr
        assert done.returncode == expect, f"{' '.join(map(str, command))}:\n{printed[-4000:]}"
        return printed

    def client(self, service: str) -> Any:  # Any: boto3's clients are classes made at run time
        """Return a client of a service in this account."""
        return self.platform.client(service, account=self.id, region=REGION)

    def outputs(self, stack: str) -> Mapping[str, str]:
        """Return a stack's outputs."""
        told = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        return {one["OutputKey"]: one["OutputValue"] for one in told["Outputs"]}

    def answer(self, stack: str, output: str = "Name") -> Any:  # Any: JSON
        """Invoke the function that an output names, and return its answer."""
        name = self.outputs(stack)[output]
        return json.loads(self.client("lambda").invoke(FunctionName=name, Payload=b'{"name": "Ada"}')["Payload"].read())

    def what_is_left(self, *kept: str) -> dict[str, list[str]]:
        """Return what there is in the account, by kind; `kept` are the stacks that a tool keeps for itself."""
        functions, stacks = self.client("lambda"), self.client("cloudformation")
        found = {
            "stacks": [one["StackName"] for one in stacks.describe_stacks()["Stacks"] if one["StackName"] not in kept],
            "functions": [one["FunctionName"] for one in functions.list_functions()["Functions"]],
            "layers": [one["LayerName"] for one in functions.list_layers()["Layers"]],
            "queues": self.client("sqs").list_queues().get("QueueUrls", []),
            "roles": [
                one["RoleName"] for one in self.client("iam").list_roles()["Roles"] if "cdk-" not in one["RoleName"]
            ],
        }
        return {kind: names for kind, names in found.items() if names}


def project(tmp_path: Path, name: str) -> Path:
    """Return a copy of a project that may be changed."""
    return Path(shutil.copytree(TEMPLATES / name, tmp_path / name))


def change_memory(folder: Path) -> None:
    """Change the template, as somebody would who works on it."""
    template = folder / "template.yaml"
    template.write_text(template.read_text().replace("MemorySize: 128", "MemorySize: 256"))


def await_the_next_second() -> None:
    """Return in another second than that of the call: the AWS CLI names its change sets by the second."""
    now = int(SystemClock().now())
    eventually(lambda: int(SystemClock().now()) > now)


def test_the_aws_cli_packages_and_deploys_a_sam_template_as_it_is(platform: LocalPlatform, tmp_path: Path) -> None:
    account = Account(platform, "100000000011", project(tmp_path, "sam"))
    account.client("s3").create_bucket(Bucket="packages")
    package = (
        *("cloudformation", "package", "--template-file", "template.yaml"),
        *("--s3-bucket", "packages", "--output-template-file", "packaged.yaml"),
    )
    deploy = (
        *("cloudformation", "deploy", "--template-file", "packaged.yaml", "--stack-name", "shop"),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
    )
    with aws_shell(platform.endpoint_url, account.id, account.folder, REGION) as aws:
        assert "Successfully packaged artifacts" in aws(*package, text=True)
        assert "Successfully created/updated stack - shop" in aws(*deploy, text=True)
        assert account.answer("shop", "Alias") == FIRST

        await_the_next_second()
        unchanged = aws(*deploy, "--no-fail-on-empty-changeset", text=True)
        assert "No changes to deploy. Stack shop is up to date" in unchanged

        change_memory(account.folder)
        aws(*package, text=True)
        await_the_next_second()
        aws(*deploy, "--parameter-overrides", "Greeting=Welcome", text=True)
        assert account.answer("shop", "Alias") == SECOND

        aws("cloudformation", "delete-stack", "--stack-name", "shop")
        aws("cloudformation", "wait", "stack-delete-complete", "--stack-name", "shop")
    assert account.what_is_left() == {}


def test_sam_builds_deploys_and_deletes_its_template_as_it_is(platform: LocalPlatform, tmp_path: Path) -> None:
    sam = optional_tool("sam", "LAMBENT_TEST_SAM")
    python = require_python("3.11")
    account = Account(platform, "100000000012", project(tmp_path, "sam"))

    def run(*arguments: str, expect: int = 0, told: str = "") -> str:
        path = f"{python.parent}:{process_environment()['PATH']}"
        surroundings = {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "1", "PATH": path}
        return account.run(sam, *arguments, expect=expect, more=surroundings, told=told)

    deploy = ("deploy", "--stack-name", "shop", "--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-progressbar")
    assert "Build Succeeded" in run("build")
    assert "Successfully created/updated stack - shop" in run(*deploy)
    assert account.answer("shop", "Alias") == FIRST

    assert "No changes to deploy. Stack shop is up to date" in run(*deploy, expect=1)

    change_memory(account.folder)
    run("build")
    assert "UPDATE_COMPLETE" in run(*deploy, "--parameter-overrides", "Greeting=Welcome")
    assert account.answer("shop", "Alias") == SECOND

    # It asks whether this is a stack for development, and for CloudFormation's express mode.
    (account.folder / "src" / "app.py").write_text('def handler(event, context):\n    return "synchronized"\n')
    template = account.folder / "template.yaml"
    template.write_text(template.read_text().replace("MemorySize: 256", "MemorySize: 512"))
    sync = ("sync", "--no-watch", "--no-dependency-layer", "--stack-name", "shop", "--capabilities", "CAPABILITY_IAM")
    assert "Sync infra completed" in run(*sync, "CAPABILITY_AUTO_EXPAND", told="Y\n")
    assert account.answer("shop") == "synchronized"
    assert '"shop-orders' in run("list", "resources", "--stack-name", "shop", "--output", "json").replace("/", '"')
    assert "synchronized" in run("remote", "invoke", "Greeter", "--stack-name", "shop")

    assert "Deleted successfully" in run("delete", "--stack-name", "shop", "--no-prompts", "--region", REGION)
    assert account.what_is_left("aws-sam-cli-managed-default") == {}


def test_cdk_bootstraps_deploys_and_destroys_its_app_as_it_is(platform: LocalPlatform, tmp_path: Path) -> None:
    cdk = optional_tool("cdk", "LAMBENT_TEST_CDK")
    modules = cdk.resolve().parents[2]
    if not (modules / "aws-cdk-lib").is_dir():
        pytest.skip(f"needs aws-cdk-lib beside the program cdk, in {modules}")
    account = Account(platform, "100000000013", project(tmp_path, "cdk"))

    def run(*arguments: str) -> str:
        quiet = {"CDK_DISABLE_CLI_TELEMETRY": "true", "CI": "1", "NODE_PATH": str(modules)}
        return account.run(cdk, *arguments, "--no-notices", more=quiet)

    deploy = ("deploy", "--require-approval", "never")
    assert "bootstrapped" in run("bootstrap", f"aws://{account.id}/{REGION}")
    assert "Shop.Name" in run(*deploy)
    assert account.answer("Shop") == {"memory": "128"}

    assert "(no changes)" in run(*deploy)
    assert "MemorySize" in run("diff", "--context", "memory=256")
    run(*deploy, "--context", "memory=256")
    assert account.answer("Shop") == {"memory": "256"}

    assert "destroyed" in run("destroy", "--force")
    assert account.what_is_left("CDKToolkit") == {}


def test_lambent_deploys_the_same_sam_template_as_it_is(tmp_path: Path) -> None:
    with local_platform() as platform:
        account = Account(platform, "000000000000", project(tmp_path, "sam"))
        lambent = Commands(account.folder, platform.port)
        up = ("up", "template.yaml", "--stack", "shop", "--json")
        assert lambent.told(*up)["changed"] is True
        assert account.answer("shop", "Alias") == FIRST

        assert lambent.told(*up)["changed"] is False

        change_memory(account.folder)
        assert lambent.told(*up, "--set", "Greeting=Welcome")["changed"] is True
        assert account.answer("shop", "Alias") == SECOND
        # Without --set the parameter has its default again; SAM publishes no version for a parameter's value.
        assert lambent.told(*up)["changed"] is True
        assert account.answer("shop")["words"] == "Hello, Ada!"

        lambent.run("down", "template.yaml", "--stack", "shop", "--yes")
        assert account.what_is_left("lambent-bootstrap") == {}
