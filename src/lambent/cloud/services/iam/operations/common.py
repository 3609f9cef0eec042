"""What IAM's operations share: looking up what must be there, pages, tags, and how entities are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from lambent.cloud.framework import paging
from lambent.cloud.framework.paging import InvalidMarkerError, decode_marker, page
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.iam import policy_repository, repository
from lambent.cloud.services.iam.documents import invalid_principal
from lambent.cloud.services.iam.errors import (
    invalid_input,
    limit_exceeded,
    policy_not_found,
    profile_not_found,
    protected_role,
    role_not_found,
    user_not_found,
    validation_error,
)
from lambent.cloud.services.iam.model import (
    MAX_TAGS,
    InstanceProfile,
    Policy,
    Role,
    User,
    is_policy_arn,
    name_in_arn,
    url_encoded,
)
from lambent.cloud.store.unit_of_work import Reader

T = TypeVar("T")
Wire = dict[str, Any]  # Any: members of whatever shape the operation answers with

_DEFAULT_PAGE = 100


def the_role(reader: Reader, account: str, name: str) -> Role:
    """Return the role; raises NoSuchEntity."""
    found = repository.role(reader, account, name)
    if found is None:
        raise role_not_found(name)
    return found


def the_modifiable_role(reader: Reader, account: str, name: str) -> Role:
    """Return the role; raises NoSuchEntity, and UnmodifiableEntity if it is service-linked."""
    found = the_role(reader, account, name)
    if found.is_service_linked:
        raise protected_role(name)
    return found


def the_user(reader: Reader, account: str, name: str) -> User:
    """Return the user; raises NoSuchEntity."""
    found = repository.user(reader, account, name)
    if found is None:
        raise user_not_found(name)
    return found


def the_profile(reader: Reader, account: str, name: str) -> InstanceProfile:
    """Return the instance profile; raises NoSuchEntity."""
    found = repository.profile(reader, account, name)
    if found is None:
        raise profile_not_found(name)
    return found


def the_policy(reader: Reader, account: str, arn: str) -> Policy:
    """Return the managed policy; raises InvalidInput for what is no policy's ARN, and NoSuchEntity."""
    if not is_policy_arn(arn):
        raise invalid_input(f"ARN {arn} is not valid.")
    found = policy_repository.policy(reader, account, arn)
    if found is None:
        raise policy_not_found(arn)
    return found


def check_boundary(reader: Reader, account: str, arn: str) -> None:
    """Raise unless `arn` names a managed policy that may be a permissions boundary."""
    if not is_policy_arn(arn):
        raise validation_error(f"Value ({arn}) for parameter PermissionsBoundary is invalid.")
    if policy_repository.policy(reader, account, arn) is None:
        raise policy_not_found(arn)


def check_principals(reader: Reader, account: str, arns: Sequence[str]) -> None:
    """Raise MalformedPolicyDocument if one of the account's own roles or users among `arns` does not exist.

    Of other accounts' principals AWS demands the same; here other accounts are mostly imagined, so theirs may be.
    """
    for arn in arns:
        kind, _, path_and_name = arn.rpartition(":")[2].partition("/")
        if not arn.startswith(f"arn:aws:iam::{account}:") or not path_and_name:
            continue
        found: Role | User | None
        if kind == "role":
            found = repository.role(reader, account, name_in_arn(arn))
        elif kind == "user":
            found = repository.user(reader, account, name_in_arn(arn))
        else:
            continue
        if found is None or found.arn != arn:
            raise invalid_principal("AWS", arn)


def paged(parameters: Parameters, items: Sequence[T], key: Callable[[T], str]) -> tuple[Sequence[T], Wire]:
    """Return the items of the page the caller asks for, and the members that lead to the next.

    Raises ValidationError for a marker we never gave.
    """
    limit = parameters.get("MaxItems", _DEFAULT_PAGE)
    try:
        found = page(sorted(items, key=key), key, limit=limit, marker=parameters.get("Marker"))
    except InvalidMarkerError as error:
        raise validation_error(f"Invalid Marker: {error}") from error
    return _shown(found)


def page_asked(parameters: Parameters) -> tuple[int, str]:
    """Return how many items a page has room for, and the key that it begins behind.

    Raises ValidationError for a marker we never gave.
    """
    marker = parameters.get("Marker")
    try:
        return parameters.get("MaxItems", _DEFAULT_PAGE), "" if marker is None else decode_marker(marker)
    except InvalidMarkerError as error:
        raise validation_error(f"Invalid Marker: {error}") from error


def page_read(items: Sequence[T], limit: int, key: Callable[[T], str]) -> tuple[Sequence[T], Wire]:
    """Return a page, and the members that lead to the next, of items read from its begin on, one more than it has."""
    return _shown(paging.page_read(items, key, limit=limit))


def _shown(found: paging.Page[T]) -> tuple[Sequence[T], Wire]:
    if found.next_marker is None:
        return found.items, {"IsTruncated": False}
    return found.items, {"IsTruncated": True, "Marker": found.next_marker}


def tags_of(parameters: Parameters) -> dict[str, str]:
    """Return the tags a request brings; raises InvalidInput for a key given twice, whatever its case."""
    given = parameters.get("Tags", [])
    keys = [tag["Key"] for tag in given]
    if len({key.lower() for key in keys}) != len(keys):
        raise invalid_input("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(key.lower().startswith("aws:") for key in keys):
        raise invalid_input("Tag keys starting with 'aws:' are reserved for system use.")
    return {tag["Key"]: tag["Value"] for tag in given}


def with_tags(before: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """Return the tags after adding; a key that differs in case alone is replaced. Raises LimitExceeded."""
    replaced = {key.lower() for key in added}
    after = {key: value for key, value in before.items() if key.lower() not in replaced} | dict(added)
    if len(after) > MAX_TAGS:
        raise limit_exceeded(f"The number of tags has reached the maximum limit: {MAX_TAGS}.")
    return after


def without_tags(before: Mapping[str, str], keys: Sequence[str]) -> dict[str, str]:
    """Return the tags after removing those with the given keys, whatever their case."""
    removed = {key.lower() for key in keys}
    return {key: value for key, value in before.items() if key.lower() not in removed}


def show_tags(tags: Mapping[str, str]) -> list[Wire]:
    """Return tags as the API shows them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def show_role(role: Role, *, in_full: bool = True) -> Wire:
    """Return a role as the API shows it; lists leave tags, boundary and last use out."""
    shown: Wire = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": url_encoded(role.trust_policy),
        "MaxSessionDuration": role.max_session_s,
    }
    if role.description is not None:
        shown["Description"] = role.description
    return shown | _extras(role.boundary, role.tags) if in_full else shown


def show_user(user: User, *, in_full: bool = True) -> Wire:
    """Return a user as the API shows it; lists leave tags and boundary out."""
    shown: Wire = {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": user.created,
    }
    return shown | _extras(user.boundary, user.tags) if in_full else shown


def show_profile(reader: Reader, profile: InstanceProfile) -> Wire:
    """Return an instance profile as the API shows it, with its role."""
    role = repository.role(reader, profile.account, profile.role) if profile.role else None
    shown: Wire = {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": profile.created,
        "Roles": [] if role is None else [show_role(role, in_full=False)],
    }
    if profile.tags:
        shown["Tags"] = show_tags(profile.tags)
    return shown


def _extras(boundary: str | None, tags: Mapping[str, str]) -> Wire:
    extras: Wire = {}
    if boundary is not None:
        extras["PermissionsBoundary"] = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary}
    if tags:
        extras["Tags"] = show_tags(tags)
    return extras
