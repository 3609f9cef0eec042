"""`lambent down` of a stack whose buckets are not empty."""

from __future__ import annotations

import json
from pathlib import Path

from lambent.testing.platform import LocalPlatform
from tests.journeys.commands import Commands

TEMPLATE = {
    "Resources": {
        "Full": {
            "Type": "AWS::S3::Bucket",
            "DependsOn": "Gone",  # which so outlives it
            "Properties": {"BucketName": "full", "VersioningConfiguration": {"Status": "Enabled"}},
        },
        "Kept": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": "kept"}},
        "Gone": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "gone"}},
    }
}


def test_what_lies_in_a_stacks_buckets_is_deleted_where_that_is_asked_for(
    lambent: Commands, tmp_path: Path, platform: LocalPlatform
) -> None:
    (tmp_path / "template.json").write_text(json.dumps(TEMPLATE))
    lambent.run("up", "--stack", "full", "--yes")
    s3 = platform.client("s3")
    for bucket in ("full", "full", "kept"):
        s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    s3.delete_object(Bucket="full", Key="a")
    s3.delete_bucket(Bucket="gone")
    failed = lambent.run("down", "--stack", "full", "--yes", expect=1).stderr
    assert "The bucket you tried to delete is not empty" in failed
    assert "lambent down --empty-buckets" in failed
    done = lambent.run("down", "--stack", "full", "--yes", "--empty-buckets").stderr
    assert "Bucket full is empty: 3 objects and versions were deleted." in done
    assert "Stack full is gone." in done
    assert [one["Name"] for one in s3.list_buckets()["Buckets"] if one["Name"] in {"full", "kept", "gone"}] == ["kept"]
    assert s3.get_object(Bucket="kept", Key="a")["Body"].read() == b"1"
