"""Every Python that Lambda names runs a function that uses the SDK without knowing where it is."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.requirements import missing, require_python

HANDLER = """
import sys
import boto3

def handler(event, context):
    caller = boto3.client("sts").get_caller_identity()
    return {"python": "%d.%d" % sys.version_info[:2], "caller": caller["Arn"]}
"""


@pytest.fixture(scope="module")
def platform() -> Iterator[LocalPlatform]:
    """A platform for this file."""
    with local_platform() as running:
        yield running


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13"])
def test_a_function_reaches_the_platform_as_its_role(platform: LocalPlatform, version: str) -> None:
    require_python(version)
    if version == "3.9" and not (Path(sys.prefix) / "share" / "lambent" / "python3.9").is_dir():
        missing("boto3 for Python 3.9, which `make demo` and `make test` install")
    name = f"python{version.replace('.', '-')}"
    platform.create_function(name, zip_of({"handler.py": HANDLER}), Runtime=f"python{version}", Timeout=30)
    answer = json.loads(platform.client("lambda").invoke(FunctionName=name)["Payload"].read())
    assert answer["python"] == version
    assert answer["caller"].endswith(f"/{name}")


def test_a_runtime_that_is_not_here_is_run_by_the_nearest_and_says_so(platform: LocalPlatform) -> None:
    platform.create_function("newest", zip_of({"handler.py": HANDLER}), Runtime="python3.14", Timeout=30)
    answer = json.loads(platform.client("lambda").invoke(FunctionName="newest")["Payload"].read())
    assert answer["python"] in {"3.12", "3.13", "3.14"}


def test_the_end_of_one_platform_leaves_another_of_the_same_process_alone(platform: LocalPlatform) -> None:
    with local_platform() as other:
        other.create_function("there", zip_of({"handler.py": "def handler(e, c): return 1\n"}))
        assert other.client("lambda").invoke(FunctionName="there")["Payload"].read() == b"1"
    platform.create_function("here", zip_of({"handler.py": "def handler(e, c): return 2\n"}))
    assert platform.client("lambda").invoke(FunctionName="here")["Payload"].read() == b"2"
