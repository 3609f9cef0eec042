"""Who asks, where, when: what every operation is told besides its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lambent.cloud.store.scope import Scope


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: an IAM identity, or an AWS service acting through the internal client.

    `arn` is what GetCallerIdentity would answer; for a service it is its host name (`s3.amazonaws.com`).
    `source_arn` names the resource on whose behalf a service calls. `via` is the service that calls with the identity's
    credentials, as CloudFormation does: it may do what AWS reserves for its own, such as setting `aws:` tags.
    `trace` is the X-Amzn-Trace-Id of the chain of requests that a service carries on.
    """

    kind: Literal["root", "user", "assumed-role", "service", "anonymous"]
    account: str
    arn: str
    user_id: str
    source_arn: str | None = None
    via: str | None = None
    trace: str | None = None

    @property
    def is_aws(self) -> bool:
        """Whether an AWS service makes the call, for itself or for somebody."""
        return self.kind == "service" or self.via is not None


# Whoever did not sign; AWS names the account of such a caller so:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
ANONYMOUS = Principal(kind="anonymous", account="anonymous", arn="anonymous", user_id="anonymous")


def root_of(account: str) -> Principal:
    """Return the account's root principal, which callers with an unknown access key act as."""
    return Principal(kind="root", account=account, arn=f"arn:aws:iam::{account}:root", user_id=account)


def service_principal(host: str, scope: Scope, source_arn: str | None = None) -> Principal:
    """Return the principal an AWS service acts as, such as `s3.amazonaws.com`."""
    return Principal(kind="service", account=scope.account, arn=host, user_id=host, source_arn=source_arn)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One request as an operation sees it: where it applies, who calls, its id, when, and its HTTP headers.

    `host` is where the caller reached the platform, and `path` what it asked for there.
    """

    scope: Scope
    caller: Principal
    request_id: str
    now: float
    access_key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1:4566"
    path: str = "/"
