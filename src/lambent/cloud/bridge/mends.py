"""Where moto differs from AWS in what deployments rely on: mended in moto's process, before it answers.

Each mend says what AWS does. None leaves moto's generator of identifiers further than it found it, so that journals
written without it still replay to the same identifiers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from moto.moto_api._internal import mock_random


def mend(service: str, account: str, region: str) -> None:
    """Mend what a request for a service, in an account and region, is about to meet; done once for each."""
    if service == "ec2":
        _name_what_is_missing()
        _connect_default_network(account, region)
    elif (mend_service := _MENDS.get(service)) is not None:
        mend_service()


@cache
def _connect_default_network(account: str, region: str) -> None:
    """Give the default VPC the internet gateway that it has on AWS, and the way to it.

    https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html#default-vpc-components
    """
    from moto.ec2.models import ec2_backends  # noqa: PLC0415 - a second, and only for EC2

    backend: Any = ec2_backends[account][region]  # Any: moto ships no types
    vpc = backend.get_default_vpc()
    if vpc is None:
        return
    state = mock_random.getstate()
    try:
        gateway = backend.create_internet_gateway()
        backend.attach_internet_gateway(gateway.id, vpc.id)
        (table,) = backend.describe_route_tables(filters={"vpc-id": [vpc.id], "association.main": ["true"]})
        backend.create_route(table.id, "0.0.0.0/0", gateway_id=gateway.id)
    finally:
        mock_random.setstate(state)


@cache
def _name_what_is_missing() -> None:
    """Let EC2's refusals name what was not found as EC2 does, not as a Python set."""
    from moto.ec2 import exceptions  # noqa: PLC0415 - a second, and only for EC2

    def vpc(error: Any, ids: object) -> None:  # Any: moto ships no types
        exceptions.EC2ClientError.__init__(
            error, "InvalidVpcID.NotFound", f"The vpc ID '{_listed(ids)}' does not exist"
        )

    def group(error: Any, ids: object) -> None:  # Any: as above
        text = f"The security group '{_listed(ids)}' does not exist"
        exceptions.EC2ClientError.__init__(error, "InvalidGroup.NotFound", text)

    setattr(exceptions.InvalidVPCIdError, "__init__", vpc)  # noqa: B010 - in place of a method, which no checker follows
    setattr(exceptions.InvalidSecurityGroupNotFoundError, "__init__", group)  # noqa: B010 - as above


def _listed(ids: object) -> str:
    return ", ".join(sorted(map(str, ids))) if isinstance(ids, set | list | tuple) else str(ids)


@cache
def _mend_buckets() -> None:
    """Let moto's buckets judge by those statements alone that have no condition, since it reads none.

    Otherwise the usual "deny what does not come over TLS" denies everything, here on the loopback.
    """
    from moto.s3.models import FakeBucket  # noqa: PLC0415 - 0.2 s, and only for S3

    plain = FakeBucket.get_permission

    def get_permission(bucket: Any, action: str, resource: str) -> Any:  # Any: moto ships no types
        kept = bucket.policy
        if kept is None:
            return plain(bucket, action, resource)
        document = json.loads(kept)
        listed = document.get("Statement", [])
        statements = listed if isinstance(listed, list) else [listed]
        document["Statement"] = [one for one in statements if not one.get("Condition")]
        bucket.policy = json.dumps(document).encode()
        try:
            return plain(bucket, action, resource)
        finally:
            bucket.policy = kept

    setattr(FakeBucket, "get_permission", get_permission)  # noqa: B010 - in place of a method, which no checker follows


@cache
def _mend_queues() -> None:
    """Let SetQueueAttributes change what it names alone, and let a redrive policy be told without spaces.

    moto forgets a queue's policy with each change of another attribute. Terraform compares redrive policies as text.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
    """
    from moto.sqs.models import Queue  # noqa: PLC0415 - only for SQS

    plain = Queue._set_attributes  # noqa: SLF001 - there is no other place
    told: Callable[[Any], dict[str, Any]] = vars(Queue)["attributes"].fget  # Any: as above

    def set_attributes(queue: Any, attributes: Mapping[str, Any], now: float | None = None) -> None:  # Any: as above
        kept = getattr(queue, "policy", None)
        plain(queue, dict(attributes), now)
        if "Policy" not in attributes:
            queue.policy = kept

    def attributes(queue: Any) -> dict[str, Any]:  # Any: as above
        found = told(queue)
        if found.get("RedrivePolicy"):
            found["RedrivePolicy"] = json.dumps(queue.redrive_policy, separators=(",", ":"))
        return found

    setattr(Queue, "_set_attributes", set_attributes)  # noqa: B010 - as above
    setattr(Queue, "attributes", property(attributes))  # noqa: B010 - as above


@cache
def _mend_managed_keys() -> None:
    """Let an AWS managed key be the same each time moto makes it, and be told as AWS's.

    moto makes one when it is first read, and what only reads is not journalled: after a restart it was another key.
    https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key
    """
    from moto.kms.models import KmsBackend  # noqa: PLC0415 - only for KMS

    plain = KmsBackend._generate_default_keys  # noqa: SLF001 - there is no other place

    def generate(backend: Any, alias: str) -> Any:  # Any: moto ships no types
        state = mock_random.getstate()
        mock_random.seed(f"{backend.account_id} {backend.region_name} {alias}")
        try:
            made = plain(backend, alias)
            if made is not None:
                backend.keys[made].key_manager = "AWS"
            return made
        finally:
            mock_random.setstate(state)

    setattr(KmsBackend, "_generate_default_keys", generate)  # noqa: B010 - as above


_MENDS: Mapping[str, Callable[[], None]] = {"kms": _mend_managed_keys, "s3": _mend_buckets, "sqs": _mend_queues}
