"""The pipeline of examples/flight-pipeline, deployed as it stands and driven through a virtual hour."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lambent.testing.platform import LocalPlatform, local_platform
from tests.prepared.program import LAMBENT
from tests.requirements import ROOT, process_environment

FOLDER = ROOT / "examples" / "flight-pipeline"
pytestmark = pytest.mark.timeout(600)  # Parquet is a layer of 55 MB, which pip has to fetch


@dataclass(frozen=True)
class Pipeline:
    """The pipeline that runs, what its stack tells, and the source it asks."""

    platform: LocalPlatform
    told: dict[str, str]
    feed: Any  # Any: of the example, which is no package

    def lambent(self, *arguments: str) -> str:
        """Run a command on it."""
        return lambent(self.platform, *arguments)

    def executions(self, stage: str) -> list[dict[str, Any]]:  # Any: DynamoDB's items
        """What the pipeline noted of a stage."""
        items = self.platform.client("dynamodb").scan(TableName=self.told["executions"])["Items"]
        return [item for item in items if item["id"]["S"].startswith(f"{stage}#")]

    def sum(self, stage: str, name: str) -> int:
        """A number of a stage, of all its files."""
        return sum(int(item[name]["N"]) for item in self.executions(stage) if name in item)

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """The keys of one of its buckets."""
        listed = self.platform.client("s3").list_objects_v2(Bucket=self.told[bucket], Prefix=prefix)
        return [each["Key"] for each in listed.get("Contents", [])]


def lambent(platform: LocalPlatform, *arguments: str) -> str:
    """Run a command on a platform, as people do."""
    done = subprocess.run(
        [*LAMBENT.command(), *arguments],
        env=process_environment(LAMBENT_PORT=str(platform.port), NO_COLOR="1"),
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    """The pipeline after an hour in the middle of which its source failed for twenty minutes."""
    found = importlib.util.spec_from_file_location("flight_source", FOLDER / "source.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    with module.source() as feed, local_platform(virtual_time=True) as platform:
        lambent(platform, "clock", "freeze")
        told = lambent(platform, "up", str(FOLDER), "--set", f"source={feed.url}")
        stack = dict(line.split(maxsplit=1) for line in told.splitlines() if line)
        for fails in (False, True, False):
            feed.fails = fails
            lambent(platform, "clock", "advance", "20m")
        yield Pipeline(platform, stack, feed)


def test_rows_that_go_in_come_out_or_lie_in_quarantine(pipeline: Pipeline) -> None:
    files = len(pipeline.keys("raw"))
    assert files == len(pipeline.executions("ingest")) == len(pipeline.executions("process")) >= 7
    assert pipeline.sum("ingest", "rows") == pipeline.sum("process", "rows_in") > 300
    out, unreadable = pipeline.sum("process", "rows_out"), pipeline.sum("process", "unreadable")
    assert out + unreadable == pipeline.sum("process", "rows_in")
    assert unreadable == 2
    assert (
        pipeline.sum("validate", "rows_in") == out == pipeline.sum("validate", "good") + pipeline.sum("validate", "bad")
    )
    assert len(pipeline.keys("quarantine", "unreadable/")) == 1
    quarantined = [item for item in pipeline.executions("validate") if item["verdict"]["S"] == "quarantined"]
    assert len(pipeline.keys("quarantine", "files/")) == len(quarantined)
    assert len(pipeline.keys("processed", "curated/")) == files - len(quarantined)


def test_a_source_that_fails_is_left_alone_and_its_event_is_a_dead_letter(pipeline: Pipeline) -> None:
    sqs = pipeline.platform.client("sqs")
    url = sqs.get_queue_url(QueueName=pipeline.told["failed_ingestions"].rpartition(":")[2])["QueueUrl"]
    (letter,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], VisibilityTimeout=0)["Messages"]
    assert json.loads(letter["Body"])["detail-type"] == "Scheduled Event"
    assert "503" in letter["MessageAttributes"]["ErrorMessage"]["StringValue"]
    assert pipeline.executions("breaker") == []  # closed again, with the first success


def test_what_comes_twice_changes_nothing(pipeline: Pipeline) -> None:
    s3 = pipeline.platform.client("s3")
    before = {bucket: pipeline.keys(bucket) for bucket in ("raw", "processed", "quarantine")}
    place = {"Bucket": pipeline.told["raw"], "Key": before["raw"][0]}
    s3.put_object(**place, Body=s3.get_object(**place)["Body"].read())
    pipeline.lambent("clock", "advance", "1s")
    assert {bucket: pipeline.keys(bucket) for bucket in before} == before
    assert pipeline.sum("process", "duplicates") == 1
