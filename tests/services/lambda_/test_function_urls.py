"""CreateFunctionUrlConfig, GetFunctionUrlConfig, UpdateFunctionUrlConfig, DeleteFunctionUrlConfig and the list."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from lambent.testing.builders import create_function
from lambent.testing.platform import LocalPlatform, local_platform
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.lambda_.conftest import ECHO, Client, MakeFunction, refusal
from tests.services.lambda_.urls import FORBIDDEN, call, open_to_anybody

CORS = {
    "AllowCredentials": True,
    "AllowHeaders": ["content-type"],
    "AllowMethods": ["GET", "POST"],
    "AllowOrigins": ["https://example.com"],
    "ExposeHeaders": ["x-one"],
    "MaxAge": 300,
}
NO_FUNCTION = (404, "ResourceNotFoundException", "Function does not exist")
NOTHING = (404, "ResourceNotFoundException", "The resource you requested does not exist.")


def shown(answer: dict[str, Any]) -> dict[str, Any]:  # Any: members of a shape
    """Return an answer without what differs from run to run."""
    volatile = ("ResponseMetadata", "FunctionUrl", "CreationTime", "LastModifiedTime")
    return {name: value for name, value in answer.items() if name not in volatile}


@pytest.fixture
def alias(functions: Client, make: MakeFunction) -> str:
    """The ARN of function `f`, which has an alias `live` of its version 1."""
    arn = make(Publish=True)
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    return arn


def test_url_is_shown_as_aws_shows_it(functions: Client, make: MakeFunction, platform: LocalPlatform) -> None:
    arn = make()
    made = functions.create_function_url_config(FunctionName="f", AuthType="NONE")
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert shown(made) == {"FunctionArn": arn, "AuthType": "NONE"}
    assert "LastModifiedTime" not in made
    address = rf"http://[a-z2-7]{{32}}\.lambda-url\.us-east-1\.localhost:{platform.port}/"
    assert re.fullmatch(address, made["FunctionUrl"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", made["CreationTime"])

    found = functions.get_function_url_config(FunctionName="f")
    assert shown(found) == {"FunctionArn": arn, "AuthType": "NONE", "InvokeMode": "BUFFERED"}
    assert found["FunctionUrl"] == made["FunctionUrl"]
    assert found["CreationTime"] == found["LastModifiedTime"] == made["CreationTime"]

    gone = functions.delete_function_url_config(FunctionName="f")
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refusal(functions.get_function_url_config, FunctionName="f") == NOTHING
    assert refusal(functions.delete_function_url_config, FunctionName="f") == NOTHING


def test_update_changes_what_it_names_alone(functions: Client, make: MakeFunction) -> None:
    arn = make()
    made = functions.create_function_url_config(FunctionName="f", AuthType="NONE", Cors=CORS)
    assert shown(made) == {"FunctionArn": arn, "AuthType": "NONE", "Cors": CORS}
    changed = functions.update_function_url_config(FunctionName="f", AuthType="AWS_IAM")
    assert shown(changed) == {"FunctionArn": arn, "AuthType": "AWS_IAM", "Cors": CORS}
    assert changed["LastModifiedTime"] > changed["CreationTime"] == made["CreationTime"]
    streaming = functions.update_function_url_config(FunctionName="f", InvokeMode="RESPONSE_STREAM", Cors={})
    assert shown(streaming) == {"FunctionArn": arn, "AuthType": "AWS_IAM", "InvokeMode": "RESPONSE_STREAM"}
    assert shown(functions.update_function_url_config(FunctionName="f")) == shown(streaming)
    found = functions.get_function_url_config(FunctionName="f")
    assert shown(found) == shown(streaming)
    assert found["FunctionUrl"] == made["FunctionUrl"]


def test_function_and_alias_have_urls_of_their_own(functions: Client, alias: str) -> None:
    assert functions.list_function_url_configs(FunctionName="f")["FunctionUrlConfigs"] == []
    named = functions.create_function_url_config(FunctionName="f", AuthType="NONE", Qualifier="live")
    plain = functions.create_function_url_config(FunctionName="f", AuthType="NONE", InvokeMode="BUFFERED")
    assert (plain["FunctionArn"], named["FunctionArn"]) == (alias, f"{alias}:live")
    assert plain["InvokeMode"] == "BUFFERED"
    assert functions.get_function_url_config(FunctionName="f:live")["FunctionUrl"] == named["FunctionUrl"]

    whole = functions.list_function_url_configs(FunctionName="f")
    assert "NextMarker" not in whole
    assert [each["FunctionUrl"] for each in whole["FunctionUrlConfigs"]] == [plain["FunctionUrl"], named["FunctionUrl"]]
    first = functions.list_function_url_configs(FunctionName="f", MaxItems=1)
    second = functions.list_function_url_configs(FunctionName="f", MaxItems=1, Marker=first["NextMarker"])
    assert first["FunctionUrlConfigs"] + second["FunctionUrlConfigs"] == whole["FunctionUrlConfigs"]
    assert "NextMarker" not in second

    functions.delete_function_url_config(FunctionName="f")
    (left,) = functions.list_function_url_configs(FunctionName=alias)["FunctionUrlConfigs"]
    assert left["FunctionArn"] == f"{alias}:live"


def test_second_url_is_a_conflict(functions: Client, alias: str) -> None:
    for qualifier, arn in (({}, alias), ({"Qualifier": "live"}, f"{alias}:live")):
        functions.create_function_url_config(FunctionName="f", AuthType="NONE", **qualifier)
        refused = refusal(functions.create_function_url_config, FunctionName="f", AuthType="NONE", **qualifier)
        assert refused == (
            409,
            "ResourceConflictException",
            (
                f"Failed to create function url config for [functionArn = {arn}]. "
                "Error message:  FunctionUrlConfig exists for this Lambda function"
            ),
        )


@pytest.mark.usefixtures("alias")
def test_url_goes_with_its_alias_or_function(functions: Client) -> None:
    named = functions.create_function_url_config(FunctionName="f", AuthType="NONE", Qualifier="live")
    plain = functions.create_function_url_config(FunctionName="f", AuthType="NONE")
    open_to_anybody(functions)
    open_to_anybody(functions, "f:live")
    assert call(named["FunctionUrl"]).status == call(plain["FunctionUrl"]).status == 200
    functions.delete_alias(FunctionName="f", Name="live")
    gone = call(named["FunctionUrl"])
    assert (gone.status, gone.json()) == (403, FORBIDDEN)
    assert call(plain["FunctionUrl"]).status == 200
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert refusal(functions.get_function_url_config, FunctionName="f", Qualifier="live") == NOTHING
    functions.delete_function(FunctionName="f")
    unknown = call(plain["FunctionUrl"])
    assert (unknown.status, unknown.json()) == (403, {"Message": None})
    assert refusal(functions.list_function_url_configs, FunctionName="f") == NO_FUNCTION


@pytest.mark.parametrize("operation", ["create", "get", "update", "delete"])
@pytest.mark.parametrize("qualifier", ["1", "2", "$LATEST"])
def test_version_can_have_no_url(functions: Client, alias: str, operation: str, qualifier: str) -> None:
    request = getattr(functions, f"{operation}_function_url_config")
    more = {"AuthType": "NONE"} if operation == "create" else {}
    assert refusal(request, FunctionName="f", Qualifier=qualifier, **more) == (
        400,
        "ValidationException",
        (
            f"1 validation error detected: Value '{qualifier}' at 'qualifier' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: ((?!^\d+$)^[0-9a-zA-Z-_]+$)"
        ),
    )
    in_name = refusal(request, FunctionName=f"{alias}:{qualifier}", **more)
    assert in_name.code == "ValidationException"
    assert f"Value '{alias}:{qualifier}' at 'functionName' failed to satisfy constraint" in in_name.message


@pytest.mark.parametrize(
    ("operation", "expected"),
    [("create", NO_FUNCTION), ("update", NO_FUNCTION), ("get", NOTHING), ("delete", NOTHING)],
)
def test_what_is_not_there_is_called_as_aws_calls_it(
    functions: Client, alias: str, operation: str, expected: tuple[int, str, str]
) -> None:
    request = getattr(functions, f"{operation}_function_url_config")
    more = {"AuthType": "NONE"} if operation == "create" else {}
    elsewhere = alias.replace("function:f", "function:g")
    for named in ({"FunctionName": "g"}, {"FunctionName": elsewhere}, {"FunctionName": "f", "Qualifier": "x"}):
        assert refusal(request, **named, **more) == expected
    refused = refusal(request, FunctionName=f"{alias}:live", Qualifier="x", **more)
    assert refused.code == "InvalidParameterValueException"
    assert refused.message == "The derived qualifier from the function name does not match the specified qualifier."


@pytest.mark.usefixtures("alias")
def test_update_of_a_function_without_url_finds_nothing(functions: Client) -> None:
    assert refusal(functions.update_function_url_config, FunctionName="f", AuthType="NONE") == NOTHING


def test_invoke_mode_is_one_of_two(functions: Client, make: MakeFunction) -> None:
    make()
    refused = refusal(functions.create_function_url_config, FunctionName="f", AuthType="NONE", InvokeMode="UNKNOWN")
    assert refused.code == "ValidationException"
    assert "Value 'UNKNOWN' at 'invokeMode' failed to satisfy constraint: Member must satisfy enum" in refused.message


def test_other_region_is_not_reached(functions: Client, account: str, region: str, elsewhere: str) -> None:
    arn = f"arn:aws:lambda:{elsewhere}:{account}:function:f"
    refused = refusal(functions.get_function_url_config, FunctionName=arn)
    assert refused.message == f"Functions from '{elsewhere}' are not reachable in this region ('{region}')"


@pytest.mark.local_only("its HTTP client finds URLs on this machine alone")
def test_url_has_its_functions_region(aws: ClientFactory, region: str) -> None:
    elsewhere = aws("lambda", "eu-west-1")
    create_function(elsewhere, aws("iam"), "f", ECHO)
    url = elsewhere.create_function_url_config(FunctionName="f", AuthType="NONE")["FunctionUrl"]
    assert ".lambda-url.eu-west-1.localhost:" in url
    open_to_anybody(elsewhere)
    assert call(url).json()["requestContext"]["domainName"] in url
    assert call(url.replace("eu-west-1", region)).status == 403


def test_url_outlives_a_restart_on_another_port(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path) as first:
        first.create_function("f", ECHO)
        functions = first.client("lambda")
        made = functions.create_function_url_config(FunctionName="f", AuthType="NONE", Cors=CORS)
        open_to_anybody(functions)
    with local_platform(data_dir=tmp_path) as second:
        found = second.client("lambda").get_function_url_config(FunctionName="f")
        assert found["Cors"] == CORS
        assert found["FunctionUrl"] == made["FunctionUrl"].replace(f":{first.port}/", f":{second.port}/")
        assert call(found["FunctionUrl"]).json()["rawPath"] == "/"
