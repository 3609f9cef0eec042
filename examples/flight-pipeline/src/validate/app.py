"""Checks a Parquet file: good rows go on, bad ones to quarantine, and so does the whole file where too much is bad."""

from __future__ import annotations

import io
import json
import os
import time
from typing import Any
from urllib.parse import unquote_plus

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from flights import executions, quality

THRESHOLD = float(os.environ["QUALITY_THRESHOLD"])
COMPLETENESS = float(os.environ["MIN_COMPLETENESS"])
ERROR_RATE = float(os.environ["MAX_ERROR_RATE"])
s3 = boto3.client("s3")
sns = boto3.client("sns")


def handler(event: dict[str, Any], context: object) -> dict[str, object]:  # Any: S3's event
    """Validate each object that the event names."""
    found = [record["s3"] for record in event["Records"]]
    return {
        one["object"]["key"]: _validate(
            one["bucket"]["name"], unquote_plus(one["object"]["key"]), one["object"]["eTag"]
        )
        for one in found
    }


def _validate(bucket: str, key: str, fingerprint: str) -> dict[str, object]:
    if not executions.begin("validate", key, fingerprint):
        return {"duplicate": True}
    packed = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    table = pq.read_table(io.BytesIO(packed))
    verdict = quality.judge(table.to_pylist(), float(table.schema.metadata[b"taken"]))
    name = key.removeprefix("flights/").removesuffix(".parquet")
    problems = _problems(verdict)
    _tell(verdict)
    if verdict.bad:
        rows = [{**record, "failed": failed} for record, failed in verdict.bad]
        s3.put_object(Bucket=os.environ["QUARANTINE"], Key=f"rows/{name}.json", Body=json.dumps(rows).encode())
    if problems:
        s3.put_object(Bucket=os.environ["QUARANTINE"], Key=f"files/{name}.parquet", Body=packed)
        message = json.dumps({"file": key, "problems": problems, "checks": verdict.failures})
        sns.publish(TopicArn=os.environ["ALERTS"], Subject="A file failed validation", Message=message)
    else:
        good = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(verdict.good, schema=table.schema), good, compression="zstd")
        s3.put_object(Bucket=os.environ["PROCESSED"], Key=f"curated/{name}.parquet", Body=good.getvalue())
    counts = {"rows_in": table.num_rows, "good": len(verdict.good), "bad": len(verdict.bad)}
    executions.finish("validate", key, verdict="quarantined" if problems else "passed", **counts)
    return {**counts, "problems": problems}


def _problems(verdict: quality.Verdict) -> list[str]:
    found = []
    if verdict.score < THRESHOLD:
        found.append(f"quality {verdict.score:.3f} is less than {THRESHOLD}")
    if verdict.completeness < COMPLETENESS:
        found.append(f"completeness {verdict.completeness:.3f} is less than {COMPLETENESS}")
    if verdict.error_rate > ERROR_RATE:
        found.append(f"error rate {verdict.error_rate:.3f} is more than {ERROR_RATE}")
    return found


def _tell(verdict: quality.Verdict) -> None:
    """Print the metrics as CloudWatch reads them from logs (embedded metric format)."""
    metrics = [{"Name": "DataQualityScore", "Unit": "Percent"}, {"Name": "RecordsProcessed", "Unit": "Count"}]
    told = {"Namespace": "FlightDataPipeline", "Dimensions": [[]], "Metrics": metrics}
    values = {"DataQualityScore": 100 * verdict.score, "RecordsProcessed": len(verdict.good) + len(verdict.bad)}
    print(json.dumps({"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [told]}, **values}))
