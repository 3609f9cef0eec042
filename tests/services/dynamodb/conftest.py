"""Tables that tests of DynamoDB begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from lambent.testing.pytest_plugin import ClientFactory

Client = Any  # Any: boto3's clients are made at run time
MakeTable = Callable[..., dict[str, Any]]  # Any: a TableDescription


@pytest.fixture
def dynamodb(aws: ClientFactory) -> Client:
    """A client of DynamoDB in the test's own account."""
    return aws("dynamodb")


@pytest.fixture
def make_table(dynamodb: Client) -> MakeTable:
    """Make a table of keys as text: `name="kind, kind"` of its own key, `gsi`/`lsi` of indexes, and more members."""

    def make(name: str = "tab", key: str = "pk:S sk:N", **members: Any) -> dict[str, Any]:  # Any: as create_table takes
        attributes = [part.split(":") for part in f"{key} {members.pop('more', '')}".split()]
        return dict(
            dynamodb.create_table(
                TableName=name,
                KeySchema=schema(*[part.split(":")[0] for part in key.split()]),
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in attributes],
                **{"BillingMode": "PAY_PER_REQUEST", **members},
            )["TableDescription"]
        )

    return make


@pytest.fixture
def table(dynamodb: Client, make_table: MakeTable) -> Iterator[Any]:  # Any: boto3's resources are made at run time
    """A boto3 Table with a text partition key `pk` and a numeric sort key `sk`."""
    make_table()
    meta = dynamodb.meta
    credentials = dynamodb._request_signer._credentials
    resource = boto3.resource(
        "dynamodb",
        endpoint_url=meta.endpoint_url,
        region_name=meta.region_name,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        aws_session_token=credentials.token,
    )
    yield resource.Table("tab")
    resource.meta.client.close()


def schema(*names: str) -> list[dict[str, str]]:
    """Return a key schema of one or two attributes."""
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)]


def index(
    name: str,
    *keys: str,
    projection: str = "ALL",
    **members: Any,  # Any: as boto3 and the API have it
) -> dict[str, Any]:  # Any: as create_table takes
    """Return the definition of an index."""
    return {
        "IndexName": name,
        "KeySchema": schema(*keys),
        "Projection": {"ProjectionType": projection, **members},
    }
