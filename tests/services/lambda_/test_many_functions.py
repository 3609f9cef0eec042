"""What thousands of functions rely on: one is read when it is first used, and a page reads what it shows."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lambent.cloud.framework.paging import encode_marker
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


def test_markers_hold_while_functions_and_versions_come_and_go(functions: Client, make: MakeFunction) -> None:
    for name in ("b", "d", "f", "h"):
        make(name, Publish=True)
    found: list[str] = []
    marker: dict[str, str] = {}
    # Between the pages: behind the marker, at it, far behind it, before it, and the very version that comes next.
    between: list[Callable[[], object]] = [
        lambda: make("c", Publish=True),
        lambda: functions.delete_function(FunctionName="b"),
        lambda: functions.update_function_code(FunctionName="h", ZipFile=OTHER, Publish=True),
        lambda: (functions.delete_function(FunctionName="d"), make("a")),
        lambda: functions.delete_function(FunctionName="f", Qualifier="1"),
    ]
    while True:
        page = functions.list_functions(FunctionVersion="ALL", MaxItems=1, **marker)
        found += names(page)
        if "NextMarker" not in page:
            break
        marker = {"Marker": page["NextMarker"]}
        if between:
            between.pop(0)()
    assert found == ["b:$LATEST", "b:1", "c:$LATEST", "c:1", "f:$LATEST", "h:$LATEST", "h:1", "h:2"]


def test_lambda_at_edge_replicates_nothing_here(functions: Client, make: MakeFunction) -> None:
    make("f", Publish=True)
    assert names(functions.list_functions(FunctionVersion="ALL", MasterRegion="ALL")) == ["f:$LATEST", "f:1"]
    assert names(functions.list_functions(FunctionVersion="ALL", MasterRegion="us-east-1")) == []
    refused = refusal(functions.list_functions, MasterRegion="eu-west-1")
    assert refused.code == "InvalidParameterValueException"
    assert refused.message == (
        "The combination MasterArn=eu-west-1 and FunctionVersion=NULL is not supported. Please see our documentation "
        "for valid combinations of ListFunctions options."
    )


def collected(
    functions: Client, operation: str, member: str, **asked: object
) -> list[dict[str, Any]]:  # Any: AWS's shapes
    """Return what a listing shows in all, one item a page."""
    paginator = functions.get_paginator(operation)
    pages = list(paginator.paginate(**asked, PaginationConfig={"PageSize": 1}))
    assert all(len(page[member]) == 1 for page in pages[:-1])
    return [each for page in pages for each in page[member]]


def test_versions_aliases_and_configurations_of_a_function_come_page_by_page(
    functions: Client, make: MakeFunction
) -> None:
    for name in ("f", "g"):
        make(name, Publish=True)
    for number in range(3):
        functions.update_function_configuration(FunctionName="f", Description=str(number))
        functions.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.02})
        functions.publish_version(FunctionName="f")
    functions.delete_function(FunctionName="f", Qualifier="2")
    for name, version in (("a", "1"), ("b", "3"), ("B", "1"), ("g-1", "4")):
        functions.create_alias(FunctionName="f", Name=name, FunctionVersion=version)
        functions.create_function_url_config(FunctionName="f", Qualifier=name, AuthType="NONE")
        functions.put_function_event_invoke_config(FunctionName="f", Qualifier=name, MaximumRetryAttempts=0)
    functions.update_alias(FunctionName="f", Name="b", RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}})
    functions.create_function_url_config(FunctionName="f", AuthType="NONE")
    functions.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0)
    functions.create_alias(FunctionName="g", Name="a", FunctionVersion="1")

    versions = collected(functions, "list_versions_by_function", "Versions", FunctionName="f")
    assert [each["Version"] for each in versions] == ["$LATEST", "1", "3", "4"]
    aliases = collected(functions, "list_aliases", "Aliases", FunctionName="f")
    assert [each["Name"] for each in aliases] == ["B", "a", "b", "g-1"]
    leading = collected(functions, "list_aliases", "Aliases", FunctionName="f", FunctionVersion="1")
    assert [each["Name"] for each in leading] == ["B", "a", "b"]
    urls = collected(functions, "list_function_url_configs", "FunctionUrlConfigs", FunctionName="f")
    assert [each["FunctionArn"].partition(":function:f")[2] for each in urls] == ["", ":B", ":a", ":b", ":g-1"]
    configs = collected(functions, "list_function_event_invoke_configs", "FunctionEventInvokeConfigs", FunctionName="f")
    assert [each["FunctionArn"].partition(":function:f:")[2] for each in configs] == ["$LATEST", "B", "a", "b", "g-1"]


def test_layers_come_with_their_newest_version_that_fits(functions: Client) -> None:
    for name, runtimes in (("one", ["python3.12"]), ("two", ["python3.13"]), ("one", ["python3.13"]), ("one", [])):
        functions.publish_layer_version(LayerName=name, Content={"ZipFile": ECHO}, CompatibleRuntimes=runtimes)
    functions.publish_layer_version(LayerName="gone", Content={"ZipFile": ECHO})
    functions.delete_layer_version(LayerName="gone", VersionNumber=1)

    def shown(**asked: object) -> list[tuple[str, int]]:
        found = collected(functions, "list_layers", "Layers", **asked)
        return [(each["LayerName"], each["LatestMatchingVersion"]["Version"]) for each in found]

    assert shown() == [("one", 3), ("two", 1)]
    assert shown(CompatibleRuntime="python3.13") == [("one", 2), ("two", 1)]
    assert shown(CompatibleRuntime="python3.12") == [("one", 1)]
    assert shown(CompatibleRuntime="python3.12", CompatibleArchitecture="arm64") == []
    versions = collected(functions, "list_layer_versions", "LayerVersions", LayerName="one")
    assert [each["Version"] for each in versions] == [3, 2, 1]


def test_markers_of_no_listing_do_no_harm(functions: Client, make: MakeFunction) -> None:
    make("f")
    numbers = ("9" * 19, "-" + "1" * 18, "", "x", "f\x00" + "9" * 18, "\x00\x00")
    for marker in ["", "=", "MQ", "\u00e9", *map(encode_marker, numbers)]:
        for call, asked in (
            (functions.list_functions, {}),
            (functions.list_functions, {"FunctionVersion": "ALL"}),
            (functions.list_versions_by_function, {"FunctionName": "f"}),
            (functions.list_layer_versions, {"LayerName": "l"}),
        ):
            with suppress(functions.exceptions.InvalidParameterValueException):
                call(**asked, Marker=marker)


def test_usage_follows_what_is_changed_and_deleted(functions: Client, make: MakeFunction) -> None:
    def usage() -> tuple[int, int]:
        found = functions.get_account_settings()["AccountUsage"]
        return found["FunctionCount"], found["TotalCodeSize"]

    make("a", Publish=True)
    make("b")
    functions.publish_layer_version(LayerName="l", Content={"ZipFile": ECHO})
    assert usage() == (2, 4 * len(ECHO))
    functions.update_function_code(FunctionName="a", ZipFile=OTHER)
    assert usage() == (2, 3 * len(ECHO) + len(OTHER))
    functions.delete_function(FunctionName="a", Qualifier="1")
    functions.delete_layer_version(LayerName="l", VersionNumber=1)
    assert usage() == (2, len(ECHO) + len(OTHER))
    functions.delete_function(FunctionName="a")
    assert usage() == (1, len(ECHO))


def test_urls_and_denying_policies_hold_from_the_start_on(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path / "data") as platform:
        functions = platform.client("lambda")
        for name in ("open", "closed"):
            platform.create_function(name, ECHO)
        made = functions.create_function_url_config(FunctionName="open", AuthType="NONE")
        functions.add_permission(
            FunctionName="open",
            StatementId="url",
            Action="lambda:InvokeFunctionUrl",
            Principal="*",
            FunctionUrlAuthType="NONE",
        )
        functions.add_permission(
            FunctionName="open",
            StatementId="invoke",
            Action="lambda:InvokeFunction",
            Principal="*",
            InvokedViaFunctionUrl=True,
        )
        arn = functions.get_function(FunctionName="closed")["Configuration"]["FunctionArn"]
        denied = {"Effect": "Deny", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "no", **denied}]})
        functions.put_resource_policy(ResourceArn=arn, Policy=policy)
    url_id = made["FunctionUrl"].removeprefix("http://").partition(".")[0]
    with local_platform(data_dir=tmp_path / "data") as platform:
        address = f"{platform.endpoint_url}/_url/{url_id}/"
        with urllib.request.urlopen(address) as answer:  # noqa: S310 - the platform's own address
            assert json.load(answer)["requestContext"]["domainPrefix"] == url_id
        assert refusal(platform.client("lambda").invoke, FunctionName="closed").code == "AccessDeniedException"
