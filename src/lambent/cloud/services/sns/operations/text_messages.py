"""Settings for text messages, and the telephone numbers that want none: here nobody can have opted out."""

from __future__ import annotations

import re
from typing import Final

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.sns import message_repository
from lambent.cloud.services.sns.errors import invalid_parameter, invalid_words
from lambent.cloud.services.sns.model.message import PHONE_NUMBER
from lambent.cloud.store.unit_of_work import Store

_NAMES: Final = frozenset(
    {
        "DefaultSMSType", "DefaultSenderID", "DeliveryStatusIAMRole", "DeliveryStatusSuccessSamplingRate",
        "MonthlySpendLimit", "UsageReportS3Bucket",
    }
)  # fmt: skip
_SENDER: Final = re.compile(r"(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{1,11}", re.ASCII)
_TYPES: Final = frozenset({"Promotional", "Transactional"})


class TextMessageOperations:
    """The operations on text messages."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("SetSMSAttributes")
    async def set_attributes(self, context: RequestContext, parameters: Parameters) -> Result:
        """Keep settings for text messages."""
        given = parameters["attributes"]
        for name in given:
            if name not in _NAMES:
                raise invalid_words(f"{name} is not a valid attribute")
        if given.get("DefaultSMSType", "Promotional") not in _TYPES:
            raise invalid_words("DefaultSMSType is invalid")
        if "DefaultSenderID" in given and not _SENDER.fullmatch(given["DefaultSenderID"]):
            raise invalid_words("DefaultSenderID is not a valid attribute")
        await self._store.write(
            lambda transaction: message_repository.set_sms_attributes(transaction, context.scope, given)
        )
        return {}

    @operation("GetSMSAttributes")
    async def get_attributes(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the settings for text messages."""
        kept = {"MonthlySpendLimit": "1", **message_repository.sms_attributes(self._store.read, context.scope)}
        wanted = parameters.get("attributes")
        return {"attributes": {name: value for name, value in kept.items() if not wanted or name in wanted}}

    @operation("CheckIfPhoneNumberIsOptedOut")
    async def check_opted_out(self, context: RequestContext, parameters: Parameters) -> Result:
        """Answer that the number has not opted out."""
        _check_number(parameters["phoneNumber"])
        return {"isOptedOut": False}

    @operation("ListPhoneNumbersOptedOut")
    async def list_opted_out(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the numbers that have opted out: none."""
        return {"phoneNumbers": []}

    @operation("OptInPhoneNumber")
    async def opt_in(self, context: RequestContext, parameters: Parameters) -> Result:
        """Opt in a number, which none need here."""
        _check_number(parameters["phoneNumber"])
        return {}


def _check_number(number: str) -> None:
    if not PHONE_NUMBER.fullmatch(number):
        raise invalid_parameter("PhoneNumber Reason: input incorrectly formatted")
