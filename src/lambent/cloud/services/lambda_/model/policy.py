"""Resource policies: who else may invoke a function, version or alias."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import orjson

from lambent.cloud.services.lambda_.model.function import JsonValue

Statement = Mapping[str, JsonValue]

POLICY_LIMIT = 20_480
"""The longest a policy may be in bytes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html."""


_FRAME: Mapping[str, JsonValue] = {"Version": "2012-10-17", "Id": "default"}


@dataclass(frozen=True, slots=True)
class Policy:
    """The statements attached to one function, version or alias, in the order of their addition."""

    statements: tuple[Statement, ...]
    revision_id: str
    frame: Mapping[str, JsonValue] = field(default_factory=lambda: _FRAME)
    """What its document says besides the statements: what AddPermission writes, or what PutResourcePolicy was given."""

    @property
    def is_too_long(self) -> bool:
        """Whether it is beyond the limit."""
        return len(orjson.dumps(self.document())) > POLICY_LIMIT

    def document(self) -> dict[str, JsonValue]:
        """Return the policy document as GetPolicy shows it."""
        return {**self.frame, "Statement": [dict(each) for each in self.statements]}

    @property
    def denies(self) -> bool:
        """Whether it forbids anything: AddPermission only allows."""
        return any(each["Effect"] == "Deny" for each in self.statements)

    @property
    def is_as_added(self) -> bool:
        """Whether statements were all that its document was made of."""
        return self.frame == _FRAME

    def has(self, statement_id: str) -> bool:
        """Whether a statement of this id is there."""
        return any(each.get("Sid") == statement_id for each in self.statements)

    def without(self, statement_id: str, revision_id: str) -> Policy:
        """Return the policy less one statement, under a new revision."""
        left = tuple(each for each in self.statements if each.get("Sid") != statement_id)
        return replace(self, statements=left, revision_id=revision_id)

    def adding(self, statement: Statement, revision_id: str) -> Policy:
        """Return the policy and one more statement, under a new revision."""
        return replace(self, statements=(*self.statements, statement), revision_id=revision_id)


@dataclass(frozen=True, slots=True)
class Grant:
    """What AddPermission is asked to allow."""

    statement_id: str
    action: str
    principal: str
    source_arn: str | None = None
    source_account: str | None = None
    event_source_token: str | None = None
    organization: str | None = None
    url_auth_type: str | None = None
    via_function_url: bool | None = None


def principal_element(principal: str, partition: str) -> JsonValue:
    """Return a statement's Principal for what the caller wrote, or None where AWS takes it for invalid."""
    if principal == "*":
        return "*"
    if re.fullmatch(r"\d{12}", principal):
        return {"AWS": f"arn:{partition}:iam::{principal}:root"}
    if re.fullmatch(r"arn:aws[a-zA-Z-]*:(iam|sts)::\d{12}:.+", principal):
        return {"AWS": principal}
    if re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?", principal):
        return {"Service": principal}
    return None


def statement_for(grant: Grant, *, resource: str, principal: JsonValue) -> Statement:
    """Return the statement that AddPermission adds to the resource's policy.

    The condition operators are AWS's: https://docs.aws.amazon.com/lambda/latest/dg/permissions-function-services.html
    """
    equals: dict[str, JsonValue] = {
        key: value
        for key, value in (
            ("AWS:SourceAccount", grant.source_account),
            ("lambda:FunctionUrlAuthType", grant.url_auth_type),
            ("aws:PrincipalOrgID", grant.organization),
            ("lambda:EventSourceToken", grant.event_source_token),
        )
        if value is not None
    }
    condition: dict[str, JsonValue] = {}
    if equals:
        condition["StringEquals"] = equals
    if grant.source_arn is not None:
        condition["ArnLike"] = {"AWS:SourceArn": grant.source_arn}
    if grant.via_function_url is not None:
        condition["Bool"] = {"lambda:InvokedViaFunctionUrl": str(grant.via_function_url).lower()}
    statement: dict[str, JsonValue] = {
        "Sid": grant.statement_id,
        "Effect": "Allow",
        "Principal": principal,
        "Action": grant.action,
        "Resource": resource,
    }
    if condition:
        statement["Condition"] = condition
    return statement
