"""Terraform with its AWS provider, as it is released, pointed at the platform by environment variables alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lambent.testing.platform import LocalPlatform, local_platform
from tests.requirements import ROOT, missing, process_environment, require_tool

HERE = Path(__file__).parent
ACCOUNT = "210987654321"
NO_DIFFERENCE, DIFFERENCE = 0, 2  # of `terraform plan -detailed-exitcode`


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
            timeout=120,
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

    def output(self, name: str) -> Any:  # Any: JSON
        """Return an output's value."""
        return json.loads(self.run("output", "-json", name).stdout)


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
def platform() -> Iterator[LocalPlatform]:
    """A platform of its own, so that the account is empty before and after."""
    with local_platform() as running:
        yield running


@pytest.fixture
def terraform(platform: LocalPlatform, tmp_path: Path) -> Terraform:
    """Terraform, initialised in a fresh folder."""
    program = require_tool("terraform")
    shutil.copy(HERE / "terraform" / "main.tf", tmp_path / "main.tf")
    configuration = tmp_path / "terraform.rc"
    configuration.write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{provider_mirror()}"\n  }}\n}}\n',
        encoding="utf-8",
    )
    environment = process_environment(
        TF_CLI_CONFIG_FILE=str(configuration),
        TF_IN_AUTOMATION="1",
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


@pytest.mark.timeout(300)
def test_terraform_creates_changes_and_destroys_a_function_with_its_role_alias_and_logs(
    terraform: Terraform, platform: LocalPlatform, tmp_path: Path
) -> None:
    first, second = package(tmp_path, "first"), package(tmp_path, "second")

    terraform.apply(package=first)
    assert terraform.output("account") == ACCOUNT
    assert terraform.output("version") == "1"
    assert terraform.output("answer") == [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55]
    assert terraform.plans_no_change(package=first)

    terraform.apply(package=second, memory_size=256)
    assert terraform.output("version") == "2"
    assert terraform.plans_no_change(package=second, memory_size=256)
    functions = platform.client("lambda", account=ACCOUNT, region="eu-central-1")
    configuration = functions.get_function_configuration(FunctionName="fibonacci", Qualifier="live")
    assert (configuration["Version"], configuration["MemorySize"]) == ("2", 256)

    terraform.run("destroy", "-auto-approve", "-input=false", *_flags({"package": second}))
    assert functions.list_functions()["Functions"] == []
    assert platform.client("iam", account=ACCOUNT).list_roles()["Roles"] == []
    logs = platform.client("logs", account=ACCOUNT, region="eu-central-1")
    assert logs.describe_log_groups()["logGroups"] == []
