"""PublishVersion, ListVersionsByFunction."""

from __future__ import annotations

from collections.abc import Callable

from tests.services.lambda_.conftest import Client, MakeFunction, refusal

Settled = Callable[[], None]


def test_published_version_is_frozen(functions: Client, make: MakeFunction, settled: Settled) -> None:
    arn = make(Description="first")
    before = functions.get_function_configuration(FunctionName="f")["RevisionId"]
    published = functions.publish_version(FunctionName="f", Description="release")
    assert published["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (published["Version"], published["FunctionArn"]) == ("1", f"{arn}:1")
    assert (published["Description"], published["State"]) == ("release", "Active")
    assert published["LastUpdateStatus"] == "Successful"
    latest = functions.get_function_configuration(FunctionName="f")
    assert (latest["Version"], latest["Description"]) == ("$LATEST", "first")
    assert len({before, published["RevisionId"], latest["RevisionId"]}) == 3
    functions.update_function_configuration(FunctionName="f", Timeout=30)
    settled()
    assert functions.get_function_configuration(FunctionName="f", Qualifier="1")["Timeout"] == 3


def test_publishing_without_a_change_returns_the_last_version(
    functions: Client, make: MakeFunction, settled: Settled
) -> None:
    make()
    first = functions.publish_version(FunctionName="f", Description="other than the function's")
    again = functions.publish_version(FunctionName="f")
    assert (again["Version"], again["RevisionId"]) == ("1", first["RevisionId"])
    functions.update_function_configuration(FunctionName="f", Description="changed")
    settled()
    assert functions.publish_version(FunctionName="f")["Version"] == "2"


def test_version_numbers_are_never_used_again(functions: Client, make: MakeFunction) -> None:
    make(Publish=True)
    functions.delete_function(FunctionName="f", Qualifier="1")
    assert functions.publish_version(FunctionName="f")["Version"] == "2"


def test_versions_are_listed_in_pages_without_states(functions: Client, make: MakeFunction, settled: Settled) -> None:
    arn = make(Publish=True)
    functions.update_function_configuration(FunctionName="f", Timeout=5)
    settled()
    functions.publish_version(FunctionName="f")
    first = functions.list_versions_by_function(FunctionName="f", MaxItems=2)
    assert [each["FunctionArn"] for each in first["Versions"]] == [f"{arn}:$LATEST", f"{arn}:1"]
    assert not any(member.startswith(("State", "LastUpdate", "RuntimeV")) for member in first["Versions"][0])
    rest = functions.list_versions_by_function(FunctionName="f", Marker=first["NextMarker"])
    assert [each["Version"] for each in rest["Versions"]] == ["2"]
    assert refusal(functions.list_versions_by_function, FunctionName="missing").status == 404


def test_publishing_checks_digest_and_revision(functions: Client, make: MakeFunction) -> None:
    make()
    latest = functions.get_function_configuration(FunctionName="f")
    refused = refusal(functions.publish_version, FunctionName="f", CodeSha256="nonsense")
    assert refused.code == "InvalidParameterValueException"
    assert refused.message == (
        f"CodeSHA256 (nonsense) is different from current CodeSHA256 in $LATEST ({latest['CodeSha256']}). "
        "Please try again with the CodeSHA256 in $LATEST."
    )
    assert refusal(functions.publish_version, FunctionName="f", RevisionId="nonsense").status == 412
    functions.publish_version(FunctionName="f", CodeSha256=latest["CodeSha256"], RevisionId=latest["RevisionId"])


def test_version_has_one_number_only(functions: Client, make: MakeFunction, account: str, region: str) -> None:
    make(Publish=True)
    for number in ("0", "00", "01"):
        missing = f"Function not found: arn:aws:lambda:{region}:{account}:function:f:{number}"
        assert refusal(functions.get_function, FunctionName="f", Qualifier=number).message == missing
        assert refusal(functions.create_alias, FunctionName="f", Name="a", FunctionVersion=number).message == missing
