"""What PutRuntimeManagementConfig may ask for."""

from __future__ import annotations

import pytest

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_.model.runtime_management import (
    RuntimeManagement,
    check_managed,
    runtime_management,
)

ARN = f"arn:aws:lambda:us-east-1::runtime:{'7' * 64}"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"UpdateRuntimeOn": "Auto"}, RuntimeManagement()),
        ({"UpdateRuntimeOn": "FunctionUpdate", "RuntimeVersionArn": ""}, RuntimeManagement("FunctionUpdate")),
        ({"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": ARN}, RuntimeManagement("Manual", ARN)),
    ],
)
def test_mode_comes_with_a_runtime_version_only_where_it_is_held(
    asked: dict[str, str], expected: RuntimeManagement
) -> None:
    assert runtime_management(asked, "us-east-1") == expected


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"UpdateRuntimeOn": "Manual"}, "is required"),
        ({"UpdateRuntimeOn": "Auto", "RuntimeVersionArn": ARN}, "can only be set when"),
        ({"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": ARN.replace("us-", "eu-")}, "not in the region"),
    ],
)
def test_everything_else_is_refused(asked: dict[str, str], message: str) -> None:
    with pytest.raises(ServiceError, match=f"InvalidParameterValueException: .*{message}"):
        runtime_management(asked, "us-east-1")


def test_images_have_no_managed_runtime() -> None:
    check_managed("Zip")
    with pytest.raises(ServiceError, match="container images"):
        check_managed("Image")
