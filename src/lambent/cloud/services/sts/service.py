"""The STS service: who am I, and temporary credentials."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from lambent.aws.access_keys import IdKind, account_of, unique_id
from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource, secret
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.authorise import AccessRequest, Decision, decide
from lambent.cloud.framework.constraints import check_constraints
from lambent.cloud.framework.context import Principal, RequestContext, service_principal
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.service import Parameters, Result, Service, operation
from lambent.cloud.services.sts import repository
from lambent.cloud.services.sts.errors import (
    access_denied,
    invalid_authorization_message,
    malformed_policy,
    may_not_assume,
    validation_error,
)
from lambent.cloud.services.sts.model import Session, SessionKind, sealed, secret_access_key
from lambent.cloud.services.sts.sessions import SessionDirectory
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Store, Transaction

_SCHEMA = Path(__file__).with_name("schema.sql")
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/(?:.+/)?(?P<name>[\w+=,.@-]+)")
_HOST = "sts.amazonaws.com"
_HOUR_S = 3600
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
_SESSION_TOKEN_S = 43200
# A session's policies and tags are packed into the token, whose room AWS gives as a percentage.
_MAX_PACKED = 2048


class StsService(Service):
    """AWS STS for users, roles and the account's root."""

    name: ClassVar[str] = "sts"

    def __init__(self, store: Store, ids: IdSource, clock: Clock, client: InternalClient) -> None:
        super().__init__()
        self._store = store
        self._ids = ids
        self._client = client
        self._secret = b""
        self.sessions = SessionDirectory(clock)

    def authorise(self, context: RequestContext, operation: str, parameters: Parameters) -> None:
        """Refuse what the service model forbids; there are no resource policies here."""
        check_constraints(self.name, operation, context, parameters)

    async def start(self) -> None:
        """Make or upgrade the tables, and the secret that session tokens are sealed with."""
        await self._store.migrate(self.name, [_SCHEMA.read_text(encoding="utf-8")])
        self._secret = await self._store.write(_the_secret)
        self.sessions.use(self._secret)

    @operation("GetCallerIdentity")
    async def caller_identity(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return who signed the request."""
        caller = context.caller
        return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}

    @operation("AssumeRole")
    async def assume_role(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return credentials of the role; raises AccessDenied unless its trust policy names the caller."""
        arn, session_name = parameters["RoleArn"], parameters["RoleSessionName"]
        named = _ROLE_ARN.fullmatch(arn)
        if named is None:
            raise validation_error("Request ARN is invalid")
        role = await self._role(context, named["account"], named["name"])
        if role is None or role["Arn"] != arn or not _trusts(role, context.caller, parameters):
            raise may_not_assume(context.caller.arn, arn)
        duration_s = _checked_duration(context.caller, parameters, role["MaxSessionDuration"])
        account, name = named["account"], role["RoleName"]
        assumed_arn = f"arn:{arn.split(':')[1]}:sts::{account}:assumed-role/{name}/{session_name}"
        assumed_id = f"{role['RoleId']}:{session_name}"
        principal = Principal(kind="assumed-role", account=account, arn=assumed_arn, user_id=assumed_id)
        answer: dict[str, Any] = {  # Any: members of AWS's shape
            "Credentials": self._credentials(principal, "assumed-role", context.now + duration_s),
            "AssumedRoleUser": {"AssumedRoleId": assumed_id, "Arn": assumed_arn},
        }
        if "SourceIdentity" in parameters:
            answer["SourceIdentity"] = parameters["SourceIdentity"]
        packed = _packed_size(parameters)
        return answer | ({"PackedPolicySize": packed} if packed else {})

    @operation("GetSessionToken")
    async def session_token(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return temporary credentials of the calling user, or of the root for an hour at most."""
        caller = context.caller
        if caller.kind not in {"user", "root"} or context.access_key.startswith("ASIA"):
            raise access_denied("Cannot call GetSessionToken with session credentials")
        duration_s = parameters.get("DurationSeconds", _SESSION_TOKEN_S)
        if caller.kind == "root":
            duration_s = min(duration_s, _HOUR_S)
        kind: SessionKind = "root" if caller.kind == "root" else "user"
        return {"Credentials": self._credentials(caller, kind, context.now + duration_s)}

    @operation("DecodeAuthorizationMessage")
    async def decode_authorization_message(self, context: RequestContext, parameters: Parameters) -> Result:
        """Raise InvalidAuthorizationMessageException: no service here encodes why it refuses somebody.

        https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
        """
        raise invalid_authorization_message()

    @operation("GetAccessKeyInfo")
    async def access_key_info(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the account an access key id belongs to; raises ValidationError for what is none."""
        account = account_of(parameters["AccessKeyId"])
        if account is None:
            raise validation_error(f"The Access Key ID {parameters['AccessKeyId']} is not valid.")
        return {"Account": account}

    async def _role(self, context: RequestContext, account: str, name: str) -> Mapping[str, Any] | None:  # Any: a shape
        scope = Scope(account, context.scope.region)
        principal = service_principal(_HOST, scope)
        try:
            found = await self._client.call("iam", "GetRole", {"RoleName": name}, scope=scope, principal=principal)
        except ServiceError as error:
            if error.code == "NoSuchEntity":
                return None
            raise
        role: Mapping[str, Any] = found["Role"]  # Any: a shape
        return role

    def _credentials(self, principal: Principal, kind: SessionKind, expires: float) -> Mapping[str, object]:
        access_key = unique_id(IdKind.SESSION_KEY, principal.account, self._ids.base32(20))
        # Whole seconds, as the answer shows it.
        session = Session(access_key, kind, principal.account, principal.arn, principal.user_id, float(int(expires)))
        return {
            "AccessKeyId": access_key,
            "SecretAccessKey": secret_access_key(access_key, self._secret),
            "SessionToken": sealed(session, self._secret),
            "Expiration": session.expires,
        }


def _the_secret(transaction: Transaction) -> bytes:
    found = repository.seal_secret(transaction)
    if found is None:
        found = secret(32)
        repository.put_seal_secret(transaction, found)
    return found


def _trusts(role: Mapping[str, Any], caller: Principal, parameters: Parameters) -> bool:  # Any: a shape
    policy = json.loads(urllib.parse.unquote(role["AssumeRolePolicyDocument"]))
    keys = {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in parameters.get("Tags", [])}
    keys["sts:RoleSessionName"] = parameters["RoleSessionName"]
    keys["aws:PrincipalIsAWSService"] = str(caller.kind == "service").lower()
    for member in ("ExternalId", "SourceIdentity"):
        if member in parameters:
            keys[f"sts:{member}"] = parameters[member]
    return decide([policy], AccessRequest(caller, "sts:AssumeRole", role["Arn"], keys)) is Decision.ALLOW


def _checked_duration(caller: Principal, parameters: Parameters, role_limit_s: int) -> int:
    duration_s = int(parameters.get("DurationSeconds", _HOUR_S))
    # "This setting does not limit sessions assumed by AWS services":
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-settings.html
    if duration_s > role_limit_s and caller.kind != "service":
        raise validation_error("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    if caller.kind == "assumed-role" and duration_s > _HOUR_S:
        raise validation_error(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    return duration_s


def _packed_size(parameters: Parameters) -> int:
    policy = parameters.get("Policy", "")
    if policy:
        try:
            json.loads(policy)
        except ValueError as error:
            raise malformed_policy("Syntax errors in policy.") from error
    arns = "".join(entry.get("arn", "") for entry in parameters.get("PolicyArns", []))
    tags = "".join(tag["Key"] + tag["Value"] for tag in parameters.get("Tags", []))
    return -(-100 * len(policy + arns + tags) // _MAX_PACKED)
