"""UpdateFunctionCode, UpdateFunctionConfiguration."""

from __future__ import annotations

import json
from collections.abc import Callable

from lambent.testing.builders import zip_of
from tests.services.lambda_.conftest import ECHO, OTHER, Client, MakeFunction, refusal

Settled = Callable[[], None]


def test_update_is_in_progress_then_successful_with_new_revisions(
    functions: Client, make: MakeFunction, settled: Settled
) -> None:
    make(Environment={"Variables": {"STAGE": "1"}})
    before = functions.get_function_configuration(FunctionName="f")
    changed = functions.update_function_configuration(FunctionName="f", Timeout=9, MemorySize=256)
    assert changed["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert (changed["State"], changed["LastUpdateStatus"]) == ("Active", "InProgress")
    assert changed["LastUpdateStatusReason"] == "The function is being created."
    assert changed["LastUpdateStatusReasonCode"] == "Creating"
    settled()
    after = functions.get_function_configuration(FunctionName="f")
    assert after["LastUpdateStatus"] == "Successful"
    assert not {"LastUpdateStatusReason", "LastUpdateStatusReasonCode", "StateReason"} & set(after)
    assert len({before["RevisionId"], changed["RevisionId"], after["RevisionId"]}) == 3
    assert (after["Timeout"], after["MemorySize"], after["Environment"]) == (9, 256, {"Variables": {"STAGE": "1"}})


def test_new_code_serves_once_the_update_is_done(functions: Client, make: MakeFunction, settled: Settled) -> None:
    make()
    before = functions.get_function_configuration(FunctionName="f")
    assert json.loads(functions.invoke(FunctionName="f", Payload=b"1")["Payload"].read()) == 1
    changed = functions.update_function_code(FunctionName="f", ZipFile=OTHER)
    assert changed["CodeSha256"] != before["CodeSha256"]
    settled()
    assert json.loads(functions.invoke(FunctionName="f", Payload=b"1")["Payload"].read()) == "other"


def test_new_environment_reaches_the_function(functions: Client, make: MakeFunction, settled: Settled) -> None:
    make(code=zip_of({"handler.py": "import os\ndef handler(event, context):\n    return os.environ.get('STAGE')\n"}))
    assert functions.invoke(FunctionName="f")["Payload"].read() == b"null"
    functions.update_function_configuration(FunctionName="f", Environment={"Variables": {"STAGE": "test"}})
    settled()
    assert functions.invoke(FunctionName="f")["Payload"].read() == b'"test"'


def test_dry_run_changes_nothing(functions: Client, make: MakeFunction) -> None:
    make()
    before = functions.get_function_configuration(FunctionName="f")
    tried = functions.update_function_code(FunctionName="f", ZipFile=OTHER, DryRun=True)
    after = functions.get_function_configuration(FunctionName="f")
    assert tried["CodeSha256"] != before["CodeSha256"]
    assert after["CodeSha256"] == before["CodeSha256"]
    assert after["RevisionId"] == before["RevisionId"]


def test_update_with_publish_answers_with_the_pending_version(
    functions: Client, make: MakeFunction, settled: Settled
) -> None:
    arn = make()
    published = functions.update_function_code(FunctionName="f", ZipFile=OTHER, Publish=True)
    assert (published["Version"], published["FunctionArn"]) == ("1", f"{arn}:1")
    assert (published["State"], published["StateReasonCode"]) == ("Pending", "Creating")
    assert "LastUpdateStatus" not in published
    settled()
    version = functions.get_function_configuration(FunctionName="f", Qualifier="1")
    assert version["CodeSha256"] == published["CodeSha256"]


def test_update_needs_the_latest_revision_where_one_is_named(functions: Client, make: MakeFunction) -> None:
    make()
    message = (
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
    )
    expected = (412, "PreconditionFailedException", message)
    stale = "00000000-0000-4000-8000-000000000000"
    assert refusal(functions.update_function_code, FunctionName="f", ZipFile=OTHER, RevisionId=stale) == expected
    assert refusal(functions.update_function_configuration, FunctionName="f", RevisionId=stale) == expected
    revision = functions.get_function_configuration(FunctionName="f")["RevisionId"]
    functions.update_function_configuration(FunctionName="f", Description="d", RevisionId=revision)


def test_update_without_a_source_or_of_another_package_type_is_refused(functions: Client, make: MakeFunction) -> None:
    make()
    assert refusal(functions.update_function_code, FunctionName="f").message == (
        "Please provide a source for function code."
    )
    image = refusal(functions.update_function_code, FunctionName="f", ImageUri="i")
    assert image.message == "Please don't provide ImageUri when updating a function with packageType Zip."


def test_log_format_switches_with_its_levels(functions: Client, make: MakeFunction, settled: Settled) -> None:
    make()
    changed = functions.update_function_configuration(
        FunctionName="f", LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "DEBUG"}
    )
    assert changed["LoggingConfig"] == {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "DEBUG",
        "LogGroup": "/aws/lambda/f",
    }
    settled()
    changed = functions.update_function_configuration(FunctionName="f", LoggingConfig={"LogGroup": "mine"})
    assert (changed["LoggingConfig"]["LogGroup"], changed["LoggingConfig"]["SystemLogLevel"]) == ("mine", "DEBUG")
    settled()
    changed = functions.update_function_configuration(FunctionName="f", LoggingConfig={"LogFormat": "Text"})
    assert changed["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "mine"}


def test_same_code_again_is_an_update_of_its_own(functions: Client, make: MakeFunction, settled: Settled) -> None:
    make()
    before = functions.get_function_configuration(FunctionName="f")
    again = functions.update_function_code(FunctionName="f", ZipFile=ECHO)
    assert (again["LastUpdateStatus"], again["CodeSha256"]) == ("InProgress", before["CodeSha256"])
    settled()
    assert functions.get_function_configuration(FunctionName="f")["RevisionId"] != before["RevisionId"]
