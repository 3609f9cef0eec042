"""`lambent fault` beside the walk of its page: names of a manifest, refusals, and a restart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.journeys.commands import Commands

MANIFEST = """
stack: shop
functions:
  checkout: {runtime: python3.13, handler: app.handler, code: ., timeout: 10}
queues:
  jobs: {}
"""
TEMPLATE = {"Resources": {"JobsQueue": {"Type": "AWS::SQS::Queue"}}}


@pytest.fixture(scope="module")
def platform() -> Iterator[LocalPlatform]:
    """A platform with a function, and a stack's queue, that these tests make fail."""
    with local_platform(virtual_time=True) as running:
        running.clock.freeze()
        running.create_function("double", zip_of({"handler.py": "def handler(e, c): return e['n'] * 2\n"}))
        stacks = running.client("cloudformation")
        stacks.create_stack(StackName="shop", TemplateBody=json.dumps(TEMPLATE))
        stacks.get_waiter("stack_create_complete").wait(StackName="shop", WaiterConfig={"Delay": 0.1})
        yield running


def test_a_project_s_queue_is_named_as_its_manifest_does(platform: LocalPlatform, tmp_path: Path) -> None:
    (tmp_path / "lambent.yaml").write_text(MANIFEST)
    lambent = Commands(tmp_path, platform.port)
    begun = lambent.told("fault", "reorder", "jobs", "--delay", "30s", "--json")
    assert begun["name"].startswith("sqs:shop-JobsQueue-")
    assert lambent.told("fault", "clear", "queue:jobs", "--json")["cleared"][0]["id"] == begun["id"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("throttle", "doubel"), 1, "Did you mean lambda:double?"),
        (("duplicate", "double", "--for", "soon"), 2, "'soon' is no span of time."),
        (("error", "double", "--target", "aws"), 2, "Only the platform here takes faults."),
        (("explode", "double"), 2, "There is no fault 'explode'."),
        (("clear", "double"), 1, "lambda:double has no faults."),
    ],
)
def test_what_cannot_be_done_gets_one_clear_error(
    platform: LocalPlatform, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    assert words in Commands(tmp_path, platform.port).run("fault", *arguments, expect=code).stderr


def test_a_fault_goes_on_after_a_restart(tmp_path: Path) -> None:
    def send(running: LocalPlatform) -> None:
        running.client("sqs").send_message(QueueUrl=f"{running.endpoint_url}/000000000000/jobs", MessageBody="x")

    with local_platform(data_dir=tmp_path / "data", virtual_time=True) as running:
        running.client("sqs").create_queue(QueueName="jobs")
        Commands(tmp_path, running.port).run("fault", "throttle", "jobs", "--for", "1h")
        with pytest.raises(ClientError, match="RequestThrottled"):
            send(running)
    with local_platform(data_dir=tmp_path / "data", virtual_time=True) as running:
        with pytest.raises(ClientError, match="RequestThrottled"):
            send(running)
        (fault,) = Commands(tmp_path, running.port).told("fault", "list", "--json")["faults"]
        assert (fault["name"], fault["strikes"]) == ("sqs:jobs", 2)
        running.clock.advance(3600)
        send(running)
