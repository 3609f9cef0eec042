"""Events of what serves people: Cognito's triggers and e-mail that SES received.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html
https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action-lambda-event.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from lambent.aws.events.kind import Event, Kind, Values

_USER: Final = {
    "user-pool": "us-east-1_example",
    "client": "example-client",
    "user": "jane",
    "email": "jane@example.com",
}
_VALIDATION: Final = {"validationData": None}
_METADATA: Final = {"clientMetadata": None}
_GROUPS: Final[Mapping[str, Event]] = {
    "groupConfiguration": {"groupsToOverride": [], "iamRolesToOverride": [], "preferredRole": None}
}
# triggerSource, version, what the request has beside the user's attributes, and the response to be filled in.
_TRIGGERS: Final[Mapping[str, tuple[str, str, Mapping[str, Event], Mapping[str, Event]]]] = {
    "pre-sign-up": (
        "PreSignUp_SignUp",
        "1",
        {**_VALIDATION, **_METADATA},
        {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False},
    ),
    "post-confirmation": ("PostConfirmation_ConfirmSignUp", "1", _METADATA, {}),
    "pre-authentication": ("PreAuthentication_Authentication", "1", {**_VALIDATION, "userNotFound": False}, {}),
    "post-authentication": ("PostAuthentication_Authentication", "1", {"newDeviceUsed": False, **_METADATA}, {}),
    "pre-token": ("TokenGeneration_Authentication", "1", {**_GROUPS, **_METADATA}, {"claimsOverrideDetails": None}),
    "pre-token-v2": (
        "TokenGeneration_Authentication",
        "2",
        {**_GROUPS, **_METADATA, "scopes": ["aws.cognito.signin.user.admin"]},
        {"claimsAndScopeOverrideDetails": None},
    ),
    "custom-message": (
        "CustomMessage_SignUp",
        "1",
        {"codeParameter": "{####}", "linkParameter": "{##Click Here##}", "usernameParameter": None, **_METADATA},
        {"smsMessage": None, "emailMessage": None, "emailSubject": None},
    ),
    "define-challenge": (
        "DefineAuthChallenge_Authentication",
        "1",
        {"session": [], "userNotFound": False},
        {"challengeName": None, "issueTokens": None, "failAuthentication": None},
    ),
    "create-challenge": (
        "CreateAuthChallenge_Authentication",
        "1",
        {"challengeName": "CUSTOM_CHALLENGE", "session": [], "userNotFound": False},
        {"publicChallengeParameters": None, "privateChallengeParameters": None, "challengeMetadata": None},
    ),
    "verify-challenge": (
        "VerifyAuthChallengeResponse_Authentication",
        "1",
        {"privateChallengeParameters": {"answer": "example"}, "challengeAnswer": "example", "userNotFound": False},
        {"answerCorrect": None},
    ),
    "migrate-user": (
        "UserMigration_Authentication",
        "1",
        {"password": "example-password", **_VALIDATION, **_METADATA},
        {
            "userAttributes": None,
            "finalUserStatus": None,
            "messageAction": None,
            "desiredDeliveryMediums": None,
            "forceAliasCreation": None,
        },
    ),
}


def _trigger(name: str) -> Callable[[Values], Event]:
    source, version, request, response = _TRIGGERS[name]

    def make(values: Values) -> Event:
        attributes = {
            "sub": values.ids.uuid(),
            "email": values.get("email"),
            "email_verified": "true",
            "cognito:user_status": "CONFIRMED",
        }
        # A user that signs up, or is to be migrated, is not there yet.
        known = {"email": values.get("email")} if name == "pre-sign-up" else attributes
        return {
            "version": version,
            "triggerSource": source,
            "region": values.region,
            "userPoolId": values["user-pool"],
            "userName": values["user"],
            "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": values["client"]},
            "request": {**({} if name == "migrate-user" else {"userAttributes": known}), **request},
            "response": dict(response),
        }

    return make


def _received(values: Values) -> Event:
    sender, recipient, subject = values["from"], values["to"], values["subject"]
    at = values.time()
    message_id = values.ids.base32(40).lower()
    headers = {
        "Return-Path": f"<{sender}>",
        "MIME-Version": "1.0",
        "From": sender,
        "Date": at,
        "Message-ID": f"<{message_id}@example.com>",
        "Subject": subject,
        "To": recipient,
        "Content-Type": "text/plain; charset=UTF-8",
    }
    mail = {
        "timestamp": at,
        "source": sender,
        "messageId": message_id,
        "destination": [recipient],
        "headersTruncated": False,
        "headers": [{"name": name, "value": value} for name, value in headers.items()],
        "commonHeaders": {
            "returnPath": sender,
            "from": [sender],
            "date": at,
            "to": [recipient],
            "messageId": headers["Message-ID"],
            "subject": subject,
        },
    }
    verdicts = {f"{name}Verdict": {"status": "PASS"} for name in ("spam", "virus", "spf", "dkim", "dmarc")}
    function = values.arn("lambda", f"function:{values['function']}")
    receipt = {
        "timestamp": at,
        "processingTimeMillis": 574,
        "recipients": [recipient],
        **verdicts,
        "action": {"type": "Lambda", "functionArn": function, "invocationType": "Event"},
    }
    return {"Records": [{"eventSource": "aws:ses", "eventVersion": "1.0", "ses": {"mail": mail, "receipt": receipt}}]}


def _kinds() -> Iterator[Kind]:
    for name, (source, *_) in _TRIGGERS.items():
        # Whoever is to be migrated has no attributes yet.
        fields = {key: one for key, one in _USER.items() if name != "migrate-user" or key != "email"}
        yield Kind("cognito", name, f"a user pool's trigger {source}", _trigger(name), fields)
    mail = {"from": "jane@example.com", "to": "john@example.com", "subject": "Test Subject", "function": "example"}
    yield Kind("ses", "received", "an e-mail that SES received", _received, mail)


KINDS: Final = tuple(_kinds())
