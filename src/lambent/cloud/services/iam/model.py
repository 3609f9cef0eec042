"""IAM's entities as values, and the rules that need nothing but them."""

from __future__ import annotations

import enum
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_TAGS = 50
MAX_ATTACHED_POLICIES = 10
MAX_POLICY_VERSIONS = 5
MAX_MANAGED_POLICY_SIZE = 6144
MAX_TRUST_POLICY_SIZE = 2048
MAX_ACCESS_KEYS = 2
DEFAULT_SESSION_S = 3600
SERVICE_LINKED_PATH = "/aws-service-role/"


class HolderKind(enum.Enum):
    """What policies are attached to."""

    ROLE = "role"
    USER = "user"

    @property
    def max_inline_size(self) -> int:
        """How many characters, white space aside, its inline policies may have together."""
        return 10240 if self is HolderKind.ROLE else 2048


@dataclass(frozen=True, slots=True)
class Holder:
    """One entity that holds policies: an account's role or user."""

    account: str
    kind: HolderKind
    name: str


@dataclass(frozen=True, slots=True)
class Role:
    """A role; `boundary` is the ARN of its permissions boundary."""

    account: str
    name: str
    id: str
    path: str
    trust_policy: str
    description: str | None
    max_session_s: int
    boundary: str | None
    created: float
    tags: Mapping[str, str]

    @property
    def arn(self) -> str:
        """Its ARN, path included."""
        return entity_arn(self.account, "role", self.path, self.name)

    @property
    def is_service_linked(self) -> bool:
        """Whether only its service may change it."""
        return self.path.startswith(SERVICE_LINKED_PATH)


@dataclass(frozen=True, slots=True)
class User:
    """A user; `boundary` is the ARN of its permissions boundary."""

    account: str
    name: str
    id: str
    path: str
    boundary: str | None
    created: float
    tags: Mapping[str, str]

    @property
    def arn(self) -> str:
        """Its ARN, path included."""
        return entity_arn(self.account, "user", self.path, self.name)


@dataclass(frozen=True, slots=True)
class InstanceProfile:
    """An instance profile, with the name of its one role if it has it."""

    account: str
    name: str
    id: str
    path: str
    role: str | None
    created: float
    tags: Mapping[str, str]

    @property
    def arn(self) -> str:
        """Its ARN, path included."""
        return entity_arn(self.account, "instance-profile", self.path, self.name)


@dataclass(frozen=True, slots=True)
class Policy:
    """A managed policy: the account's own, or AWS's (`account` is then "aws")."""

    account: str
    name: str
    arn: str
    id: str
    path: str
    description: str | None
    default_version: int
    latest_version: int
    created: float
    updated: float
    tags: Mapping[str, str]

    @property
    def is_for_service_linked_roles(self) -> bool:
        """Whether it is one of AWS's that only service-linked roles may have."""
        return self.path.startswith(SERVICE_LINKED_PATH)


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version of a managed policy."""

    number: int
    document: str
    is_default: bool
    created: float


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A user's long-term credentials."""

    account: str
    id: str
    user: str
    secret: str
    is_active: bool
    created: float


def entity_arn(account: str, kind: str, path: str, name: str) -> str:
    """Return the ARN of an entity: `entity_arn("1…", "role", "/a/", "b")` is `arn:aws:iam::1…:role/a/b`."""
    return f"arn:aws:iam::{account}:{kind}{path}{name}"


def name_in_arn(arn: str) -> str:
    """Return the name of the entity an ARN names, without its path."""
    return arn.rpartition("/")[2]


def url_encoded(document: str) -> str:
    """Return a policy document as IAM hands it out: percent-encoded (RFC 3986), spaces as %20."""
    return urllib.parse.quote(document, safe="")


def size_without_spaces(document: str) -> int:
    """Return the size that counts against a policy's quota, which is without white space."""
    return sum(not character.isspace() for character in document)


def is_policy_arn(arn: str) -> bool:
    """Return whether `arn` has the form of a managed policy's ARN."""
    parts = arn.split(":", 5)
    return (
        len(parts) == 6
        and parts[0] == "arn"
        and parts[1].startswith("aws")
        and parts[2] == "iam"
        and parts[3] == ""
        and (parts[4] == "aws" or (len(parts[4]) == 12 and parts[4].isdigit()))
        and parts[5].startswith("policy/")
    )
