"""Messages: what may be published, and what of it an endpoint of each protocol gets.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.sns.errors import invalid_parameter, invalid_value, not_null

MOST_BYTES: Final = 262_144
_SUBJECT = re.compile(r"[A-Za-z0-9!-/:-@\[-`{-~][\x20-\x7e]{0,99}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_.-]*", re.ASCII)
_LONGEST_NAME = 256
_TYPE = re.compile(r"(String|Number|Binary)(\..+)?", re.DOTALL)
_GROUP = re.compile(r"[A-Za-z0-9!-/:-@\[-`{-~]{1,128}", re.ASCII)
PHONE_NUMBER = re.compile(r"\+?[1-9]\d{6,14}", re.ASCII)

Attribute = Mapping[str, Any]  # Any: DataType and StringValue are text, BinaryValue is bytes


@dataclass(frozen=True, slots=True)
class Message:
    """A published message, as it is kept until it has been delivered.

    `texts` has the text for each protocol that has one of its own, and the others' under `default`. `attributes` are
    as SQS takes them, but for binary values, which are in base64 under `BinaryValue`. `sequence` is a FIFO topic's.
    """

    id: str
    topic: str
    texts: Mapping[str, str]
    published_ms: int
    subject: str | None = None
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    group: str | None = None
    deduplication_id: str | None = None
    sequence: str | None = None
    trace: str | None = None
    signature_version: str = "1"

    def text_for(self, protocol: str) -> str:
        """Return the text for an endpoint of that protocol."""
        return self.texts.get(protocol) or self.texts.get("default", "")

    def as_json(self) -> dict[str, object]:
        """Return it as JSON to be kept, without what it has not."""
        members = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in members.items() if value not in (None, {})}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Message:  # Any: JSON of our own writing
        """Return the message that was kept."""
        return cls(**kept)


def sent_attributes(attributes: Mapping[str, Attribute] | None) -> dict[str, dict[str, str]]:
    """Return message attributes as a message keeps them."""
    found: dict[str, dict[str, str]] = {}
    for name, attribute in (attributes or {}).items():
        if attribute["DataType"].startswith("Binary"):
            value = {"BinaryValue": base64.b64encode(attribute["BinaryValue"]).decode("ascii")}
        else:
            value = {"StringValue": attribute["StringValue"]}
        found[name] = {"DataType": attribute["DataType"], **value}
    return found


def queue_attributes(attributes: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, object]]:
    """Return message attributes as SQS takes them."""
    return {
        name: {member: base64.b64decode(value) if member == "BinaryValue" else value for member, value in one.items()}
        for name, one in attributes.items()
    }


def check_attributes(attributes: Mapping[str, Attribute] | None, *, at: str = "messageAttributes") -> None:
    """Raise ParameterValueInvalid for a message attribute that cannot be; `at` is where they stand in the request."""
    for name, attribute in (attributes or {}).items():
        _check_name(name)
        kind = attribute.get("DataType")
        if kind is None:
            raise not_null(f"{at}.{name}.member.dataType")
        found = _TYPE.fullmatch(kind)
        if found is None:
            raise invalid_value(
                f"The message attribute '{name}' has an invalid message attribute type, the set of supported type "
                "prefixes is Binary, Number, and String."
            )
        _check_value(name, kind, "Binary" if found[1] == "Binary" else "String", attribute)


def texts_of(parameters: Parameters) -> dict[str, str]:
    """Return the texts of a message by protocol; raises InvalidParameter where it says that it is JSON and is not.

    https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
    """
    message = parameters["Message"]
    if not message:
        raise invalid_parameter("Empty message")
    structure = parameters.get("MessageStructure")
    if structure is None:
        return {"default": message}
    if structure != "json":
        raise invalid_parameter("MessageStructure")
    try:
        parsed = orjson.loads(message)
    except orjson.JSONDecodeError as error:
        raise invalid_parameter("Message Structure - JSON message body failed to parse") from error
    texts = {name: text for name, text in parsed.items() if isinstance(text, str)} if isinstance(parsed, dict) else {}
    if "default" not in texts:
        raise invalid_parameter("Message Structure - No default entry in JSON message body")
    return texts


def check_subject(subject: str | None) -> None:
    """Raise InvalidParameter for a subject that is empty, too long, or not of printable ASCII."""
    if subject is not None and not _SUBJECT.fullmatch(subject):
        raise invalid_parameter("Subject")


def check_ordering(parameters: Parameters, *, is_fifo: bool, by_content: bool) -> None:
    """Raise InvalidParameter unless group and deduplication id are given as the kind of topic wants them."""
    group, deduplication = parameters.get("MessageGroupId"), parameters.get("MessageDeduplicationId")
    if not is_fifo and deduplication is not None:
        raise invalid_parameter(
            "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid"
            " for this topic type"
        )
    if is_fifo and not group:
        raise invalid_parameter("The MessageGroupId parameter is required for FIFO topics")
    if is_fifo and not deduplication and not by_content:
        raise invalid_parameter(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided"
            " explicitly"
        )
    for name, value in (("MessageGroupId", group), ("MessageDeduplicationId", deduplication)):
        if value is not None and not _GROUP.fullmatch(value):
            raise invalid_parameter(
                f"{name} Reason: {name} can only include alphanumeric and punctuation characters. 1 to 128 in length"
            )


def size_of(message: str, attributes: Mapping[str, Attribute] | None) -> int:
    """Return what a message counts against the limit: its body, and its attributes' names, types and values."""
    size = len(message.encode())
    for name, attribute in (attributes or {}).items():
        size += len(name.encode()) + sum(
            len(value) if isinstance(value, bytes) else len(value.encode()) for value in attribute.values()
        )
    return size


def _check_name(name: str) -> None:
    if len(name) > _LONGEST_NAME:
        raise invalid_value("Length of message attribute name must be less than 256 bytes.")
    if name.startswith("."):
        raise invalid_value("Invalid message attribute name starting with character '.' was found.")
    if name.endswith("."):
        raise invalid_value("Invalid message attribute name ending with character '.' was found.")
    if not name or not _NAME.fullmatch(name):
        odd = next((char for char in name if not _NAME.fullmatch(char)), " ")
        raise invalid_value(
            f"Invalid non-alphanumeric character '#x{ord(odd):X}' was found in the message attribute name. Can only "
            "include alphanumeric characters, hyphens, underscores, or dots."
        )
    if ".." in name:
        raise invalid_value("Message attribute name can not have successive '.' character.")


def _check_value(name: str, kind: str, wanted: str, attribute: Attribute) -> None:
    given = [member for member in ("StringValue", "BinaryValue") if member in attribute]
    if given and f"{wanted}Value" not in given:
        raise invalid_value(f"The message attribute '{name}' with type '{kind}' must use field '{wanted}'.")
    if not attribute.get(f"{wanted}Value"):
        raise invalid_value(
            f"The message attribute '{name}' must contain non-empty message attribute value for message attribute"
            f" type '{kind}'."
        )
