"""What buckets are configured with: put, got, listed and deleted as AWS does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory

Client = Any  # Any: boto3 makes its clients at run time
Members = dict[str, Any]  # Any: members of the API
MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"


@pytest.fixture
def s3(aws: ClientFactory) -> Client:
    return aws("s3")


@pytest.fixture
def bucket(s3: Client, account: str) -> str:
    s3.create_bucket(Bucket=f"configured-{account}")
    return f"configured-{account}"


def got(answer: Mapping[str, Any]) -> Members:  # Any: as Members
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def refused(call: Any, **parameters: Any) -> tuple[str, str]:  # Any: an operation of boto3's client
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("get_bucket_tagging", ("NoSuchTagSet", "The TagSet does not exist")),
        ("get_bucket_policy", ("NoSuchBucketPolicy", "The bucket policy does not exist")),
        ("get_bucket_policy_status", ("NoSuchBucketPolicy", "The bucket policy does not exist")),
        ("get_bucket_cors", ("NoSuchCORSConfiguration", "The CORS configuration does not exist")),
        (
            "get_bucket_lifecycle_configuration",
            ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
        ),
        (
            "get_bucket_website",
            ("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
        ),
        (
            "get_bucket_replication",
            ("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
        ),
        (
            "get_object_lock_configuration",
            (
                "ObjectLockConfigurationNotFoundError",
                "Object Lock configuration does not exist for this bucket",
            ),
        ),
    ],
)
def test_what_a_new_bucket_does_not_have_is_not_found(
    s3: Client, bucket: str, operation: str, expected: tuple[str, str]
) -> None:
    with pytest.raises(ClientError) as error:
        getattr(s3, operation)(Bucket=bucket)
    found: Members = dict(error.value.response)
    assert (found["Error"]["Code"], found["Error"]["Message"]) == expected
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert found["Error"]["BucketName"] == bucket


def test_what_terraform_reads_of_a_new_bucket_is_as_on_aws(s3: Client, bucket: str) -> None:
    owner = got(s3.get_bucket_acl(Bucket=bucket))
    assert owner["Grants"] == [
        {"Grantee": {"ID": owner["Owner"]["ID"], "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
    ]
    assert len(owner["Owner"]["ID"]) == 64
    assert got(s3.get_bucket_accelerate_configuration(Bucket=bucket)) == {}
    assert got(s3.get_bucket_request_payment(Bucket=bucket)) == {"Payer": "BucketOwner"}
    assert got(s3.get_bucket_logging(Bucket=bucket)) == {}
    assert got(s3.get_bucket_notification_configuration(Bucket=bucket)) == {}
    assert got(s3.get_bucket_abac(Bucket=bucket)) == {"AbacStatus": {"Status": "Disabled"}}
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"] == {
        "Rules": [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False},
        ]
    }
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"] == {
        "Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]
    }
    for listing in ("analytics", "inventory", "metrics", "intelligent_tiering"):
        assert got(getattr(s3, f"list_bucket_{listing}_configurations")(Bucket=bucket)) == {"IsTruncated": False}


CASES: list[tuple[str, str, Members, str | None]] = [
    (
        "bucket_cors",
        "CORSConfiguration",
        {"CORSRules": [{"ID": "a", "AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 3}]},
        None,
    ),
    (
        "bucket_website",
        "WebsiteConfiguration",
        {
            "IndexDocument": {"Suffix": "index.html"},
            "ErrorDocument": {"Key": "error.html"},
            "RoutingRules": [
                {"Condition": {"KeyPrefixEquals": "a/"}, "Redirect": {"ReplaceKeyPrefixWith": "b/"}},
            ],
        },
        None,
    ),
    (
        "public_access_block",
        "PublicAccessBlockConfiguration",
        {
            "BlockPublicAcls": False,
            "IgnorePublicAcls": False,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": False,
        },
        "PublicAccessBlockConfiguration",
    ),
    (
        "bucket_ownership_controls",
        "OwnershipControls",
        {"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
        "OwnershipControls",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_configuration_is_shown_as_it_was_put_until_it_is_deleted(
    s3: Client, bucket: str, case: tuple[str, str, Members, str | None]
) -> None:
    name, member, document, shown = case
    getattr(s3, f"put_{name}")(Bucket=bucket, **{member: document})
    found = got(getattr(s3, f"get_{name}")(Bucket=bucket))
    assert (found if shown is None else found[shown]) == document
    for _ in range(2):  # deleting what is not there succeeds
        getattr(s3, f"delete_{name}")(Bucket=bucket)
    with pytest.raises(ClientError) as error:
        getattr(s3, f"get_{name}")(Bucket=bucket)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_bucket_that_forgot_its_encryption_has_the_default(s3: Client, bucket: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    found = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert found == [{**rule, "BucketKeyEnabled": False}]
    s3.delete_bucket_encryption(Bucket=bucket)
    found = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert found[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_the_default_encryption_is_that_of_new_objects(s3: Client, bucket: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    assert s3.head_object(Bucket=bucket, Key="k")["ServerSideEncryption"] == "aws:kms"


def test_rules_without_ids_get_one_and_the_default_minimum_size_is_shown(s3: Client, bucket: str) -> None:
    rule = {"Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    found = got(s3.get_bucket_lifecycle_configuration(Bucket=bucket))
    (kept,) = found["Rules"]
    assert kept.pop("ID")
    assert kept == rule
    assert found["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert refused(s3.get_bucket_lifecycle_configuration, Bucket=bucket)[0] == "NoSuchLifecycleConfiguration"


def test_an_object_that_a_rule_will_expire_says_when(s3: Client, bucket: str) -> None:
    rule = {"ID": "soon", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    put = s3.put_object(Bucket=bucket, Key="tmp/k", Body=b"1")
    assert 'rule-id="soon"' in put["Expiration"]
    assert s3.head_object(Bucket=bucket, Key="tmp/k")["Expiration"] == put["Expiration"]
    assert "Expiration" not in s3.put_object(Bucket=bucket, Key="k", Body=b"1")


RULE: Members = {"Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}


@pytest.mark.parametrize(
    ("rule", "code", "message"),
    [
        ({**RULE, "Status": "On"}, "MalformedXML", MALFORMED),
        ({"Status": "Enabled", "Expiration": {"Days": 1}}, "MalformedXML", MALFORMED),
        ({**RULE, "Prefix": "a"}, "MalformedXML", MALFORMED),
        ({"Status": "Enabled", "Filter": {}}, "InvalidRequest", "At least one action needs to be specified in a rule"),
        (
            {**RULE, "Expiration": {"Days": 0}},
            "InvalidArgument",
            "'Days' for Expiration action must be a positive integer",
        ),
        (
            {**RULE, "Expiration": {"Date": "2030-01-01T10:00:00Z"}},
            "InvalidArgument",
            "'Date' must be at midnight GMT",
        ),
        (
            {**RULE, "Expiration": {"Days": 10}, "Transitions": [{"Days": 10, "StorageClass": "GLACIER"}]},
            "InvalidArgument",
            (
                "'Days' in the Expiration action for filter '(prefix=)' must be greater than 'Days' in the Transition"
                " action"
            ),
        ),
        (
            {**RULE, "Transitions": [{"Days": 1, "StorageClass": "STANDARD_IA"}]},
            "InvalidArgument",
            "'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'",
        ),
    ],
)
def test_lifecycle_rules_that_aws_refuses_are_refused(
    s3: Client, bucket: str, rule: Members, code: str, message: str
) -> None:
    found = refused(s3.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    assert found == (code, message)


def test_tags_replace_one_another_and_an_empty_set_is_none(s3: Client, bucket: str) -> None:
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": ""}, {"Key": "b", "Value": "2"}]})
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "c", "Value": "3"}]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "c", "Value": "3"}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": []})
    assert refused(s3.get_bucket_tagging, Bucket=bucket)[0] == "NoSuchTagSet"


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ([("a", "1"), ("a", "2")], "Cannot provide multiple Tags with the same key"),
        ([("a,b", "1")], "The TagKey you have provided is invalid"),
        ([("a", "1,2")], "The TagValue you have provided is invalid"),
        ([("aws:a", "1")], "System tags cannot be added/updated by requester"),
    ],
)
def test_tags_that_aws_refuses_are_refused(s3: Client, bucket: str, tags: list[tuple[str, str]], message: str) -> None:
    tag_set = [{"Key": key, "Value": value} for key, value in tags]
    assert refused(s3.put_bucket_tagging, Bucket=bucket, Tagging={"TagSet": tag_set}) == ("InvalidTag", message)


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("put_bucket_encryption", {"ServerSideEncryptionConfiguration": {"Rules": []}}, "MalformedXML"),
        ("put_bucket_ownership_controls", {"OwnershipControls": {"Rules": []}}, "MalformedXML"),
        (
            "put_bucket_ownership_controls",
            {"OwnershipControls": {"Rules": [{"ObjectOwnership": "Nobody"}]}},
            "MalformedXML",
        ),
        ("put_bucket_accelerate_configuration", {"AccelerateConfiguration": {"Status": "enabled"}}, "MalformedXML"),
        ("put_bucket_website", {"WebsiteConfiguration": {"IndexDocument": {"Suffix": "a/b"}}}, "InvalidArgument"),
        (
            "put_bucket_cors",
            {"CORSConfiguration": {"CORSRules": [{"AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]}]}},
            "InvalidRequest",
        ),
        (
            "put_bucket_replication",
            {
                "ReplicationConfiguration": {
                    "Role": "r",
                    "Rules": [{"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::b"}}],
                }
            },
            "InvalidRequest",
        ),
        (
            "put_object_lock_configuration",
            {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}},
            "InvalidBucketState",
        ),
    ],
)
def test_documents_that_aws_refuses_are_refused(
    s3: Client, bucket: str, operation: str, parameters: Members, code: str
) -> None:
    assert refused(getattr(s3, operation), Bucket=bucket, **parameters)[0] == code


def test_a_bucket_made_for_object_lock_has_it_and_retains_by_default(s3: Client, account: str) -> None:
    name = f"locked-{account}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    assert s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}
    document = {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
    }
    s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=document)
    assert s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"] == document
    s3.put_object(Bucket=name, Key="k", Body=b"1")
    assert s3.head_object(Bucket=name, Key="k")["ObjectLockMode"] == "GOVERNANCE"


def test_configurations_with_ids_are_listed_in_pages(s3: Client, bucket: str) -> None:
    names = [f"m{number:03}" for number in range(103)]
    for name in names:
        s3.put_bucket_metrics_configuration(Bucket=bucket, Id=name, MetricsConfiguration={"Id": name})
    first = s3.list_bucket_metrics_configurations(Bucket=bucket)
    assert first["IsTruncated"]
    second = s3.list_bucket_metrics_configurations(Bucket=bucket, ContinuationToken=first["NextContinuationToken"])
    listed = [each["Id"] for page in (first, second) for each in page["MetricsConfigurationList"]]
    assert listed == names
    assert not second["IsTruncated"]
    s3.delete_bucket_metrics_configuration(Bucket=bucket, Id="m001")
    found = refused(s3.get_bucket_metrics_configuration, Bucket=bucket, Id="m001")
    assert found == ("NoSuchConfiguration", "The specified configuration does not exist.")


def test_configurations_of_a_deleted_bucket_do_not_come_back(s3: Client, bucket: str) -> None:
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    s3.delete_bucket(Bucket=bucket)
    assert refused(s3.get_bucket_tagging, Bucket=bucket)[0] == "NoSuchBucket"
    s3.create_bucket(Bucket=bucket)
    assert refused(s3.get_bucket_tagging, Bucket=bucket)[0] == "NoSuchTagSet"
