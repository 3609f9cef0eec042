"""What the tests of Lambda's API share: a function factory in the test's own account, and refusals as values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import pytest
from botocore.exceptions import ClientError

from lambent.testing.builders import create_function, zip_of
from lambent.testing.pytest_plugin import ClientFactory
from tests.recorder.cloud import Cloud
from tests.waiting import eventually

ECHO = zip_of({"handler.py": "def handler(event, context):\n    return event\n"})
OTHER = zip_of({"handler.py": "def handler(event, context):\n    return 'other'\n"})


Client = Any  # Any: boto3 makes its clients at run time


class Refusal(NamedTuple):
    """An error as a client sees it."""

    status: int
    code: str
    message: str


class MakeFunction(Protocol):
    """Makes functions that are Active."""

    def __call__(self, name: str = "f", code: bytes = ECHO, **parameters: object) -> str:
        """Create the function and return its ARN."""


def refusal(call: Callable[..., Any], **parameters: object) -> Refusal:  # Any: a client's method
    """Return the error a call is answered with; fails where it is not."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response: dict[str, Any] = dict(caught.value.response)  # Any: botocore's own shape
    error = response["Error"]
    return Refusal(response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"])


@pytest.fixture
def functions(aws: ClientFactory) -> Client:
    return aws("lambda")


@pytest.fixture
def make(aws: ClientFactory, cloud: Cloud) -> MakeFunction:
    def make_function(name: str = "f", code: bytes = ECHO, **parameters: object) -> str:
        wanted = parameters if "Role" in parameters else {**parameters, "Role": cloud.role()}
        made = create_function(aws("lambda"), None, name, code, **wanted)
        return str(made["FunctionArn"])

    return make_function


@pytest.fixture
def settled(functions: Client) -> Callable[[str], None]:
    def wait(name: str = "f") -> None:
        waiter = functions.get_waiter("function_updated_v2")
        waiter.wait(FunctionName=name, WaiterConfig={"Delay": 0.02, "MaxAttempts": 500})

    return wait


@pytest.fixture
def network(aws: ClientFactory) -> dict[str, list[str]]:
    """The VpcConfig of the account's own default network."""
    ec2 = aws("ec2")
    subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]][:2]
    return {"SubnetIds": subnets, "SecurityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]]}


class MakeProvider(Protocol):
    """Makes capacity providers that are Active."""

    def __call__(self, name: str = "pool", **parameters: object) -> str:
        """Create the capacity provider and return its ARN."""


@pytest.fixture
def make_provider(functions: Client, network: dict[str, list[str]], role: str) -> MakeProvider:
    def make_one(name: str = "pool", **parameters: object) -> str:
        wanted: dict[str, object] = {
            "VpcConfig": network,
            "PermissionsConfig": {"CapacityProviderOperatorRoleArn": role},
            **parameters,
        }
        arn = functions.create_capacity_provider(CapacityProviderName=name, **wanted)["CapacityProvider"]
        eventually(lambda: provider_state(functions, name) == "Active")
        return str(arn["CapacityProviderArn"])

    return make_one


def provider_state(functions: Client, name: str) -> str:
    """Return a capacity provider's state, "" where it is gone."""
    try:
        return str(functions.get_capacity_provider(CapacityProviderName=name)["CapacityProvider"]["State"])
    except functions.exceptions.ResourceNotFoundException:
        return ""
