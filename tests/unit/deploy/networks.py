"""A target whose EC2 has just the subnets that a test gives it, and whose CloudFormation just one stack or none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from lambent.aws.clients import Target

VPC = "vpc-0a1b2c3d4e5f60718"
Told = Mapping[str, Any]  # Any: what EC2 and CloudFormation answer


def subnet(name: str, zone: str, vpc: str = VPC, **more: object) -> Told:
    """Return a subnet as DescribeSubnets tells it."""
    return {"SubnetId": name, "AvailabilityZone": zone, "VpcId": vpc, "State": "available", **more}


@dataclass(frozen=True)
class Network(Target):
    """A target with subnets; `template` is what its one stack was deployed with, `refusal` what EC2 answers instead."""

    subnets: Sequence[Told] = ()
    default_vpc: str | None = VPC
    template: Told | None = None
    refusal: str = ""
    routes: Sequence[Told] = ()
    endpoints: Sequence[str] = ()
    asked: list[Told] = field(default_factory=list)

    def client(self, service: str) -> Any:  # Any: it stands for a client that botocore makes at run time
        """Return itself: it answers the calls of both services."""
        assert service in {"ec2", "cloudformation"}
        return self

    def get_paginator(self, operation: str) -> Any:  # Any: as above
        """Return itself: it has the pages of the one list that is asked for."""
        assert operation == "describe_subnets"
        return self

    def paginate(self, *, Filters: Sequence[Told]) -> Iterator[Told]:  # noqa: N803 - EC2's
        """Yield the subnets that fit a filter, each on a page of its own."""
        self.asked.extend(Filters)
        if self.refusal:
            raise ClientError(
                {"Error": {"Code": self.refusal, "Message": "You are not authorized."}}, "DescribeSubnets"
            )
        (only,) = Filters
        member = {"vpc-id": "VpcId", "subnet-id": "SubnetId"}[only["Name"]]
        for one in self.subnets:
            if one[member] in only["Values"]:
                yield {"Subnets": [one]}

    def describe_route_tables(self, *, Filters: Sequence[Told]) -> Told:  # noqa: N803 - EC2's
        """Return the route tables."""
        if self.refusal:
            raise ClientError({"Error": {"Code": self.refusal, "Message": "No."}}, "DescribeRouteTables")
        assert Filters == [{"Name": "vpc-id", "Values": [VPC]}]
        return {"RouteTables": self.routes}

    def describe_vpc_endpoints(self, *, Filters: Sequence[Told]) -> Told:  # noqa: N803 - EC2's
        """Return the VPC endpoints."""
        assert Filters == [{"Name": "vpc-id", "Values": [VPC]}]
        return {"VpcEndpoints": [{"ServiceName": name} for name in self.endpoints]}

    def describe_vpcs(self, *, Filters: Sequence[Told]) -> Told:  # noqa: N803 - EC2's
        """Return the default VPC."""
        assert Filters == [{"Name": "is-default", "Values": ["true"]}]
        return {"Vpcs": [] if self.default_vpc is None else [{"VpcId": self.default_vpc}]}

    def describe_stacks(self, *, StackName: str) -> Told:  # noqa: N803 - CloudFormation's
        """Return the stack, where there is one."""
        if self.template is None:
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        since = datetime(2026, 11, 1, tzinfo=UTC)
        told = {"StackId": "arn", "StackName": StackName, "StackStatus": "CREATE_COMPLETE", "CreationTime": since}
        return {"Stacks": [told]}

    def get_template(self, *, StackName: str, TemplateStage: str) -> Told:  # noqa: N803 - CloudFormation's
        """Return the template that the stack was given."""
        assert (StackName, TemplateStage) == ("fleet", "Original")
        return {"TemplateBody": json.dumps(self.template)}
