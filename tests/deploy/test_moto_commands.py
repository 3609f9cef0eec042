"""`lambent --target aws` against moto's server, found by the variables that lead every AWS tool: AWS_ENDPOINT_URL."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lambent.aws.clients import Target
from tests.journeys.commands import Commands

pytestmark = pytest.mark.timeout(120)
Run = Callable[..., "subprocess.CompletedProcess[str]"]
MANIFEST = """
stack: {stack}
defaults: {{runtime: python3.12, handler: app.handler}}
layers:
  common: {{code: layer, runtimes: [python3.12]}}
functions:
  one: {{code: src, layers: ["${{layers.common}}"]}}
  two: {{code: src, memory: {memory}, environment: {{OTHER: "${{functions.one.arn}}"}}}}
outputs:
  one: ${{functions.one.name}}
"""
IMPORTING = """
stack: importing
functions:
  reader: {code: src, runtime: python3.12, handler: app.handler, environment: {TABLE: "${stacks.nowhere.table}"}}
"""


@pytest.fixture
def lambent(target: Target, tmp_path: Path) -> Iterator[Run]:
    """Runs a command with AWS as its target; what it deployed is gone after the test."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("def handler(event, context):\n    return 1\n")
    (tmp_path / "layer" / "shared").mkdir(parents=True)
    (tmp_path / "layer" / "shared" / "__init__.py").write_text("WORD = 1\n")
    commands = Commands(tmp_path, 1)
    surroundings = {
        "AWS_ENDPOINT_URL": target.endpoint_url,
        "AWS_ACCESS_KEY_ID": target.access_key,
        "AWS_SECRET_ACCESS_KEY": target.secret_key,
        "AWS_DEFAULT_REGION": target.region,
        "AWS_PROFILE": None,
        "LAMBENT_TARGET": "aws",
        "LAMBENT_PORT": None,
    }

    def run(*arguments: str, expect: int = 0, **changes: str | None) -> subprocess.CompletedProcess[str]:
        return commands.run(*arguments, expect=expect, **{**surroundings, **changes})

    run("bootstrap")
    yield run
    stacks = target.client("cloudformation")
    for one in stacks.describe_stacks()["Stacks"]:
        stacks.delete_stack(StackName=one["StackName"])
    buckets = target.client("s3")
    for bucket in buckets.list_buckets()["Buckets"]:
        for kept in buckets.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            buckets.delete_object(Bucket=bucket["Name"], Key=kept["Key"])
        buckets.delete_bucket(Bucket=bucket["Name"])


def write(folder: Path, stack: str, memory: int = 128) -> None:
    """Write a manifest of two functions, one of which has a layer and one of which knows the other."""
    (folder / "lambent.yaml").write_text(MANIFEST.format(stack=stack, memory=memory))


def test_functions_with_a_layer_and_a_reference_are_deployed_changed_and_removed(
    lambent: Run, target: Target, tmp_path: Path
) -> None:
    functions = target.client("lambda")
    write(tmp_path, "pair")
    assert json.loads(lambent("up", "--json").stdout)["changed"] is True
    found = {one["FunctionName"]: one for one in functions.list_functions()["Functions"]}
    assert found["pair-two"]["Environment"]["Variables"] == {"OTHER": found["pair-one"]["FunctionArn"]}
    assert "pair-" in {one["LayerName"][:5] for one in functions.list_layers()["Layers"]}  # moto keeps those of others
    assert "nothing was done" in lambent("up").stderr

    write(tmp_path, "pair", memory=256)
    plan = json.loads(lambent("plan", "--json", "--out", "a.plan").stdout)
    assert ("change", "TwoFunction") in [(one["action"], one["logical_id"]) for one in plan["changes"]]
    lambent("up", "--plan", "a.plan")
    assert functions.get_function_configuration(FunctionName="pair-two")["MemorySize"] == 256

    assert "Say it with --yes." in lambent("down", expect=2).stderr
    assert "Stack pair is gone." in lambent("down", "--yes").stderr
    left = functions.list_functions()["Functions"]
    assert not [one["FunctionName"] for one in left if one["FunctionName"].startswith("pair-")]


def test_code_goes_nowhere_before_its_bucket_is_there(lambent: Run, target: Target, tmp_path: Path) -> None:
    write(tmp_path, "early")
    refused = lambent("up", expect=1, AWS_DEFAULT_REGION="eu-central-1").stderr
    assert "There is no artifact bucket lambent-artifacts-123456789012-eu-central-1." in refused
    assert "lambent bootstrap" in refused
    found = target.client("lambda").list_functions()["Functions"]
    assert not [one["FunctionName"] for one in found if one["FunctionName"].startswith("early-")]


def test_what_the_target_refuses_is_told_in_its_own_words(lambent: Run, tmp_path: Path) -> None:
    (tmp_path / "lambent.yaml").write_text(IMPORTING)
    refused = lambent("up", expect=1).stderr
    assert "Error: ExecuteChangeSet failed: No export named nowhere:table found." in refused
    assert "AWS error code: ValidationError" in refused


def test_an_answer_that_is_none_is_told_as_such(lambent: Run, tmp_path: Path) -> None:
    write(tmp_path, "drifting")
    lambent("up")
    # Moto cannot tell drift: it answers with a page, as a proxy does that has lost its way.
    told = lambent("diff", expect=1).stderr
    assert "Error: The call did not get through: Unable to parse response" in told
    assert "html" not in told
    assert "See whether --profile, --region" in told


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"AWS_PROFILE": "nobody"}, "The config profile (nobody) could not be found"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "Could not connect to the endpoint URL"),
        ({"AWS_DEFAULT_REGION": None}, "You must specify a region."),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "Unable to locate credentials"),
    ],
    ids=["no profile", "no endpoint", "no region", "no credentials"],
)
def test_surroundings_that_do_not_fit_are_told_with_what_to_look_at(
    lambent: Run, tmp_path: Path, changes: dict[str, str | None], words: str
) -> None:
    write(tmp_path, "nowhere")
    none = {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    told = lambent("plan", expect=1, **{**none, **changes}).stderr
    assert words in told
    assert "See whether --profile, --region and the variables of AWS in the environment are what you mean." in told
