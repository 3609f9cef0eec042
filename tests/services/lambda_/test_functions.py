"""CreateFunction, GetFunction, GetFunctionConfiguration, ListFunctions, DeleteFunction."""

from __future__ import annotations

import urllib.request
from typing import Any

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.lambda_.conftest import ECHO, Client, MakeFunction, Refusal, refusal

ALWAYS = {
    "Architectures", "CodeSha256", "CodeSize", "Description", "EphemeralStorage", "FunctionArn", "FunctionName",
    "Handler", "LastModified", "LoggingConfig", "MemorySize", "PackageType", "RevisionId", "Role", "Runtime",
    "SnapStart", "Timeout", "TracingConfig", "Version",
}  # fmt: skip


def plain(answer: dict[str, Any]) -> dict[str, Any]:  # Any: a botocore answer
    return {member: value for member, value in answer.items() if member != "ResponseMetadata"}


def request(role: str, **changes: object) -> dict[str, object]:
    base = {"FunctionName": "f", "Runtime": "python3.12", "Role": role, "Handler": "h.h", "Code": {"ZipFile": ECHO}}
    return {member: value for member, value in {**base, **changes}.items() if value is not None}


def test_new_function_is_pending_with_awss_defaults(functions: Client, role: str, account: str, region: str) -> None:
    made = functions.create_function(**request(role))
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert set(plain(made)) == ALWAYS | {"State", "StateReason", "StateReasonCode", "RuntimeVersionConfig"}
    assert (made["State"], made["StateReasonCode"]) == ("Pending", "Creating")
    assert made["StateReason"] == "The function is being created."
    assert made["FunctionArn"] == f"arn:aws:lambda:{region}:{account}:function:f"
    assert (made["Timeout"], made["MemorySize"], made["EphemeralStorage"]) == (3, 128, {"Size": 512})
    assert made["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}
    assert made["SnapStart"] == {"ApplyOn": "None", "OptimizationStatus": "Off"}
    assert (made["PackageType"], made["Architectures"], made["TracingConfig"]) == (
        "Zip", ["x86_64"], {"Mode": "PassThrough"},
    )  # fmt: skip
    assert made["LastModified"].endswith("+0000")


def test_function_becomes_active_under_a_new_revision(functions: Client, role: str) -> None:
    made = functions.create_function(**request(role))
    functions.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.02})
    now = functions.get_function(FunctionName="f")
    assert set(plain(now)) == {"Configuration", "Code"}
    configuration = now["Configuration"]
    assert set(configuration) == ALWAYS | {"State", "LastUpdateStatus", "RuntimeVersionConfig"}
    assert (configuration["State"], configuration["LastUpdateStatus"]) == ("Active", "Successful")
    assert configuration["RevisionId"] != made["RevisionId"]
    assert configuration["LastModified"] == made["LastModified"]


def test_package_can_be_downloaded_from_code_location(functions: Client, make: MakeFunction) -> None:
    make()
    code = functions.get_function(FunctionName="f")["Code"]
    assert code["RepositoryType"] == "S3"
    with urllib.request.urlopen(code["Location"]) as answer:  # noqa: S310 - the platform's own address
        assert answer.read() == ECHO


@pytest.mark.local_only("its dead letter queue is not there")
def test_every_setting_of_a_new_function_is_shown(functions: Client, role: str, account: str, region: str) -> None:
    queue = f"arn:aws:sqs:{region}:{account}:failed"
    functions.create_function(
        **request(
            role,
            Description="d",
            Timeout=7,
            MemorySize=512,
            EphemeralStorage={"Size": 512},
            Environment={"Variables": {"STAGE": "test"}},
            DeadLetterConfig={"TargetArn": queue},
            TracingConfig={"Mode": "Active"},
            Architectures=["arm64"],
            SnapStart={"ApplyOn": "PublishedVersions"},
            LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "LogGroup": "mine"},
            Tags={"team": "a"},
        )
    )
    found = functions.get_function(FunctionName="f")
    shown = found["Configuration"]
    assert (shown["Description"], shown["Timeout"], shown["MemorySize"]) == ("d", 7, 512)
    assert shown["EphemeralStorage"] == {"Size": 512}
    assert shown["Environment"] == {"Variables": {"STAGE": "test"}}
    assert shown["DeadLetterConfig"] == {"TargetArn": queue}
    assert shown["TracingConfig"] == {"Mode": "Active"}
    assert shown["Architectures"] == ["arm64"]
    assert shown["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
    assert shown["LoggingConfig"] == {
        "LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "INFO", "LogGroup": "mine",
    }  # fmt: skip
    assert found["Tags"] == {"team": "a"}


def test_publish_on_creation_answers_with_the_version(functions: Client, role: str, account: str, region: str) -> None:
    made = functions.create_function(**request(role, Publish=True))
    assert (made["Version"], made["State"]) == ("1", "Pending")
    assert made["FunctionArn"] == f"arn:aws:lambda:{region}:{account}:function:f"
    functions.get_waiter("published_version_active").wait(FunctionName="f", Qualifier="1", WaiterConfig={"Delay": 0.02})
    versions = functions.list_versions_by_function(FunctionName="f")["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST", "1"]


@pytest.mark.local_only("AWS runs images, and wants one that is there")
def test_image_function_is_kept_as_data(functions: Client, role: str, account: str, region: str) -> None:
    uri = f"{account}.dkr.ecr.{region}.amazonaws.com/app:latest"
    asked = request(role, PackageType="Image", Code={"ImageUri": uri}, Runtime=None, Handler=None)
    functions.create_function(**asked)
    functions.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.02})
    found = functions.get_function(FunctionName="f")
    assert found["Code"]["ImageUri"] == uri
    assert found["Code"]["RepositoryType"] == "ECR"
    assert not {"Handler", "Runtime", "RuntimeVersionConfig"} & set(found["Configuration"])
    refused = refusal(functions.invoke, FunctionName="f")
    assert (refused.status, refused.code) == (502, "InvalidRuntimeException")
    assert refused.message == (
        f"arn:aws:lambda:{region}:{account}:function:f:$LATEST is a container image. Running it needs podman or "
        "docker, which this platform does not use; it runs deployment packages of type Zip."
    )


@pytest.mark.parametrize("runtime", ["java21", "dotnet8", "ruby3.4"])
@pytest.mark.local_only("AWS runs it")
def test_function_of_a_runtime_that_is_not_run_here_is_kept_and_says_so(
    functions: Client, role: str, runtime: str
) -> None:
    functions.create_function(**request(role, Runtime=runtime))
    functions.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.02})
    assert functions.get_function_configuration(FunctionName="f")["Runtime"] == runtime
    for call in (functions.invoke, functions.invoke_with_response_stream):
        assert refusal(call, FunctionName="f") == (
            502,
            "InvalidRuntimeException",
            f"{runtime}: this runtime is not run here; those of Python and Node.js, and provided ones, are",
        )
    assert functions.invoke(FunctionName="f", InvocationType="DryRun")["StatusCode"] == 204


def invalid(message: str) -> Refusal:
    return Refusal(400, "InvalidParameterValueException", message)


def violates(violation: str) -> Refusal:
    return Refusal(400, "ValidationException", f"1 validation error detected: {violation}")


UNREADABLE = invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
RETIRED = invalid(
    "The runtime parameter of go1.x is no longer supported for creating or updating AWS Lambda functions. "
    "We recommend you use a supported runtime while creating or updating functions."
)
HANDLER = invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
ROLE = violates(
    "Value 'r' at 'role' failed to satisfy constraint: Member must satisfy regular "
    r"expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"
)
TIMEOUT = violates(
    "Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900"
)
ARCHITECTURES = violates(
    "Value '[arm64, x86_64]' at 'architectures' failed to satisfy constraint: "
    "Member must have length less than or equal to 1"
)
RESERVED = invalid(
    "Lambda was unable to configure your environment variables because the environment variables you have "
    "provided contains reserved keys that are currently not supported for modification. Reserved keys used in "
    "this request: AWS_REGION, AWS_LAMBDA_RUNTIME_API"
)
LOG_LEVEL = invalid(
    'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change the '
    'LogFormat to "JSON" and try again.'
)
LONG_NAME = invalid(
    f"1 validation error detected: Value '{'n' * 65}' at 'functionName' failed to satisfy constraint: "
    "Member must have length less than or equal to 64"
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Code": {"ZipFile": b"no zip"}}, UNREADABLE),
        ({"Code": {"ZipFile": zip_of({"../evil": "x"})}}, UNREADABLE),
        ({"Code": {"ZipFile": zip_of({})}}, invalid("Uploaded file must be a non-empty zip")),
        ({"Code": {}}, invalid("Please provide a source for function code.")),
        ({"Runtime": "go1.x"}, RETIRED),
        ({"Handler": None}, HANDLER),
        ({"Role": "r"}, ROLE),
        ({"Timeout": 901}, TIMEOUT),
        ({"Architectures": ["arm64", "x86_64"]}, ARCHITECTURES),
        ({"Environment": {"Variables": {"AWS_REGION": "x", "AWS_LAMBDA_RUNTIME_API": "y"}}}, RESERVED),
        ({"LoggingConfig": {"LogFormat": "Text", "SystemLogLevel": "INFO"}}, LOG_LEVEL),
        ({"FunctionName": "n" * 65}, LONG_NAME),
    ],
)
def test_function_is_refused_in_awss_words(
    functions: Client, role: str, changes: dict[str, object], expected: Refusal
) -> None:
    assert refusal(functions.create_function, **request(role, **changes)) == expected
    assert functions.list_functions()["Functions"] == []


def test_unknown_runtime_is_refused_with_the_enumeration(functions: Client, role: str) -> None:
    refused = refusal(functions.create_function, **request(role, Runtime="cobol85"))
    assert refused.code == "InvalidParameterValueException"
    assert refused.message.startswith(
        "Value cobol85 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [nodejs20.x, "
    )
    assert refused.message.endswith(", java8.al2] or be a valid ARN")


def test_environment_beyond_4_kb_is_refused_as_measured(functions: Client, role: str) -> None:
    text = "v" * 4096
    refused = refusal(functions.create_function, **request(role, Environment={"Variables": {"BIG": text}}))
    assert refused.message == (
        "Lambda was unable to configure your environment variables because the environment variables you have "
        f'provided exceeded the 4KB limit. String measured: {{"BIG":"{text}"}}'
    )


def test_package_larger_unzipped_than_250_mb_is_refused(functions: Client, role: str) -> None:
    package = zip_of({"zeros": bytes(262_144_000)})
    refused = refusal(functions.create_function, **request(role, Code={"ZipFile": package}))
    assert refused.message == "Unzipped size must be smaller than 262144000 bytes"


def test_role_must_exist_and_trust_lambda(aws: ClientFactory, functions: Client, account: str) -> None:
    message = "The role defined for the function cannot be assumed by Lambda."
    missing = f"arn:aws:iam::{account}:role/missing"
    assert refusal(functions.create_function, **request(missing)) == (400, "InvalidParameterValueException", message)
    document = (
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},'
        '"Action":"sts:AssumeRole"}}'
    )
    other = aws("iam").create_role(RoleName="ec2", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    assert refusal(functions.create_function, **request(other)).message == message


def test_role_of_another_account_is_refused(functions: Client) -> None:
    refused = refusal(functions.create_function, **request("arn:aws:iam::999999999999:role/r"))
    assert refused == (403, "AccessDeniedException", "Cross-account pass role is not allowed.")


def test_second_function_of_the_same_name_is_a_conflict(functions: Client, make: MakeFunction, role: str) -> None:
    make()
    refused = refusal(functions.create_function, **request(role))
    assert refused == (409, "ResourceConflictException", "Function already exist: f")


def test_function_is_found_by_name_partial_arn_and_arn(functions: Client, make: MakeFunction, account: str) -> None:
    arn = make()
    for name in ("f", f"{account}:function:f", f"{account}:f", arn):
        assert functions.get_function_configuration(FunctionName=name)["FunctionArn"] == arn
    for name, qualifier in ((f"{arn}:$LATEST", None), ("f", "$LATEST"), ("f:$LATEST", "$LATEST")):
        asked = {"FunctionName": name} if qualifier is None else {"FunctionName": name, "Qualifier": qualifier}
        assert functions.get_function_configuration(**asked)["FunctionArn"] == f"{arn}:$LATEST"


def test_qualifier_must_not_contradict_the_name(functions: Client) -> None:
    refused = refusal(functions.get_function, FunctionName="f:1", Qualifier="2")
    message = "The derived qualifier from the function name does not match the specified qualifier."
    assert refused == (400, "InvalidParameterValueException", message)


def test_what_is_missing_is_named_as_asked_for(
    functions: Client, make: MakeFunction, account: str, region: str
) -> None:
    arn = f"arn:aws:lambda:{region}:{account}:function:f"
    assert refusal(functions.get_function, FunctionName="f") == (
        404, "ResourceNotFoundException", f"Function not found: {arn}",
    )  # fmt: skip
    make()
    assert refusal(functions.get_function, FunctionName="f", Qualifier="7").message == f"Function not found: {arn}:7"
    assert refusal(functions.get_function, FunctionName="f:x").message == f"Function not found: {arn}:x"


def test_function_of_another_region_is_not_reachable(
    functions: Client, account: str, region: str, elsewhere: str
) -> None:
    refused = refusal(functions.get_function, FunctionName=f"arn:aws:lambda:{elsewhere}:{account}:function:f")
    message = f"Functions from '{elsewhere}' are not reachable in this region ('{region}')"
    assert refused == (404, "ResourceNotFoundException", message)


@pytest.mark.local_only("AWS promises no order, and pages hold the functions of others")
def test_functions_are_listed_by_name_without_states(functions: Client, make: MakeFunction) -> None:
    for name in ("b", "a", "c"):
        make(name, Publish=name == "a")
    listed = functions.list_functions(MaxItems=2)
    assert [each["FunctionName"] for each in listed["Functions"]] == ["a", "b"]
    assert set(listed["Functions"][0]) == ALWAYS
    rest = functions.list_functions(Marker=listed["NextMarker"])
    assert [each["FunctionName"] for each in rest["Functions"]] == ["c"]
    assert "NextMarker" not in rest
    everything = functions.list_functions(FunctionVersion="ALL")["Functions"]
    assert [each["FunctionArn"].split(":", 6)[6] for each in everything] == [
        "a:$LATEST",
        "a:1",
        "b:$LATEST",
        "c:$LATEST",
    ]


def test_deleted_function_is_gone_and_its_name_free(functions: Client, make: MakeFunction) -> None:
    make(Publish=True)
    assert functions.delete_function(FunctionName="f")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refusal(functions.get_function, FunctionName="f:1").status == 404
    assert refusal(functions.delete_function, FunctionName="f").status == 404
    make()
    assert len(functions.list_versions_by_function(FunctionName="f")["Versions"]) == 1


def test_version_in_use_by_an_alias_is_not_deleted(functions: Client, make: MakeFunction) -> None:
    make(Publish=True)
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    refused = refusal(functions.delete_function, FunctionName="f", Qualifier="1")
    message = "Unable to delete version because the following aliases reference it: [live]"
    assert refused == (409, "ResourceConflictException", message)
    functions.delete_alias(FunctionName="f", Name="live")
    functions.delete_function(FunctionName="f", Qualifier="1")
    assert len(functions.list_versions_by_function(FunctionName="f")["Versions"]) == 1


def test_latest_and_aliases_are_not_deleted_by_qualifier(functions: Client, make: MakeFunction) -> None:
    make()
    latest = refusal(functions.delete_function, FunctionName="f", Qualifier="$LATEST")
    assert latest.message == "$LATEST version cannot be deleted without deleting the function."
    alias = refusal(functions.delete_function, FunctionName="f", Qualifier="live")
    assert alias.message == "Deletion of aliases is not currently supported."


def test_members_that_are_not_simulated_are_kept_and_shown(functions: Client, make: MakeFunction) -> None:
    mount = {"Arn": "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0"}
    asked: dict[str, Any] = {  # Any: members of any shape
        "KMSKeyArn": "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000",
        "FileSystemConfigs": [{**mount, "LocalMountPath": "/mnt/data"}],
        "Architectures": ["arm64"],
        "AcceleratorConfig": {"AcceleratorMemorySize": 1024},
        "DurableConfig": {"ExecutionTimeout": 60},
        "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"},
    }
    make(**asked)
    shown = functions.get_function_configuration(FunctionName="f")
    assert {member: shown.get(member) for member in asked} == asked
