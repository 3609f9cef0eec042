"""An hour of the pipeline in a few seconds: a schedule every five minutes, a source that fails, files that go bad.

    make demo

Time is virtual: `lambent clock advance` moves it, and everything that comes due on the way runs for real.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from source import Source, source
from story import Story, client, lambent, outputs, platform

HERE = Path(__file__).parent
COUNTS = {
    "ingest": ("rows",),
    "process": ("rows_in", "rows_out", "unreadable"),
    "validate": ("rows_in", "good", "bad"),
}


def advance(story: Story, port: str, by: str, what: str) -> None:
    """Let time pass."""
    story.step(f"lambent clock advance {by}: {what}", lambda: lambent("clock", "advance", by, "--port", port))


def an_hour(story: Story, port: str, feed: Source) -> None:
    """Let an hour pass, in the middle of which the source fails for twenty minutes."""
    advance(story, port, "20m", "an ingestion every five minutes")
    feed.fails, asked = True, feed.asked
    advance(story, port, "20m", "the source answers 503")
    print(f"         the source was asked {feed.asked - asked} times, then left alone: the circuit breaker is open")
    feed.fails = False
    advance(story, port, "20m", "the source answers again")


def again(story: Story, port: str, bucket: str) -> None:
    """Put a raw file once more, which changes nothing."""
    s3 = client("s3", port)
    key = s3.list_objects_v2(Bucket=bucket)["Contents"][0]["Key"]
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    story.step(f"s3     PutObject {key} once more", lambda: s3.put_object(Bucket=bucket, Key=key, Body=body))
    advance(story, port, "1s", "the duplicate is seen")


def show(port: str, told: dict[str, str]) -> None:
    """Show what has come of it."""
    table = client("dynamodb", port)
    items = table.scan(TableName=told["executions"])["Items"]
    done = [item for item in items if not item["id"]["S"].startswith("breaker#")]
    for stage, counted in COUNTS.items():
        files = [item for item in done if item["id"]["S"].startswith(f"{stage}#")]
        sums = {name: sum(int(item[name]["N"]) for item in files if name in item) for name in counted}
        told_sums = ", ".join(f"{number} {name}" for name, number in sums.items())
        print(f"         {stage:<9} {len(files):>3} files: {told_sums}")
    duplicates = sum(int(item["duplicates"]["N"]) for item in done if "duplicates" in item)
    quarantine = client("s3", port).list_objects_v2(Bucket=told["quarantine"]).get("Contents", [])
    print(f"         {duplicates} duplicate had no effect")
    for stored in quarantine:
        print(f"         in quarantine: {stored['Key']}")
    print(f"         in the dead-letter queue of ingest: {letters(port, told)} event")


def letters(port: str, told: dict[str, str]) -> int:
    """Return how many events of the ingestion were given up."""
    sqs = client("sqs", port)
    url = sqs.get_queue_url(QueueName=told["failed_ingestions"].rpartition(":")[2])["QueueUrl"]
    asked: Any = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(asked["Attributes"]["ApproximateNumberOfMessages"])


def main() -> None:
    """Tell the story."""
    story = Story()
    print("\nAnd a whole pipeline, examples/flight-pipeline, through a virtual hour:\n")
    with source() as feed, platform(story, "--virtual-time") as port:
        up = ("up", str(HERE), "--port", port, "--set", f"source={feed.url}")
        told = outputs(story.step("lambent up", lambda: lambent(*up)))
        an_hour(story, port, feed)
        again(story, port, told["raw"])
        show(port, told)
    story.end()


if __name__ == "__main__":
    main()
