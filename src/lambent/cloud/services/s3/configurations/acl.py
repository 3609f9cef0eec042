"""Access control lists: canned ones as grants, grants from headers and documents, and what they allow.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.s3.configurations.errors import malformed_acl
from lambent.cloud.services.s3.errors import invalid_argument, invalid_request

Grant = Mapping[str, Any]  # Any: a Grant of the service model
Parameters = Mapping[str, Any]  # Any: of PutBucketAcl, CreateBucket and the like

_ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
_AUTHENTICATED_USERS = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
_LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
_GROUPS = frozenset({_ALL_USERS, _AUTHENTICATED_USERS, _LOG_DELIVERY})
PUBLIC_GROUPS = frozenset({_ALL_USERS, _AUTHENTICATED_USERS})

_CANNED: Mapping[str, Sequence[tuple[str, str]]] = {
    "private": (),
    "public-read": ((_ALL_USERS, "READ"),),
    "public-read-write": ((_ALL_USERS, "READ"), (_ALL_USERS, "WRITE")),
    "authenticated-read": ((_AUTHENTICATED_USERS, "READ"),),
    "log-delivery-write": ((_LOG_DELIVERY, "WRITE"), (_LOG_DELIVERY, "READ_ACP")),
    "aws-exec-read": (),
    # These speak of objects; a bucket's owner has all rights to it as it is.
    "bucket-owner-read": (),
    "bucket-owner-full-control": (),
}
_HEADERS: Mapping[str, tuple[str, str]] = {
    "GrantFullControl": ("FULL_CONTROL", "x-amz-grant-full-control"),
    "GrantRead": ("READ", "x-amz-grant-read"),
    "GrantReadACP": ("READ_ACP", "x-amz-grant-read-acp"),
    "GrantWrite": ("WRITE", "x-amz-grant-write"),
    "GrantWriteACP": ("WRITE_ACP", "x-amz-grant-write-acp"),
}
_PERMISSIONS = frozenset(permission for permission, _ in _HEADERS.values())
_CANONICAL_ID = re.compile(r"[0-9a-f]{64}")
_GRANTEE = re.compile(r"(?P<kind>uri|id|emailAddress)=\"?(?P<value>[^\"]*)\"?")
# What makes no difference to a bucket whose owner owns every object.
HARMLESS = frozenset({"private", "bucket-owner-full-control"})


def canned(name: str, owner_id: str) -> list[Grant]:
    """Return the grants of a canned list; raises InvalidArgument for one that there is not."""
    if name not in _CANNED:
        raise invalid_argument("", "x-amz-acl", name)
    own: Grant = {"Grantee": {"ID": owner_id, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
    others = [{"Grantee": {"URI": group, "Type": "Group"}, "Permission": right} for group, right in _CANNED[name]]
    return [own, *others]


def states_one(parameters: Parameters) -> bool:
    """Whether the request states an access control list at all."""
    return any(member in parameters for member in ("ACL", "AccessControlPolicy", *_HEADERS))


def is_harmless(parameters: Parameters) -> bool:
    """Whether what the request states is no more than what the bucket's owner has anyhow."""
    return parameters.get("ACL", "private") in HARMLESS and not any(
        member in parameters for member in ("AccessControlPolicy", *_HEADERS)
    )


def asked(parameters: Parameters, owner_id: str) -> list[Grant]:
    """Return the grants that a request states by a canned list, headers or a document; raises as AWS does."""
    by_header = [member for member in _HEADERS if member in parameters]
    if "ACL" in parameters and by_header:
        raise invalid_request("Specifying both Canned ACLs and Header Grants is not allowed")
    document = parameters.get("AccessControlPolicy")
    if document and ("ACL" in parameters or by_header):
        raise ServiceError("UnexpectedContent", "This request does not support content")
    if "ACL" in parameters:
        return canned(parameters["ACL"], owner_id)
    if by_header:
        return [grant for member in by_header for grant in _granted(member, parameters[member])]
    if not document:
        raise ServiceError("MissingSecurityHeader", "Your request was missing a required header")
    return _checked(document)


def stated(parameters: Parameters, owner_id: str) -> str | None:
    """Return what a new object keeps of the access control list that its request states; raises as `asked`."""
    if not states_one(parameters):
        return None
    return kept(asked(parameters, owner_id))


def kept(grants: Sequence[Grant]) -> str:
    """Return grants as an object keeps them."""
    return orjson.dumps(grants).decode()


def of_object(text: str | None, owner_id: str) -> Sequence[Grant]:
    """Return the grants that an object keeps; the owner's alone where it keeps none."""
    if text is None:
        return canned("private", owner_id)
    grants: Sequence[Grant] = orjson.loads(text)
    return grants


def is_public(grants: Sequence[Grant]) -> bool:
    """Whether anybody but named users is granted anything."""
    return any(grant["Grantee"].get("URI") in PUBLIC_GROUPS for grant in grants)


def allows(grants: Sequence[Grant], permission: str, *, caller_id: str | None) -> bool:
    """Whether the grants give a permission to a caller; `caller_id` is None for one who did not sign."""
    return any(
        grant["Permission"] in {permission, "FULL_CONTROL"} and _is_for(grant["Grantee"], caller_id) for grant in grants
    )


def _is_for(grantee: Mapping[str, str], caller_id: str | None) -> bool:
    if grantee.get("URI") == _ALL_USERS:
        return True
    if caller_id is None:
        return False
    return grantee.get("URI") == _AUTHENTICATED_USERS or grantee.get("ID") == caller_id


def _granted(member: str, text: str) -> list[Grant]:
    permission, header = _HEADERS[member]
    grants: list[Grant] = []
    for each in text.split(","):
        found = _GRANTEE.fullmatch(each.strip())
        if found is None:
            raise invalid_argument("Argument format not recognized", header, each.strip())
        grants.append({"Grantee": _grantee(found["kind"], found["value"]), "Permission": permission})
    return grants


def _grantee(kind: str, value: str) -> Mapping[str, str]:
    if kind == "uri":
        if value not in _GROUPS:
            raise invalid_argument("Invalid group uri", "uri", value)
        return {"Type": "Group", "URI": value}
    if kind == "id":
        if not _CANONICAL_ID.fullmatch(value):
            raise invalid_argument("Invalid id", "id", value)
        return {"Type": "CanonicalUser", "ID": value}
    raise _no_email(value)


def _checked(document: Mapping[str, Any]) -> list[Grant]:  # Any: an AccessControlPolicy of the service model
    if "Owner" not in document or "Grants" not in document:
        raise malformed_acl()
    owner = document["Owner"].get("ID", "")
    if not _CANONICAL_ID.fullmatch(owner):
        raise invalid_argument("Invalid id", "CanonicalUser/ID", owner)
    grants: list[Grant] = []
    for grant in document["Grants"]:
        grantee = grant.get("Grantee") or {}
        if grant.get("Permission") not in _PERMISSIONS:
            raise malformed_acl()
        match grantee.get("Type"):
            case "Group":
                if grantee.get("URI") not in _GROUPS:
                    raise invalid_argument("Invalid group uri", "Group/URI", grantee.get("URI"))
                kept = {"Type": "Group", "URI": grantee["URI"]}
            case "CanonicalUser":
                if not _CANONICAL_ID.fullmatch(grantee.get("ID", "")):
                    raise invalid_argument("Invalid id", "CanonicalUser/ID", grantee.get("ID"))
                kept = {"Type": "CanonicalUser", "ID": grantee["ID"]}
            case "AmazonCustomerByEmail":
                raise _no_email(grantee.get("EmailAddress", ""))
            case _:
                raise malformed_acl()
        grants.append({"Grantee": kept, "Permission": grant["Permission"]})
    return grants


def _no_email(address: str) -> ServiceError:
    # AWS gave grants by e-mail address up: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Grantee.html
    return ServiceError(
        "UnresolvableGrantByEmailAddress",
        "The e-mail address you provided does not match any account on record.",
        members={"EmailAddress": address},
    )
