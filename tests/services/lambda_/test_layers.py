"""Layers: published, shown, listed, deleted, and under a function's /opt."""

from __future__ import annotations

import urllib.request

from lambent.testing.builders import zip_of
from tests.recorder.cloud import Cloud
from tests.services.lambda_.conftest import Client, MakeFunction, refusal

CONTENT = zip_of({"python/shared.py": "VALUE = 'from the layer'\n"})
USING = zip_of({"handler.py": "import shared\ndef handler(event, context):\n    return shared.VALUE\n"})


def test_layer_versions_count_up_and_are_never_used_again(functions: Client, account: str, region: str) -> None:
    arn = f"arn:aws:lambda:{region}:{account}:layer:l"
    first = functions.publish_layer_version(
        LayerName="l", Content={"ZipFile": CONTENT}, CompatibleRuntimes=["python3.13"], LicenseInfo="MIT"
    )
    assert first.pop("ResponseMetadata")["HTTPStatusCode"] == 201
    assert set(first) == {
        "CompatibleRuntimes", "Content", "CreatedDate", "Description", "LayerArn", "LayerVersionArn", "LicenseInfo",
        "Version",
    }  # fmt: skip
    assert (first["LayerArn"], first["LayerVersionArn"], first["Version"]) == (arn, f"{arn}:1", 1)
    assert set(first["Content"]) == {"CodeSha256", "CodeSize", "Location"}
    functions.publish_layer_version(LayerName="l", Content={"ZipFile": CONTENT})
    assert [each["Version"] for each in functions.list_layer_versions(LayerName="l")["LayerVersions"]] == [2, 1]
    functions.delete_layer_version(LayerName="l", VersionNumber=2)
    functions.delete_layer_version(LayerName="l", VersionNumber=2)
    assert functions.publish_layer_version(LayerName="l", Content={"ZipFile": CONTENT})["Version"] == 3
    (layer,) = functions.list_layers(CompatibleRuntime="python3.13")["Layers"]
    assert (layer["LayerName"], layer["LatestMatchingVersion"]["Version"]) == ("l", 1)
    found = functions.get_layer_version_by_arn(Arn=f"{arn}:1")
    assert found["LicenseInfo"] == "MIT"
    with urllib.request.urlopen(found["Content"]["Location"]) as answer:  # noqa: S310 - the platform's own address
        assert answer.read() == CONTENT


def test_a_number_that_no_version_has_is_not_found(functions: Client) -> None:
    functions.publish_layer_version(LayerName="l", Content={"ZipFile": CONTENT})
    for number in (2**63 - 1, 2**63, 2**80):
        refused = refusal(functions.get_layer_version, LayerName="l", VersionNumber=number)
        assert refused.code == "ResourceNotFoundException"
        functions.delete_layer_version(LayerName="l", VersionNumber=number)


def test_function_imports_from_its_layer_even_after_its_deletion(functions: Client, make: MakeFunction) -> None:
    layer = functions.publish_layer_version(LayerName="l", Content={"ZipFile": CONTENT})
    make(code=USING, Layers=[layer["LayerVersionArn"]])
    shown = functions.get_function_configuration(FunctionName="f")["Layers"]
    assert shown == [{"Arn": layer["LayerVersionArn"], "CodeSize": len(CONTENT)}]
    functions.delete_layer_version(LayerName="l", VersionNumber=1)
    assert functions.invoke(FunctionName="f")["Payload"].read() == b'"from the layer"'


def test_layers_are_refused_in_awss_words(functions: Client, make: MakeFunction, cloud: Cloud) -> None:
    place = cloud.place
    make()
    one = functions.publish_layer_version(LayerName="l", Content={"ZipFile": CONTENT})["LayerVersionArn"]
    two = functions.publish_layer_version(LayerName="l", Content={"ZipFile": CONTENT})["LayerVersionArn"]

    def refused(*layers: str) -> str:
        return refusal(functions.update_function_configuration, FunctionName="f", Layers=list(layers)).message

    assert refused(*[one] * 6) == "Cannot reference more than 5 layers."
    assert refused(one, two) == (
        "Two different versions of the same layer are not allowed to be referenced in the same function. "
        f"{one} and {two} are versions of the same layer."
    )
    missing = f"arn:aws:lambda:{place.scope}:layer:none:1"
    assert refused(missing) == f"Layer version {missing} does not exist."
    assert refused(f"arn:aws:lambda:{place.elsewhere}:{place.account}:layer:l:1") == (
        f"Layers are not in the same region as the function. Layers are expected to be in region {place.region}."
    )
    absent = refusal(functions.get_layer_version, LayerName="l", VersionNumber=9)
    assert absent == (404, "ResourceNotFoundException", "The resource you requested does not exist.")
    assert refusal(functions.get_layer_version, LayerName="l", VersionNumber=0).message == (
        "Layer Version Cannot be less than 1"
    )


def test_an_arn_without_a_partition_names_no_layer(functions: Client, account: str, region: str) -> None:
    # The model's pattern lets it by.
    named = f"arn::lambda:{region}:{account}:layer:l"
    refused = refusal(functions.publish_layer_version, LayerName=named, Content={"ZipFile": CONTENT})
    assert (refused.status, refused.code) == (404, "ResourceNotFoundException")
    assert functions.list_layers()["Layers"] == []
