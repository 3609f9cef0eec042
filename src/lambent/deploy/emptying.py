"""Empties the buckets of a stack that is to be removed: CloudFormation deletes a bucket only where nothing lies in it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/empty-bucket.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lambent.aws.clients import AwsCallError, Target, aws_errors
from lambent.deploy.document import resources_of
from lambent.deploy.errors import DeployError
from lambent.deploy.stacks import find_stack
from lambent.template.codec import parse

_STACK, _BUCKET = "AWS::CloudFormation::Stack", "AWS::S3::Bucket"
_GONE = frozenset({"DELETE_COMPLETE"})


@dataclass(frozen=True, slots=True)
class Emptied:
    """A bucket in which nothing lies any more, and how many objects and versions of objects were deleted."""

    bucket: str
    deleted: int


def empty_buckets(target: Target, stack: str) -> Iterator[Emptied]:
    """Delete all that lies in the buckets that go with a stack and those nested in it; what is retained is left alone.

    Raises DeployError where there is no such stack, or an object cannot be deleted.
    """
    cloudformation, s3 = target.client("cloudformation"), target.client("s3")
    state = find_stack(cloudformation, stack)
    if state is None:
        raise DeployError(f"There is no stack {stack}.", "Deploy it with `lambent up`.")
    for bucket in _buckets(cloudformation, state.id):
        try:
            deleted = _empty(s3, bucket)
        except AwsCallError as error:
            if error.code != "NoSuchBucket":  # somebody has deleted it by hand
                raise
            continue
        if deleted:
            yield Emptied(bucket, deleted)


def _buckets(cloudformation: Any, stack: str) -> Iterator[str]:  # Any: a client
    """Yield the names of the buckets that would go with a stack."""
    with aws_errors():
        body = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
        pages = list(cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack))
    document = parse(body) if isinstance(body, str) else body  # botocore reads JSON itself
    retained = {name for name, told in resources_of(document) if told.get("DeletionPolicy", "Delete") != "Delete"}
    for one in (one for page in pages for one in page["StackResourceSummaries"]):
        if one["LogicalResourceId"] in retained or one["ResourceStatus"] in _GONE or not one.get("PhysicalResourceId"):
            continue
        if one["ResourceType"] == _BUCKET:
            yield one["PhysicalResourceId"]
        elif one["ResourceType"] == _STACK:
            yield from _buckets(cloudformation, one["PhysicalResourceId"])


def _empty(s3: Any, bucket: str) -> int:  # Any: a client
    """Delete every version and delete marker, a page of at most 1,000 at a time, and return how many there were."""
    deleted = 0
    with aws_errors():
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            if not found:
                continue
            named = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
            failed = s3.delete_objects(Bucket=bucket, Delete={"Objects": named, "Quiet": True}).get("Errors")
            if failed:
                key, why = failed[0]["Key"], failed[0].get("Message", failed[0].get("Code", ""))
                raise DeployError(
                    f"{key} in bucket {bucket} cannot be deleted: {why}", "Delete it, and run this again."
                )
            deleted += len(found)
    return deleted
