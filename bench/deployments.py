"""`python bench/deployments.py`: what checking and deploying a system costs, command by command, as a user would wait.

Each figure is the wall time of one whole command, its start included. The floors: starting Python and reading the same
YAML (for `check`), `terraform apply` of a module that declares nothing (for Terraform).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from figures import Promise
from recording import conclude
from servers import Server, lambent

HERE = Path(__file__).parent
ROOT = HERE.parent
FIBONACCI = ROOT / "examples" / "fibonacci"
MIRROR = "*/hashicorp/aws/*5.100.0*"
TERRAFORM = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "5.100.0" }
  }
}
provider "aws" { region = "us-east-1" }
"""
RESOURCES = """
resource "aws_iam_role" "role" {
  name = "bench"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}
resource "aws_cloudwatch_log_group" "logs" {
  name              = "/aws/lambda/bench"
  retention_in_days = 30
}
resource "aws_lambda_function" "function" {
  function_name = "bench"
  filename      = "code.zip"
  role          = aws_iam_role.role.arn
  runtime       = "python3.13"
  handler       = "lambda_function.lambda_handler"
  publish       = true
  depends_on    = [aws_cloudwatch_log_group.logs]
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.function.function_name
  function_version = aws_lambda_function.function.version
}
"""


def manifest(stack: str, functions: int) -> str:
    """Return a manifest of so many functions, each with its role, log group, version and alias."""
    head = f"stack: {stack}\ndefaults:\n  runtime: python3.13\nfunctions:\n"
    one = """  worker{n:03}:
    code: src
    handler: lambda_function.lambda_handler
    memory: 256
    timeout: 30s
    alias: live
    environment:
      NUMBER: "{n}"
"""
    return head + "".join(one.format(n=n) for n in range(functions))


def seconds(command: Sequence[str], *, cwd: Path, environment: dict[str, str]) -> float:
    """Run a command to its end and return how long it took; its failure ends the benchmark with what it printed."""
    began = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return took


class Bench:
    """The measurements, each repeated; commands run in `folder`."""

    def __init__(self, server: Server, folder: Path, rounds: int) -> None:
        self.server = server
        self.folder = folder
        self.rounds = rounds
        self.environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        shutil.copytree(FIBONACCI / "src", folder / "src")

    def lambent(self, *arguments: str) -> float:
        """Return the seconds of one `lambent` command."""
        command = [sys.executable, "-m", "lambent", *arguments]
        return seconds(command, cwd=self.folder, environment=self.environment)

    def repeated(self, once: Callable[[int], float]) -> float:
        """Return the median over the rounds."""
        return statistics.median(once(number) for number in range(self.rounds))

    def check(self) -> tuple[float, float]:
        """Return the floor and ours for a manifest of 500 functions."""
        (self.folder / "many.yaml").write_text(manifest("many", 500))
        reading = "import yaml; yaml.load(open('many.yaml'), yaml.CSafeLoader)"
        floor = self.repeated(
            lambda _: seconds([sys.executable, "-c", reading], cwd=self.folder, environment=self.environment)
        )
        return floor, self.repeated(lambda _: self.lambent("check", "many.yaml"))

    def up_fibonacci(self) -> tuple[float, float]:
        """Return the seconds of a first `up` of the Fibonacci system, and of one that changes nothing."""
        where = [str(FIBONACCI), "--port", str(self.server.port)]
        first, unchanged = [], []
        for number in range(self.rounds + 1):
            took = self.lambent("up", *where), self.lambent("up", *where)
            self.lambent("down", "--yes", *where)
            if number > 0:  # the first makes the artifact bucket
                first.append(took[0])
                unchanged.append(took[1])
        return statistics.median(first), statistics.median(unchanged)

    def up_hundred(self) -> float:
        """Return the seconds of a first `up` of 100 functions with roles, log groups, versions and aliases."""

        def once(number: int) -> float:
            name = f"hundred-{number}"
            (self.folder / f"{name}.yaml").write_text(manifest(name, 100))
            took = self.lambent("up", f"{name}.yaml", "--port", str(self.server.port))
            self.lambent("down", f"{name}.yaml", "--yes", "--port", str(self.server.port))
            return took

        return self.repeated(once)

    def terraform(self) -> tuple[float, float] | None:
        """Return the seconds of an empty apply and of one with role, log group, function and alias."""
        program = shutil.which("terraform")
        mirrors = [folder for folder in Path("/opt").glob("*") if list(folder.glob(MIRROR))]
        if program is None or not mirrors:
            return None
        folder = self.folder / "terraform"
        folder.mkdir()
        shutil.make_archive(str(folder / "code"), "zip", self.folder / "src")
        settings = folder / "settings.tfrc"
        settings.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{mirrors[0]}" }}\n}}\n')
        environment = {
            **self.environment,
            "TF_CLI_CONFIG_FILE": str(settings),
            "AWS_ENDPOINT_URL": self.server.url,
            "AWS_ACCESS_KEY_ID": "000000000000",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

        def apply(text: str, verb: str = "apply") -> float:
            (folder / "main.tf").write_text(text)
            command = [program, verb, "-auto-approve", "-input=false"]
            return seconds(command, cwd=folder, environment=environment)

        (folder / "main.tf").write_text(TERRAFORM)
        seconds([program, "init", "-input=false"], cwd=folder, environment=environment)
        empty, full = [], []
        for _ in range(self.rounds):
            empty.append(apply(TERRAFORM))
            full.append(apply(TERRAFORM + RESOURCES))
            apply(TERRAFORM + RESOURCES, "destroy")
        return statistics.median(empty), statistics.median(full)


def measure(rounds: int) -> tuple[list[str], list[Promise]]:
    """Run everything on a durable platform of its own; return plain lines and the figures that have a bound."""
    with lambent() as server, contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lambent-bench-")))
        bench = Bench(server, folder, rounds)
        floor, check = bench.check()
        first, unchanged = bench.up_fibonacci()
        hundred = bench.up_hundred()
        applied = bench.terraform()
    lines = [f"check of 500 functions: {check / floor:.1f} times the floor of {floor:.2f} s"]
    found = [
        Promise("check of 500 functions (s)", check, 1),
        Promise("up of the Fibonacci system (s)", first, 1),
        Promise("up that changes nothing (s)", unchanged, 0.5),
        Promise("up of 100 functions (s)", hundred, 5),
    ]
    if applied is None:
        lines.append("Terraform was not measured: it needs terraform, and its AWS provider in a mirror under /opt")
    else:
        empty, full = applied
        # The provider sleeps five seconds before it looks at a function it has made (waitFunctionCreated, Delay).
        rest = full - empty - 5
        lines.append(
            f"terraform apply {full:.2f} s, an empty one {empty:.2f} s; without the provider's 5 s {rest:.2f} s"
        )
    return lines, found


def main() -> None:
    """Measure, print, record; exit with 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each command is repeated; the median counts")
    options = parser.parse_args()
    lines, found = measure(options.rounds)
    lines.append(f"load average afterwards {os.getloadavg()[0]:.1f}; medians of {options.rounds}")
    conclude("deployments", found, lines)


if __name__ == "__main__":
    main()
