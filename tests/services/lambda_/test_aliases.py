"""CreateAlias, GetAlias, UpdateAlias, DeleteAlias, ListAliases, and invoking by alias."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest

from lambent.testing.builders import zip_of
from tests.services.lambda_.conftest import Client, MakeFunction, refusal

WHICH = """
def handler(event, context):
    return [context.function_version, context.invoked_function_arn]
"""
VERSION = zip_of({"handler.py": WHICH})


@pytest.fixture
def two_versions(functions: Client, make: MakeFunction, settled: Callable[[], None]) -> str:
    arn = make(code=VERSION, Publish=True)
    functions.update_function_configuration(FunctionName="f", Timeout=5)
    settled()
    functions.publish_version(FunctionName="f")
    return arn


def test_alias_lives_from_creation_to_deletion(functions: Client, two_versions: str) -> None:
    made = functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert made.pop("ResponseMetadata")["HTTPStatusCode"] == 201
    assert set(made) == {"AliasArn", "Description", "FunctionVersion", "Name", "RevisionId"}
    assert (made["AliasArn"], made["Description"]) == (f"{two_versions}:live", "")
    changed = functions.update_alias(
        FunctionName="f", Name="live", Description="d", RoutingConfig={"AdditionalVersionWeights": {"2": 0.25}}
    )
    assert changed["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.25}}
    assert changed["RevisionId"] != made["RevisionId"]
    emptied = functions.update_alias(FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
    assert "RoutingConfig" not in emptied
    assert functions.get_alias(FunctionName="f", Name="live")["RevisionId"] == emptied["RevisionId"]
    assert functions.delete_alias(FunctionName="f", Name="live")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert functions.delete_alias(FunctionName="f", Name="live")["ResponseMetadata"]["HTTPStatusCode"] == 204
    missing = refusal(functions.get_alias, FunctionName="f", Name="live")
    assert missing.message == f"Cannot find alias arn: {two_versions}:live"
    assert refusal(functions.update_alias, FunctionName="f", Name="live").message == (
        f"Alias not found: {two_versions}:live"
    )


def test_alias_shows_and_runs_the_version_it_names(functions: Client, two_versions: str) -> None:
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    shown = functions.get_function_configuration(FunctionName="f", Qualifier="live")
    assert (shown["FunctionArn"], shown["Version"]) == (f"{two_versions}:live", "1")
    answer = functions.invoke(FunctionName="f:live")
    assert answer["ExecutedVersion"] == "1"
    assert answer["Payload"].read().decode() == f'["1", "{two_versions}:live"]'


@pytest.mark.not_kept("chance decides which version answers")
def test_weights_divide_the_invocations(functions: Client, two_versions: str) -> None:
    functions.create_alias(
        FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.2}}
    )
    calls = 250
    executed = []
    for _ in range(calls):
        answer = functions.invoke(FunctionName="f", Qualifier="live")
        executed.append(answer["ExecutedVersion"])
        # What the header says is what ran, called by the alias's name.
        assert json.load(answer["Payload"]) == [executed[-1], f"{two_versions}:live"]
    # Six standard deviations of the binomial distribution: exceeded once in 500 million runs.
    assert abs(executed.count("2") - calls * 0.2) <= 6 * math.sqrt(calls * 0.2 * 0.8)
    assert set(executed) == {"1", "2"}
    functions.update_alias(FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 1.0}})
    assert {functions.invoke(FunctionName="f", Qualifier="live")["ExecutedVersion"] for _ in range(10)} == {"2"}


@pytest.mark.usefixtures("two_versions")
def test_aliases_are_listed_perhaps_by_version(functions: Client) -> None:
    for name, version in (("c", "2"), ("a", "1"), ("b", "1")):
        functions.create_alias(FunctionName="f", Name=name, FunctionVersion=version)
    listed = functions.list_aliases(FunctionName="f")["Aliases"]
    assert [alias["Name"] for alias in listed] == ["a", "b", "c"]
    of_one = functions.list_aliases(FunctionName="f", FunctionVersion="1")["Aliases"]
    assert [alias["Name"] for alias in of_one] == ["a", "b"]


def test_alias_is_refused_in_awss_words(functions: Client, two_versions: str) -> None:
    def refused(version: str = "1", weights: dict[str, float] | None = None, name: str = "live") -> str:
        routing = {} if weights is None else {"RoutingConfig": {"AdditionalVersionWeights": weights}}
        return refusal(functions.create_alias, FunctionName="f", Name=name, FunctionVersion=version, **routing).message

    assert refused("9") == f"Function not found: {two_versions}:9"
    assert refused(weights={"9": 0.5}) == f"Function not found: {two_versions}:9"
    assert refused(weights={"1": 0.5}) == (
        "Invalid function version 1. Function version 1 is already included in routing configuration."
    )
    assert refused(weights={"1": 0.1, "2": 0.5}) == (
        "Number of items in AdditionalVersionWeights cannot be greater than 1"
    )
    assert refused("$LATEST", {"1": 0.5}) == "$LATEST is not supported for an alias pointing to more than 1 version"
    assert refused(weights={"2": 1.5}).startswith(
        "1 validation error detected: Value '{2=1.5}' at 'routingConfig.additionalVersionWeights' failed to satisfy "
    )
    assert refused(name="2024").endswith("pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)")
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert refused() == f"Alias already exists: {two_versions}:live"
