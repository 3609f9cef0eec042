"""Where moto differs from AWS in what deployments rely on: mended in moto's process, before it answers.

Each mend says what AWS does. None leaves moto's generator of identifiers further than it found it. Those that make
something make it for requests that are marked as mended alone: a journal written before there were mends replays to
what it was answered with then. What of moto is replaced here stands in `patched.py`, too.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from moto.moto_api._internal import mock_random

from lambent.cloud.bridge.messages import Header


class Mends:
    """The mends of the services that were asked for, and whether the request under way may meet what they make."""

    def __init__(self) -> None:
        self._may_make = False
        self._begun: set[tuple[str, str]] = set()
        self._ready: set[str] = set()

    def before(self, header: Header) -> None:
        """Mend what a request is about to meet, in the service, account and region that it is for."""
        self._may_make = bool(header.get("mended"))
        service = header["service"]
        if service not in self._ready:
            self._ready.add(service)
            self._mend(service)
        if service == "ec2":
            self._begin_network(header["account"], header["region"])

    def _mend(self, service: str) -> None:
        if service == "ec2":
            _name_what_is_missing()
            self._connect_default_networks()
        elif service == "kms":
            self._mend_managed_keys()
        elif service == "cloudwatch":
            _tell_metrics_apart()

    def _begin_network(self, account: str, region: str) -> None:
        """Connect the default VPC that another service may have begun the account and region with."""
        if (account, region) in self._begun:
            return
        self._begun.add((account, region))
        if not self._may_make:
            return  # not even the backend is asked for: it is made, as it was then, in the middle of the request
        from moto.ec2.models import ec2_backends  # noqa: PLC0415 - a second, and only for EC2

        backend: Any = ec2_backends[account][region]  # Any: moto ships no types
        if (vpc := backend.get_default_vpc()) is not None:
            _connect(backend, vpc)

    def _connect_default_networks(self) -> None:
        """Let a default VPC be made with what connects it, whether moto makes it or CreateDefaultVpc."""
        from moto.ec2.models.vpcs import VPCBackend  # noqa: PLC0415 - a second, and only for EC2

        plain = VPCBackend.create_default_vpc

        def create_default_vpc(backend: Any) -> Any:  # Any: moto ships no types
            vpc = plain(backend)
            if self._may_make:
                _connect(backend, vpc)
            return vpc

        setattr(VPCBackend, "create_default_vpc", create_default_vpc)  # noqa: B010 - as below

    def _mend_managed_keys(self) -> None:
        """Let an AWS managed key be the same each time moto makes it, and be told as AWS's.

        moto makes one when it is first read, and what only reads is not journalled: after a restart it was another key.
        https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key
        """
        from moto.kms.models import KmsBackend  # noqa: PLC0415 - only for KMS

        plain = KmsBackend._generate_default_keys  # noqa: SLF001 - there is no other place

        def generate(backend: Any, alias: str) -> Any:  # Any: moto ships no types
            state = mock_random.getstate()
            if self._may_make:
                mock_random.seed(f"{backend.account_id} {backend.region_name} {alias}")
            made = plain(backend, alias)
            if made is not None:
                backend.keys[made].key_manager = "AWS"
            if self._may_make:
                mock_random.setstate(state)
            return made

        setattr(KmsBackend, "_generate_default_keys", generate)  # noqa: B010 - as below


def _connect(backend: Any, vpc: Any) -> None:  # Any: moto ships no types
    """Give a default VPC the internet gateway that it has on AWS, and the way to it, unless it has one.

    https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html#default-vpc-components
    """
    if backend.describe_internet_gateways(filters={"attachment.vpc-id": [vpc.id]}):
        return
    state = mock_random.getstate()
    try:
        gateway = backend.create_internet_gateway()
        backend.attach_internet_gateway(gateway.id, vpc.id)
        (table,) = backend.describe_route_tables(filters={"vpc-id": [vpc.id], "association.main": ["true"]})
        backend.create_route(table.id, "0.0.0.0/0", gateway_id=gateway.id)
    finally:
        mock_random.setstate(state)


class _OneMetric:
    """A CloudWatch backend as GetMetricStatistics sees it: with the data of exactly these dimensions."""

    def __init__(self, backend: Any, dimensions: Any) -> None:  # Any: moto ships no types
        self._backend = backend
        self._wanted = sorted((each["Name"], each["Value"]) for each in dimensions or ())

    def get_all_metrics(self) -> list[Any]:  # Any: as above
        """Return the data of one metric."""
        return [
            datum
            for datum in self._backend.get_all_metrics()
            if sorted((each.name, each.value) for each in datum.dimensions) == self._wanted
        ]


@cache
def _tell_metrics_apart() -> None:
    """Let each set of dimensions be a metric of its own, in GetMetricStatistics, and once in ListMetrics.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Dimension
    """
    from moto.cloudwatch.models import CloudWatchBackend  # noqa: PLC0415 - only for CloudWatch

    plain = CloudWatchBackend.get_metric_statistics

    def statistics(backend: Any, *arguments: Any, **more: Any) -> Any:  # Any: moto ships no types
        dimensions = more["dimensions"] if "dimensions" in more else arguments[6]
        one: Any = _OneMetric(backend, dimensions)  # Any: all that moto asks of a backend here
        return plain(one, *arguments, **more)

    def filtered(backend: Any, name: object, namespace: object, dimensions: object) -> list[Any]:  # Any: as above
        listed: dict[object, Any] = {}  # Any: as above
        for datum in backend.get_all_metrics():
            if datum.filter(namespace=namespace, name=name, dimensions=dimensions):
                named = tuple(sorted((each.name, each.value) for each in datum.dimensions))
                listed.setdefault((datum.namespace, datum.name, named), datum)
        return list(listed.values())

    setattr(CloudWatchBackend, "get_metric_statistics", statistics)  # noqa: B010 - in place of a method
    setattr(CloudWatchBackend, "get_filtered_metrics", filtered)  # noqa: B010 - as above


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
