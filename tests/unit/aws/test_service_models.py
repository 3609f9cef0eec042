from __future__ import annotations

import subprocess
import sys

import botocore.session
import pytest

from lambent.aws.service_models import (
    UnknownServiceError,
    has_service,
    service_model,
    service_names,
    services_signed_as,
)


@pytest.mark.parametrize("service", ["lambda", "iam", "sqs", "ec2", "s3", "cloudwatch", "rds"])
def test_model_says_what_botocores_says(service: str) -> None:
    theirs = botocore.session.Session().get_service_model(service)
    ours = service_model(service)

    assert ours.signing_name == theirs.signing_name
    assert ours.endpoint_prefix == theirs.endpoint_prefix
    assert ours.api_version == theirs.api_version
    assert ours.operation_names == tuple(theirs.operation_names)
    for name in ours.operation_names[:40]:
        operation, expected = ours.operation(name), theirs.operation_model(name)
        assert operation is not None
        members = expected.input_shape.members if expected.input_shape else {}
        found = operation.input.members if operation.input else {}
        assert {key: shape.type for key, shape in found.items()} == {
            key: shape.type_name for key, shape in members.items()
        }


def test_error_is_found_by_its_shape_and_by_its_wire_code() -> None:
    by_shape = service_model("iam").error("NoSuchEntityException")

    assert by_shape is not None
    assert by_shape == service_model("iam").error("NoSuchEntity")
    assert (by_shape.code, by_shape.status, by_shape.is_senders_fault) == ("NoSuchEntity", 404, True)
    assert service_model("iam").error("Unheard") is None


def test_services_that_share_a_signing_name_are_all_found_the_obvious_one_first() -> None:
    assert services_signed_as("lambda")[0] == "lambda"
    assert services_signed_as("monitoring") == ("cloudwatch",)
    assert set(services_signed_as("apigateway")) == {"apigateway", "apigatewayv2"}


def test_unknown_service_is_refused() -> None:
    assert not has_service("../lambda")
    assert "lambda" in service_names()
    with pytest.raises(UnknownServiceError):
        service_model("no-such-service")


def test_reading_models_never_imports_botocore() -> None:
    # Its import alone would take a third of the time the platform may take to start.
    program = (
        "import sys; from lambent.aws.service_models import service_model; import lambent.cloud.protocol.codec;"
        "service_model('lambda').operation('Invoke'); print('botocore' in sys.modules)"
    )

    finished = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert finished.stdout.strip() == "False"


def test_identifying_a_request_without_loading_says_so_rather_than_take_the_time() -> None:
    # In a process of its own, in which no model has been loaded yet.
    program = """
from lambent.aws.service_models import has_summaries, is_loaded
from lambent.cloud.protocol.identify import NotLoadedError, UnidentifiedError, identify
from lambent.cloud.protocol.message import Request
describe = Request("GET", "/", "Action=DescribeVpcs&Version=2016-11-15", {}, b"")
unheard = Request("POST", "/", "", {"x-amz-target": "Unheard.Of"}, b"")
for request, name in ((describe, "ec2"), (unheard, None)):
    try:
        identify(request, name, loaded_only=True)
    except NotLoadedError:
        print(is_loaded("ec2"), has_summaries())
print(identify(describe, "ec2").operation.name)
print(identify(describe, "ec2", loaded_only=True).operation.name, has_summaries())
try:
    identify(unheard, None)
except UnidentifiedError:
    print(has_summaries())
"""

    finished = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert finished.stdout.split() == [
        "False",
        "False",
        "False",
        "False",
        "DescribeVpcs",
        "DescribeVpcs",
        "False",
        "True",
    ]
