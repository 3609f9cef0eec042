"""What thousands of functions rely on: one is read when it is first used, and a page reads what it shows."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from lambent.testing.platform import local_platform
from tests.services.lambda_.conftest import ECHO, OTHER, Client, MakeFunction, refusal

pytestmark = pytest.mark.local_only("it looks at all functions of the account")


def names(page: dict[str, list[dict[str, str]]]) -> list[str]:
    return [f"{each['FunctionName']}:{each['Version']}" for each in page["Functions"]]


def read_all(functions: Client, **asked: object) -> list[str]:
    found: list[str] = []
    marker: dict[str, str] = {}
    while True:
        page = functions.list_functions(**asked, **marker)
        found += names(page)
        if "NextMarker" not in page:
            return found
        marker = {"Marker": page["NextMarker"]}


def test_functions_that_nobody_has_used_since_the_start_are_as_they_were(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path / "data") as platform:
        for name in ("plain", "stopped"):
            platform.create_function(name, ECHO, Publish=True)
        functions = platform.client("lambda")
        functions.create_alias(FunctionName="plain", Name="live", FunctionVersion="1")
        functions.put_function_concurrency(FunctionName="stopped", ReservedConcurrentExecutions=0)
    with local_platform(data_dir=tmp_path / "data") as platform:
        functions = platform.client("lambda")
        assert functions.invoke(FunctionName="plain:live", Payload=b"7")["Payload"].read() == b"7"
        assert refusal(functions.invoke, FunctionName="stopped").code == "TooManyRequestsException"
        with urllib.request.urlopen(f"{platform.endpoint_url}/_lambent/functions") as answer:  # noqa: S310 - the platform's own address
            shown = json.load(answer)
        assert {arn.rpartition(":")[2]: (each["versions"], each["aliases"]) for arn, each in shown.items()} == {
            "plain": ({"$LATEST": "Active", "1": "Active"}, {"live": "1"}),
            "stopped": ({"$LATEST": "Active", "1": "Active"}, {}),
        }


def test_an_update_reaches_a_function_that_nobody_has_used_yet(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path / "data") as platform:
        platform.create_function("f", ECHO)
    with local_platform(data_dir=tmp_path / "data") as platform:
        functions = platform.client("lambda")
        functions.update_function_code(FunctionName="f", ZipFile=OTHER)
        functions.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.02})
        assert functions.invoke(FunctionName="f", Payload=b"7")["Payload"].read() == b'"other"'


def test_pages_of_every_version_come_in_order(functions: Client, make: MakeFunction) -> None:
    for name in ("a", "b-1", "b"):
        make(name, Publish=True)
    everything = ["a:$LATEST", "a:1", "b:$LATEST", "b:1", "b-1:$LATEST", "b-1:1"]
    for size in (1, 2, 4, 6, 50):
        assert read_all(functions, FunctionVersion="ALL", MaxItems=size) == everything
    assert read_all(functions, MaxItems=1) == ["a:$LATEST", "b:$LATEST", "b-1:$LATEST"]


def test_a_page_goes_on_behind_what_was_deleted(functions: Client, make: MakeFunction) -> None:
    for name in ("a", "b", "c"):
        make(name, Publish=True)
    page = functions.list_functions(FunctionVersion="ALL", MaxItems=3)
    assert names(page) == ["a:$LATEST", "a:1", "b:$LATEST"]
    functions.delete_function(FunctionName="b")
    rest = functions.list_functions(FunctionVersion="ALL", Marker=page["NextMarker"])
    assert names(rest) == ["c:$LATEST", "c:1"]
    assert names(functions.list_functions(Marker=page["NextMarker"])) == ["c:$LATEST"]


def test_marker_of_another_listing_is_refused(functions: Client, make: MakeFunction) -> None:
    make("a", Publish=True)
    marker = functions.list_versions_by_function(FunctionName="a", MaxItems=1)["NextMarker"]
    refused = refusal(functions.list_functions, Marker=marker)
    assert (refused.code, refused.message) == ("InvalidParameterValueException", f"Invalid marker: {marker}")


def test_usage_counts_functions_and_the_code_of_every_version(functions: Client, make: MakeFunction) -> None:
    make("a", Publish=True)
    make("b", code=OTHER)
    usage = functions.get_account_settings()["AccountUsage"]
    assert usage == {"TotalCodeSize": 2 * len(ECHO) + len(OTHER), "FunctionCount": 2}
