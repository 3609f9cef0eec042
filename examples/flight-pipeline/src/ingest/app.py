"""Fetches the positions of aircraft and keeps them as they came."""

from __future__ import annotations

import json
import os
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from flights import executions, states

SOURCE = os.environ["SOURCE"]
SAMPLE = Path(__file__).with_name("sample.json")
breaker = executions.Breaker("opensky")
s3 = boto3.client("s3")


def handler(event: dict[str, Any], context: object) -> dict[str, object]:  # Any: the schedule's event
    """Ingest the moment that the schedule says; the same moment again gives the same file."""
    moment = states.moment_of(event["time"])
    key, now = states.raw_key(moment), moment.timestamp()
    if SOURCE and breaker.is_open(now):
        print(json.dumps({"message": "the source is left alone for now", "moment": event["time"]}))
        return {"skipped": key}
    try:
        answer = _fetched(int(now))
    except OSError:
        breaker.failed(now)
        raise
    if SOURCE:
        breaker.succeeded()
    body = json.dumps(answer).encode()
    s3.put_object(Bucket=os.environ["RAW"], Key=key, Body=body, ContentType="application/json")
    executions.begin("ingest", key, event["time"])
    executions.finish("ingest", key, rows=len(answer["states"]))
    return {"key": key, "rows": len(answer["states"])}


def _fetched(moment: int) -> dict[str, Any]:  # Any: OpenSky's JSON
    """Return all state vectors of a moment: from the source, or from an hour of made-up traffic."""
    if SOURCE:
        address = f"{SOURCE}/states/all?time={moment}"
        with urllib.request.urlopen(address, timeout=20) as response:  # noqa: S310 - whoever deploys it names the source
            found: dict[str, Any] = json.loads(response.read())
            return found
    snapshots: list[dict[str, Any]] = json.loads(SAMPLE.read_bytes())
    return states.moved_to(snapshots[moment // 300 % len(snapshots)], moment)
