"""Code signing configurations: kept, bound to functions, and what they let be deployed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lambent.testing.platform import LocalPlatform
from tests.services.lambda_.conftest import ECHO, OTHER, Client, MakeFunction, refusal

UNKNOWN = "csc-0123456789abcdef0"


def profile(functions: Client, name: str = "test") -> str:
    """Return the ARN of a signing profile of the client's region."""
    return f"arn:aws:signer:{functions.meta.region_name}:123456789012:/signing-profiles/{name}"


def create(functions: Client, policy: str | None = None, **more: Any) -> dict[str, Any]:  # Any: botocore's own shapes
    """Create a configuration and return it."""
    if policy is not None:
        more["CodeSigningPolicies"] = {"UntrustedArtifactOnDeployment": policy}
    answer = functions.create_code_signing_config(
        AllowedPublishers={"SigningProfileVersionArns": [profile(functions)]}, **more
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    found: dict[str, Any] = answer["CodeSigningConfig"]  # Any: as above
    return found


def refused_deployment(artifact: str) -> str:
    """Return what AWS says of an unsigned artifact."""
    return (
        "Lambda cannot deploy the function. The function or layer might be signed using a signature that the client "
        f"is not configured to accept. Check the provided signature for {artifact}."
    )


@pytest.mark.local_only("it looks at all configurations of the account")
def test_configuration_is_made_shown_changed_and_deleted(functions: Client, account: str, region: str) -> None:
    made = create(functions, "Enforce", Description="Testing")
    arn, key = made["CodeSigningConfigArn"], made["CodeSigningConfigId"]
    assert arn == f"arn:aws:lambda:{region}:{account}:code-signing-config:{key}"
    assert made.pop("LastModified").endswith("+0000")
    assert made == {
        "CodeSigningConfigId": key,
        "CodeSigningConfigArn": arn,
        "Description": "Testing",
        "AllowedPublishers": {"SigningProfileVersionArns": [profile(functions)]},
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Enforce"},
    }
    changed = functions.update_code_signing_config(
        CodeSigningConfigArn=arn,
        AllowedPublishers={"SigningProfileVersionArns": [profile(functions, "other")]},
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Warn"},
    )["CodeSigningConfig"]
    assert changed["AllowedPublishers"] == {"SigningProfileVersionArns": [profile(functions, "other")]}
    assert changed["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Warn"}
    assert changed["Description"] == "Testing"
    assert functions.get_code_signing_config(CodeSigningConfigArn=arn)["CodeSigningConfig"] == changed
    assert functions.list_code_signing_configs()["CodeSigningConfigs"] == [changed]
    deleted = functions.delete_code_signing_config(CodeSigningConfigArn=arn)
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert functions.list_code_signing_configs()["CodeSigningConfigs"] == []


def test_configuration_warns_where_nobody_says_otherwise(functions: Client) -> None:
    made = create(functions)
    assert made["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Warn"}
    assert "Description" not in made


def test_update_without_a_change_answers_with_the_configuration(functions: Client) -> None:
    made = create(functions, "Enforce")
    again = functions.update_code_signing_config(CodeSigningConfigArn=made["CodeSigningConfigArn"])
    assert {**again["CodeSigningConfig"], "LastModified": ""} == {**made, "LastModified": ""}


@pytest.mark.local_only("pages hold the configurations of others")
def test_configurations_are_listed_in_pages(functions: Client) -> None:
    made = {create(functions)["CodeSigningConfigArn"] for _ in range(5)}
    pages = functions.get_paginator("list_code_signing_configs").paginate(PaginationConfig={"PageSize": 2})
    listed = [[each["CodeSigningConfigArn"] for each in page["CodeSigningConfigs"]] for page in pages]
    assert [len(page) for page in listed] == [2, 2, 1]
    assert {arn for page in listed for arn in page} == made


def test_function_is_bound_listed_and_released(functions: Client, make: MakeFunction) -> None:
    functions_arn = make()
    arn = create(functions, "Warn")["CodeSigningConfigArn"]
    assert functions.list_functions_by_code_signing_config(CodeSigningConfigArn=arn)["FunctionArns"] == []
    assert "CodeSigningConfigArn" not in functions.get_function_code_signing_config(FunctionName="f")
    bound = functions.put_function_code_signing_config(CodeSigningConfigArn=arn, FunctionName=functions_arn)
    assert (bound["CodeSigningConfigArn"], bound["FunctionName"]) == (arn, "f")
    shown = functions.get_function_code_signing_config(FunctionName="f")
    assert (shown["CodeSigningConfigArn"], shown["FunctionName"]) == (arn, "f")
    listed = functions.list_functions_by_code_signing_config(CodeSigningConfigArn=arn)
    assert listed["FunctionArns"] == [functions_arn]
    refused = refusal(functions.delete_code_signing_config, CodeSigningConfigArn=arn)
    assert (refused.status, refused.code) == (409, "ResourceConflictException")
    for _ in range(2):  # the second time there is nothing to take away, which is no error
        released = functions.delete_function_code_signing_config(FunctionName="f")
        assert released["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert "CodeSigningConfigArn" not in functions.get_function_code_signing_config(FunctionName="f")
    functions.delete_code_signing_config(CodeSigningConfigArn=arn)


def test_functions_of_a_configuration_are_listed_in_pages(functions: Client, make: MakeFunction) -> None:
    arn = create(functions, "Warn")["CodeSigningConfigArn"]
    made = [make(name, CodeSigningConfigArn=arn) for name in ("a", "b", "c")]
    pages = functions.get_paginator("list_functions_by_code_signing_config").paginate(
        CodeSigningConfigArn=arn, PaginationConfig={"PageSize": 2}
    )
    assert [page["FunctionArns"] for page in pages] == [made[:2], made[2:]]


def test_deleted_function_releases_its_configuration(functions: Client, make: MakeFunction) -> None:
    arn = create(functions, "Warn")["CodeSigningConfigArn"]
    make(CodeSigningConfigArn=arn)
    functions.delete_function(FunctionName="f")
    functions.delete_code_signing_config(CodeSigningConfigArn=arn)


def test_new_function_is_created_under_a_configuration_that_warns(functions: Client, make: MakeFunction) -> None:
    arn = create(functions, "Warn")["CodeSigningConfigArn"]
    make(CodeSigningConfigArn=arn)
    assert functions.get_function_code_signing_config(FunctionName="f")["CodeSigningConfigArn"] == arn
    functions.update_function_code(FunctionName="f", ZipFile=OTHER)


def test_unsigned_function_is_not_created_where_signatures_are_enforced(functions: Client, role: str) -> None:
    arn = create(functions, "Enforce")["CodeSigningConfigArn"]
    refused = refusal(
        functions.create_function,
        FunctionName="f",
        Runtime="python3.11",
        Handler="handler.handler",
        Role=role,
        Code={"ZipFile": ECHO},
        CodeSigningConfigArn=arn,
    )
    assert refused == (400, "CodeVerificationFailedException", refused_deployment("f"))
    assert refusal(functions.get_function, FunctionName="f").status == 404


def test_enforced_signatures_hold_from_the_next_deployment_on(
    functions: Client, make: MakeFunction, settled: Callable[[], None]
) -> None:
    function_arn = make()
    layer = functions.publish_layer_version(LayerName="l", Content={"ZipFile": OTHER})["LayerVersionArn"]
    arn = create(functions, "Enforce")["CodeSigningConfigArn"]
    functions.put_function_code_signing_config(CodeSigningConfigArn=arn, FunctionName="f")
    assert functions.invoke(FunctionName="f", Payload=b"1")["Payload"].read() == b"1"
    expected = (400, "CodeVerificationFailedException", refused_deployment(function_arn))
    assert refusal(functions.update_function_code, FunctionName="f", ZipFile=OTHER) == expected
    assert refusal(functions.update_function_code, FunctionName="f", ZipFile=OTHER, DryRun=True) == expected
    configure = functions.update_function_configuration
    assert refusal(configure, FunctionName="f", Layers=[layer]).message == refused_deployment(layer)
    configure(FunctionName="f", Description="settings are not signed")
    settled()
    functions.update_code_signing_config(
        CodeSigningConfigArn=arn, CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Warn"}
    )
    functions.update_function_code(FunctionName="f", ZipFile=OTHER)


def test_missing_configuration_is_refused_in_awss_words(
    functions: Client, make: MakeFunction, role: str, account: str, region: str
) -> None:
    make()
    unknown = f"arn:aws:lambda:{region}:{account}:code-signing-config:{UNKNOWN}"
    missing = (
        404,
        "ResourceNotFoundException",
        f"The Lambda code signing configuration {unknown} can not be found.",
    )
    for call in (
        functions.get_code_signing_config,
        functions.update_code_signing_config,
        functions.delete_code_signing_config,
        functions.list_functions_by_code_signing_config,
    ):
        assert refusal(call, CodeSigningConfigArn=unknown) == missing
    assert refusal(functions.list_tags, Resource=unknown) == missing
    not_found = (
        404,
        "CodeSigningConfigNotFoundException",
        (
            "The code signing configuration cannot be found. Check that the provided configuration is not deleted: "
            f"{unknown}."
        ),
    )
    bind = functions.put_function_code_signing_config
    assert refusal(bind, FunctionName="f", CodeSigningConfigArn=unknown) == not_found
    assert refusal(bind, FunctionName="none", CodeSigningConfigArn=unknown) == not_found
    created = refusal(
        functions.create_function,
        FunctionName="g",
        Runtime="python3.11",
        Handler="handler.handler",
        Role=role,
        Code={"ZipFile": ECHO},
        CodeSigningConfigArn=unknown,
    )
    assert created == not_found


def test_missing_function_is_refused_in_awss_words(functions: Client, account: str, region: str) -> None:
    arn = create(functions)["CodeSigningConfigArn"]
    missing = (
        404,
        "ResourceNotFoundException",
        f"Function not found: arn:aws:lambda:{region}:{account}:function:none",
    )
    bind = functions.put_function_code_signing_config
    assert refusal(bind, FunctionName="none", CodeSigningConfigArn=arn) == missing
    assert refusal(functions.get_function_code_signing_config, FunctionName="none") == missing
    assert refusal(functions.delete_function_code_signing_config, FunctionName="none") == missing


@pytest.mark.local_only("AWS wants an image that is there")
def test_container_image_has_no_code_signing(functions: Client, role: str, region: str) -> None:
    image = f"123456789012.dkr.ecr.{region}.amazonaws.com/r:1"
    asked = {"FunctionName": "i", "PackageType": "Image", "Role": role, "Code": {"ImageUri": image}}
    arn = create(functions)["CodeSigningConfigArn"]
    message = "Code signing is not supported for functions created with container images."
    assert refusal(functions.create_function, **asked, CodeSigningConfigArn=arn).message == message
    functions.create_function(**asked)
    assert refusal(functions.get_function_code_signing_config, FunctionName="i").message == message
    bind = functions.put_function_code_signing_config
    assert refusal(bind, FunctionName="i", CodeSigningConfigArn=arn).message == message


def test_configuration_of_another_account_is_not_found(platform: LocalPlatform, functions: Client) -> None:
    arn = create(functions)["CodeSigningConfigArn"]
    stranger = platform.client("lambda", account="999999999999")
    assert refusal(stranger.get_code_signing_config, CodeSigningConfigArn=arn).status == 404


def test_configuration_has_tags_of_its_own(functions: Client) -> None:
    arn = create(functions, Tags={"a": "1"})["CodeSigningConfigArn"]
    functions.tag_resource(Resource=arn, Tags={"a": "2", "b": "3"})
    assert functions.list_tags(Resource=arn)["Tags"] == {"a": "2", "b": "3"}
    functions.untag_resource(Resource=arn, TagKeys=["a", "missing"])
    assert functions.list_tags(Resource=arn)["Tags"] == {"b": "3"}
    too_many = {f"k{number}": "v" for number in range(50)}
    refused = refusal(functions.tag_resource, Resource=arn, Tags=too_many)
    assert refused.message == "Number of tags exceeds resource tag limit."


@pytest.mark.parametrize("qualified", ["f:1", "f:$LATEST"])
def test_versions_have_no_code_signing_of_their_own(functions: Client, make: MakeFunction, qualified: str) -> None:
    make(Publish=True)
    arn = create(functions)["CodeSigningConfigArn"]
    refused = refusal(functions.put_function_code_signing_config, FunctionName=qualified, CodeSigningConfigArn=arn)
    assert refused.code == "InvalidParameterValueException"
