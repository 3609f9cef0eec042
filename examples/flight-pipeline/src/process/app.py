"""Turns a raw file into Parquet: as many rows as can be read, the others to quarantine."""

from __future__ import annotations

import io
import json
import os
from typing import Any
from urllib.parse import unquote_plus

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from flights import executions, states

SCHEMA = pa.schema(
    [
        ("icao24", pa.string()), ("callsign", pa.string()), ("origin_country", pa.string()),
        ("time_position", pa.int64()), ("last_contact", pa.int64()),
        ("longitude", pa.float64()), ("latitude", pa.float64()), ("baro_altitude", pa.float64()),
        ("on_ground", pa.bool_()), ("velocity", pa.float64()), ("true_track", pa.float64()),
        ("vertical_rate", pa.float64()), ("geo_altitude", pa.float64()), ("squawk", pa.string()),
        ("spi", pa.bool_()), ("position_source", pa.int64()),
    ]
)  # fmt: skip
s3 = boto3.client("s3")


def handler(event: dict[str, Any], context: object) -> dict[str, object]:  # Any: S3's event
    """Process each object that the event names."""
    return {key: _process(bucket, key, fingerprint) for bucket, key, fingerprint in _objects(event)}


def _objects(event: dict[str, Any]) -> list[tuple[str, str, str]]:  # Any: as above
    found = [record["s3"] for record in event["Records"]]
    return [(one["bucket"]["name"], unquote_plus(one["object"]["key"]), one["object"]["eTag"]) for one in found]


def _process(bucket: str, key: str, fingerprint: str) -> dict[str, object]:
    if not executions.begin("process", key, fingerprint):
        return {"duplicate": True}
    answer = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    read = [(row, states.record(row)) for row in answer["states"] or ()]
    records = [record for _, record in read if record is not None]
    unreadable = [row for row, record in read if record is None]
    name = key.removesuffix(".json")
    if unreadable:
        body = json.dumps({"time": answer["time"], "states": unreadable}).encode()
        s3.put_object(Bucket=os.environ["QUARANTINE"], Key=f"unreadable/{name}.json", Body=body)
    table = pa.Table.from_pylist(records, schema=SCHEMA.with_metadata({"taken": str(answer["time"])}))
    packed = io.BytesIO()
    pq.write_table(table, packed, compression="zstd")
    s3.put_object(Bucket=os.environ["PROCESSED"], Key=f"flights/{name}.parquet", Body=packed.getvalue())
    counts = {"rows_in": len(read), "rows_out": len(records), "unreadable": len(unreadable)}
    executions.finish("process", key, **counts)
    return counts
