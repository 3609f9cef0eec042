"""When functions move to newer versions of their runtimes, and what happens to those found in a loop."""

from __future__ import annotations

import pytest

from tests.services.lambda_.conftest import Client, MakeFunction, refusal

HELD = f"arn:aws:lambda:us-east-1::runtime:{'7' * 64}"


def test_runtime_is_updated_automatically_until_told_otherwise(functions: Client, make: MakeFunction) -> None:
    arn = make()
    shown = functions.get_runtime_management_config(FunctionName="f")
    assert (shown["UpdateRuntimeOn"], shown["FunctionArn"]) == ("Auto", f"{arn}:$LATEST")
    assert "RuntimeVersionArn" not in shown
    put = functions.put_runtime_management_config(FunctionName="f", UpdateRuntimeOn="FunctionUpdate")
    assert put.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    assert put == {"UpdateRuntimeOn": "FunctionUpdate", "FunctionArn": f"{arn}:$LATEST"}
    assert functions.get_runtime_management_config(FunctionName="f")["UpdateRuntimeOn"] == "FunctionUpdate"


@pytest.mark.local_only("the runtime version it names is not there")
def test_held_runtime_version_is_shown_where_the_runtime_is(functions: Client, make: MakeFunction) -> None:
    make()
    before = functions.get_function_configuration(FunctionName="f")
    put = functions.put_runtime_management_config(FunctionName="f", UpdateRuntimeOn="Manual", RuntimeVersionArn=HELD)
    assert put["RuntimeVersionArn"] == HELD
    after = functions.get_function_configuration(FunctionName="f")
    assert after["RuntimeVersionConfig"] == {"RuntimeVersionArn": HELD}
    assert after["RevisionId"] != before["RevisionId"]
    changed = functions.update_function_configuration(FunctionName="f", Description="still held")
    assert changed["RuntimeVersionConfig"] == {"RuntimeVersionArn": HELD}
    assert "RuntimeVersionConfig" not in functions.list_functions()["Functions"][0]


def test_function_is_held_at_the_runtime_version_it_runs_on(functions: Client, make: MakeFunction) -> None:
    make()
    in_use = functions.get_function_configuration(FunctionName="f")["RuntimeVersionConfig"]["RuntimeVersionArn"]
    functions.put_runtime_management_config(FunctionName="f", UpdateRuntimeOn="Manual", RuntimeVersionArn=in_use)
    functions.put_runtime_management_config(FunctionName="f", UpdateRuntimeOn="Auto")
    assert "RuntimeVersionArn" not in functions.get_runtime_management_config(FunctionName="f")


@pytest.mark.local_only("the runtime version it names is not there")
def test_each_version_has_a_management_of_its_own(functions: Client, make: MakeFunction) -> None:
    arn = make(Publish=True)
    functions.put_runtime_management_config(
        FunctionName="f", Qualifier="1", UpdateRuntimeOn="Manual", RuntimeVersionArn=HELD
    )
    shown = functions.get_runtime_management_config(FunctionName="f", Qualifier="1")
    assert (shown["FunctionArn"], shown["RuntimeVersionArn"]) == (f"{arn.removesuffix(':1')}:1", HELD)
    assert functions.get_runtime_management_config(FunctionName="f")["UpdateRuntimeOn"] == "Auto"
    found = functions.get_function(FunctionName="f", Qualifier="1")["Configuration"]
    assert found["RuntimeVersionConfig"] == {"RuntimeVersionArn": HELD}
    functions.put_runtime_management_config(FunctionName="f", UpdateRuntimeOn="FunctionUpdate")
    functions.update_function_configuration(FunctionName="f", Description="another version")
    waiter = functions.get_waiter("function_updated_v2")
    waiter.wait(FunctionName="f", WaiterConfig={"Delay": 0.02, "MaxAttempts": 500})
    version = functions.publish_version(FunctionName="f")["Version"]
    assert functions.get_runtime_management_config(FunctionName="f", Qualifier=version)["UpdateRuntimeOn"] == "Auto"


def test_deleted_versions_management_is_gone_with_it(
    functions: Client, make: MakeFunction, account: str, region: str
) -> None:
    make(Publish=True)
    functions.put_runtime_management_config(FunctionName="f", Qualifier="1", UpdateRuntimeOn="FunctionUpdate")
    functions.delete_function(FunctionName="f", Qualifier="1")
    refused = refusal(functions.get_runtime_management_config, FunctionName="f", Qualifier="1")
    assert refused == (
        404, "ResourceNotFoundException", f"Function not found: arn:aws:lambda:{region}:{account}:function:f:1",
    )  # fmt: skip


def test_management_is_refused_where_it_makes_no_sense(
    functions: Client, make: MakeFunction, region: str, elsewhere: str
) -> None:
    make(Publish=True)
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    put = functions.put_runtime_management_config

    def refused(**asked: str) -> str:
        found = refusal(put, **{"FunctionName": "f", **asked})
        assert (found.status, found.code) == (400, "InvalidParameterValueException")
        return found.message

    assert "RuntimeVersionArn is required" in refused(UpdateRuntimeOn="Manual")
    distant = f"arn:aws:lambda:{elsewhere}::runtime:{'7' * 64}"
    assert "not in the region" in refused(UpdateRuntimeOn="Manual", RuntimeVersionArn=distant)
    assert "only be set when" in refused(UpdateRuntimeOn="Auto", RuntimeVersionArn=distant.replace(elsewhere, region))
    assert "not supported for aliases" in refused(UpdateRuntimeOn="Auto", Qualifier="live")
    assert refusal(put, FunctionName="f", UpdateRuntimeOn="Never").message == (
        "1 validation error detected: Value 'Never' at 'updateRuntimeOn' failed to satisfy constraint: "
        "Member must satisfy enum value set: [Auto, Manual, FunctionUpdate]"
    )


@pytest.mark.local_only("AWS wants an image that is there")
def test_container_image_brings_its_own_runtime(functions: Client, role: str, region: str) -> None:
    image = f"123456789012.dkr.ecr.{region}.amazonaws.com/r:1"
    functions.create_function(FunctionName="i", PackageType="Image", Role=role, Code={"ImageUri": image})
    for call in (functions.get_runtime_management_config, functions.put_runtime_management_config):
        asked = {"UpdateRuntimeOn": "Auto"} if call.__name__.startswith("put") else {}
        assert "container images" in refusal(call, FunctionName="i", **asked).message


def test_loops_are_ended_until_a_function_is_allowed_to(
    functions: Client, make: MakeFunction, account: str, region: str
) -> None:
    make()
    assert functions.get_function_recursion_config(FunctionName="f")["RecursiveLoop"] == "Terminate"
    assert functions.put_function_recursion_config(FunctionName="f", RecursiveLoop="Allow")["RecursiveLoop"] == "Allow"
    assert functions.get_function_recursion_config(FunctionName="f")["RecursiveLoop"] == "Allow"
    invalid = refusal(functions.put_function_recursion_config, FunctionName="f", RecursiveLoop="InvalidValue")
    assert invalid == (
        400,
        "ValidationException",
        (
            "1 validation error detected: Value 'InvalidValue' at 'recursiveLoop' failed to satisfy constraint: "
            "Member must satisfy enum value set: [Terminate, Allow]"
        ),
    )
    missing = refusal(functions.put_function_recursion_config, FunctionName="none", RecursiveLoop="Allow")
    assert missing.message == f"Function not found: arn:aws:lambda:{region}:{account}:function:none"
