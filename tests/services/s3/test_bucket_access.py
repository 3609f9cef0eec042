"""Who may do what with a bucket: policies, access control lists and the public access block."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from lambent.testing.clients import Clients
from lambent.testing.platform import LocalPlatform
from lambent.testing.pytest_plugin import ClientFactory

Client = Any  # Any: boto3 makes its clients at run time
STRANGER = "999999999999"
OPEN = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False)


@pytest.fixture
def s3(aws: ClientFactory) -> Client:
    return aws("s3")


@pytest.fixture
def bucket(s3: Client, account: str) -> str:
    name = f"guarded-{account}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"content")
    return name


@pytest.fixture
def stranger(platform: LocalPlatform) -> Iterator[Client]:
    clients = Clients(platform.endpoint_url)
    yield clients.get("s3", account=STRANGER)
    clients.close()


def allow(
    s3: Client, bucket: str, *actions: str, effect: str = "Allow", principal: object = "*", **more: object
) -> None:
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    statement = {"Effect": effect, "Principal": principal, "Action": list(actions), "Resource": resources, **more}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def refused(call: Any, **parameters: Any) -> tuple[str, int]:  # Any: an operation of boto3's client
    with pytest.raises(ClientError) as error:
        call(**parameters)
    found = error.value.response
    return found["Error"]["Code"], found["ResponseMetadata"]["HTTPStatusCode"]


def status_for_anybody(platform: LocalPlatform, path: str, method: str = "GET", body: bytes | None = None) -> int:
    request = Request(f"{platform.endpoint_url}/{path}", data=body, method=method)  # noqa: S310 - our own address
    try:
        with urlopen(request) as answer:  # noqa: S310 - as above
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_another_account_is_refused_without_a_policy(stranger: Client, bucket: str) -> None:
    assert refused(stranger.get_object, Bucket=bucket, Key="k") == ("AccessDenied", 403)
    assert refused(stranger.list_objects_v2, Bucket=bucket) == ("AccessDenied", 403)
    assert refused(stranger.put_object, Bucket=bucket, Key="k", Body=b"2") == ("AccessDenied", 403)
    assert refused(stranger.get_bucket_policy, Bucket=bucket) == ("AccessDenied", 403)


def test_another_account_may_do_what_a_policy_allows_it_and_no_more(s3: Client, stranger: Client, bucket: str) -> None:
    allow(s3, bucket, "s3:GetObject", principal={"AWS": STRANGER})
    assert stranger.get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"
    assert refused(stranger.put_object, Bucket=bucket, Key="k", Body=b"2") == ("AccessDenied", 403)


def test_a_condition_on_the_prefix_is_kept(s3: Client, stranger: Client, bucket: str) -> None:
    condition = {"StringLike": {"s3:prefix": ["home/*"]}}
    allow(s3, bucket, "s3:ListBucket", principal={"AWS": STRANGER}, Condition=condition)
    assert stranger.list_objects_v2(Bucket=bucket, Prefix="home/a")["KeyCount"] == 0
    assert refused(stranger.list_objects_v2, Bucket=bucket) == ("AccessDenied", 403)


def test_a_copy_needs_to_read_its_source(s3: Client, stranger: Client, bucket: str) -> None:
    stranger.create_bucket(Bucket=f"copies-of-{bucket}")
    copy = {"Bucket": f"copies-of-{bucket}", "Key": "copy", "CopySource": {"Bucket": bucket, "Key": "k"}}
    assert refused(stranger.copy_object, **copy) == ("AccessDenied", 403)
    allow(s3, bucket, "s3:GetObject", principal={"AWS": STRANGER})
    stranger.copy_object(**copy)


def test_an_explicit_deny_holds_for_the_owner_whose_root_may_still_mend_the_policy(s3: Client, bucket: str) -> None:
    allow(s3, bucket, "s3:*", effect="Deny")
    assert refused(s3.get_object, Bucket=bucket, Key="k") == ("AccessDenied", 403)
    with pytest.raises(ClientError, match="with an explicit deny in a resource-based policy"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"2")
    s3.delete_bucket_policy(Bucket=bucket)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"


def test_a_policy_that_demands_tls_shuts_nobody_out(s3: Client, bucket: str) -> None:
    allow(s3, bucket, "s3:*", effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"


def test_nobody_in_particular_may_read_a_public_bucket(s3: Client, platform: LocalPlatform, bucket: str) -> None:
    assert status_for_anybody(platform, f"{bucket}/k") == 403
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=OPEN)
    allow(s3, bucket, "s3:GetObject")
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"] == {"IsPublic": True}
    assert status_for_anybody(platform, f"{bucket}/k") == 200
    assert status_for_anybody(platform, f"{bucket}/k", "PUT", b"2") == 403
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={**OPEN, "RestrictPublicBuckets": True})
    assert status_for_anybody(platform, f"{bucket}/k") == 403


def test_a_public_policy_is_refused_where_that_is_blocked(s3: Client, bucket: str) -> None:
    with pytest.raises(ClientError, match="because public policies are prevented by the BlockPublicPolicy setting"):
        allow(s3, bucket, "s3:GetObject")
    allow(s3, bucket, "s3:GetObject", principal={"AWS": STRANGER})
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"] == {"IsPublic": False}


def test_a_policy_is_shown_as_it_was_put(s3: Client, bucket: str) -> None:
    allow(s3, bucket, "s3:GetObject", principal={"AWS": STRANGER})
    found = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    assert found["Statement"][0]["Principal"] == {"AWS": STRANGER}
    s3.delete_bucket_policy(Bucket=bucket)
    assert refused(s3.get_bucket_policy, Bucket=bucket) == ("NoSuchBucketPolicy", 404)


def test_a_bucket_whose_owner_owns_every_object_takes_no_lists(s3: Client, bucket: str) -> None:
    assert refused(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == ("AccessControlListNotSupported", 400)
    s3.put_bucket_acl(Bucket=bucket, ACL="private")


def test_a_public_list_opens_a_bucket_once_that_is_not_blocked(
    s3: Client, platform: LocalPlatform, bucket: str
) -> None:
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    )
    assert refused(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == ("AccessDenied", 403)
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=OPEN)
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    grants = s3.get_bucket_acl(Bucket=bucket)["Grants"]
    assert [each["Permission"] for each in grants] == ["FULL_CONTROL", "READ"]
    assert grants[1]["Grantee"] == {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}
    assert status_for_anybody(platform, bucket) == 200
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={**OPEN, "IgnorePublicAcls": True})
    assert status_for_anybody(platform, bucket) == 403


def test_grants_are_taken_from_headers_and_documents(s3: Client, bucket: str) -> None:
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    reader = "a" * 64
    s3.put_bucket_acl(Bucket=bucket, GrantRead=f"id={reader}")
    granted = [{"Grantee": {"ID": reader, "Type": "CanonicalUser"}, "Permission": "READ"}]
    found = s3.get_bucket_acl(Bucket=bucket)
    assert found["Grants"] == granted
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy={"Owner": found["Owner"], "Grants": granted})
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"] == granted
    assert refused(s3.put_bucket_acl, Bucket=bucket, GrantRead="uri=http://nobody") == ("InvalidArgument", 400)
    assert refused(s3.put_bucket_acl, Bucket=bucket) == ("MissingSecurityHeader", 400)


def test_an_object_may_be_public_by_a_list_of_its_own(s3: Client, platform: LocalPlatform, bucket: str) -> None:
    assert refused(s3.put_object, Bucket=bucket, Key="open", Body=b"1", ACL="public-read") == (
        "AccessControlListNotSupported",
        400,
    )
    rules = [{"ObjectOwnership": "BucketOwnerPreferred"}]
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": rules})
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=OPEN)
    s3.put_object(Bucket=bucket, Key="open", Body=b"1", ACL="public-read")
    assert [each["Permission"] for each in s3.get_object_acl(Bucket=bucket, Key="open")["Grants"]] == [
        "FULL_CONTROL",
        "READ",
    ]
    assert status_for_anybody(platform, f"{bucket}/open") == 200
    assert status_for_anybody(platform, f"{bucket}/k") == 403
    s3.put_object_acl(Bucket=bucket, Key="open", ACL="private")
    assert status_for_anybody(platform, f"{bucket}/open") == 403


def test_of_several_objects_only_those_are_deleted_that_may_be(s3: Client, stranger: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="kept", Body=b"1")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": STRANGER},
        "Action": "s3:DeleteObject",
        "Resource": f"arn:aws:s3:::{bucket}/k",
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    answer = stranger.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}, {"Key": "kept"}]})
    assert [each["Key"] for each in answer["Deleted"]] == ["k"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [("kept", "AccessDenied")]


def test_a_policy_may_ask_for_a_tag_of_the_object(s3: Client, stranger: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="shared", Body=b"1", Tagging="shared=yes")
    condition = {"StringEquals": {"s3:ExistingObjectTag/shared": "yes"}}
    allow(s3, bucket, "s3:GetObject", principal={"AWS": STRANGER}, Condition=condition)
    assert stranger.get_object(Bucket=bucket, Key="shared")["Body"].read() == b"1"
    assert refused(stranger.get_object, Bucket=bucket, Key="k") == ("AccessDenied", 403)
