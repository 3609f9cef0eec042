"""The artifact bucket of an account and region: made once by a small stack, filled with packages by their digests.

`lambent bootstrap` makes it, as `sam` and `cdk bootstrap` make theirs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Final

from lambent.aws.clients import AwsCallError, Target, aws_errors
from lambent.deploy.errors import DeployError
from lambent.deploy.packaging.package import Package

STACK: Final = "lambent-bootstrap"
_AT_ONCE = 8


def bucket_template(bucket: str) -> dict[str, Any]:  # Any: a CloudFormation template
    """Return the stack of the artifact bucket: private, encrypted, tidied up."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Packages of functions that lambent deploys",
        "Resources": {
            "Artifacts": {
                "Type": "AWS::S3::Bucket",
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Properties": {
                    "BucketName": bucket,
                    "BucketEncryption": {
                        "ServerSideEncryptionConfiguration": [
                            {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                        ]
                    },
                    "PublicAccessBlockConfiguration": {
                        "BlockPublicAcls": True,
                        "BlockPublicPolicy": True,
                        "IgnorePublicAcls": True,
                        "RestrictPublicBuckets": True,
                    },
                    "LifecycleConfiguration": {
                        "Rules": [
                            {
                                "Id": "uploads that never ended",
                                "Status": "Enabled",
                                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                            }
                        ]
                    },
                },
            },
        },
        "Outputs": {"BucketName": {"Value": {"Ref": "Artifacts"}}},
    }


class Artifacts:
    """The artifact bucket of a target."""

    def __init__(self, target: Target) -> None:
        self._target = target

    @cached_property
    def bucket(self) -> str:
        """The bucket's name, by account and region."""
        with aws_errors():
            account = self._target.client("sts").get_caller_identity()["Account"]
        return f"lambent-artifacts-{account}-{self._s3.meta.region_name}"

    @cached_property
    def _s3(self) -> Any:  # Any: a boto3 client
        return self._target.client("s3")

    def exists(self) -> bool:
        """Return whether the bucket is there."""
        try:
            with aws_errors():
                self._s3.head_bucket(Bucket=self.bucket)
        except AwsCallError as error:
            if error.status == 404:
                return False
            raise
        return True

    def missing(self) -> DeployError:
        """Return the error for a bucket that is not there yet."""
        return DeployError(
            f"There is no artifact bucket {self.bucket}.", "Make it once for this account and region: lambent bootstrap"
        )

    def upload(self, packages: Iterable[Package]) -> int:
        """Upload those packages that the bucket does not have, several at the same time; return how many there were."""
        wanted = list({package.key: package for package in packages}.values())
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return sum(pool.map(self._upload, wanted))

    def _upload(self, package: Package) -> int:
        try:
            with aws_errors():
                self._s3.head_object(Bucket=self.bucket, Key=package.key)
                return 0
        except AwsCallError as error:
            if error.status != 404:
                raise
        with aws_errors(), package.path.open("rb") as content:
            self._s3.put_object(Bucket=self.bucket, Key=package.key, Body=content)
        return 1

    def put_template(self, body: str) -> str:
        """Upload a template that is nested, or too long for a request, and return its address."""
        with aws_errors():
            self._s3.put_object(Bucket=self.bucket, Key=_template_key(body), Body=body.encode())
        return self.template_address(body)

    def template_address(self, body: str) -> str:
        """Return where a template is, or will be: by its content, so that one that changed is another address."""
        # The client knows the endpoint of every partition, and one that the surroundings name.
        return f"{self._s3.meta.endpoint_url}/{self.bucket}/{_template_key(body)}"


def _template_key(body: str) -> str:
    return f"templates/{hashlib.sha256(body.encode()).hexdigest()}.json"
