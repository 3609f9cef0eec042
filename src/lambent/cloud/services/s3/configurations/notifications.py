"""A bucket's notification configuration: what AWS takes, and whom an event is for.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambent.cloud.services.s3.errors import invalid_argument, malformed_xml

Document = Mapping[str, Any]  # Any: a NotificationConfiguration of the service model

_LONGEST_FILTER = 1024
# The list of each kind of destination, the member with its ARN, its service, and what AWS's errors call it.
_DESTINATIONS = (
    ("TopicConfigurations", "TopicArn", "sns", "Topic"),
    ("QueueConfigurations", "QueueArn", "sqs", "Queue"),
    ("LambdaFunctionConfigurations", "LambdaFunctionArn", "lambda", "CloudFunction"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """One rule: which events of which keys go where. `service` is `sns`, `sqs` or `lambda`."""

    id: str
    service: str
    arn: str
    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""

    def wants(self, event: str, key: str) -> bool:
        """Whether an event, such as `s3:ObjectCreated:Put`, of a key is for this target.

        >>> Target("i", "sqs", "arn", ("s3:ObjectCreated:*",), suffix=".jpg").wants("s3:ObjectCreated:Put", "a.jpg")
        True
        """
        return (
            key.startswith(self.prefix)
            and key.endswith(self.suffix)
            and any(_covers(wanted, event) for wanted in self.events)
        )

    def overlaps(self, other: Target) -> bool:
        """Whether an event of some key would be for both."""
        return (
            any(_covers(one, two) or _covers(two, one) for one in self.events for two in other.events)
            and (self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix))
            and (self.suffix.endswith(other.suffix) or other.suffix.endswith(self.suffix))
        )


def targets_of(document: Document) -> list[Target]:
    """Return the rules of a configuration as it is kept."""
    return [
        _target(service, rule[member], rule)
        for listed, member, service, _ in _DESTINATIONS
        for rule in document.get(listed, ())
    ]


def tells_event_bridge(document: Document) -> bool:
    """Whether every event also goes to EventBridge."""
    return document.get("EventBridgeConfiguration") is not None


def checked(document: Document, known_events: frozenset[str], new_id: Callable[[], str]) -> Document:
    """Return the configuration as it is kept, each rule with an id.

    Raises what AWS answers to rules that it does not take; whether the destinations are there is asked elsewhere.
    """
    kept: dict[str, Any] = {}  # Any: as Document
    for listed, member, service, called in _DESTINATIONS:
        rules = [_checked_rule(rule, known_events, new_id) for rule in document.get(listed, ())]
        for rule in rules:
            _check_arn(rule.get(member, ""), service, called)
        if rules:
            kept[listed] = rules
    if document.get("EventBridgeConfiguration") is not None:
        kept["EventBridgeConfiguration"] = {}
    _check_together(targets_of(kept))
    return kept


def _checked_rule(rule: Document, known_events: frozenset[str], new_id: Callable[[], str]) -> Document:
    events: Sequence[str] = rule.get("Events", ())
    if not events:
        raise malformed_xml()
    for event in events:
        if event not in known_events:
            raise invalid_argument(f"The event '{event}' is not supported for notifications", "Event", event)
    kept = {**rule, "Id": rule.get("Id") or new_id()}
    filters: Sequence[Document] = ((rule.get("Filter") or {}).get("Key") or {}).get("FilterRules", ())
    if filters:
        kept["Filter"] = {"Key": {"FilterRules": list(_checked_filters(filters))}}
    else:
        kept.pop("Filter", None)
    return kept


def _checked_filters(filters: Sequence[Document]) -> Iterator[Document]:
    seen: set[str] = set()
    for each in filters:
        name, value = str(each.get("Name", "")), str(each.get("Value", ""))
        if name.lower() not in {"prefix", "suffix"}:
            raise invalid_argument("filter rule name must be either prefix or suffix", "FilterRule.Name", name)
        if name.lower() in seen:
            raise invalid_argument(
                f"Cannot specify more than one {name.lower()} rule in a filter.", "FilterRule.Name", name.lower()
            )
        if len(value.encode()) > _LONGEST_FILTER:
            raise invalid_argument(
                f"Size of filter rule value cannot exceed {_LONGEST_FILTER} bytes in UTF-8", "FilterRule.Value", value
            )
        seen.add(name.lower())
        yield {"Name": name.capitalize(), "Value": value}


def _check_arn(arn: str, service: str, called: str) -> None:
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn" or parts[2] != service:
        raise invalid_argument("The ARN could not be parsed", called, arn)


def _check_together(targets: Sequence[Target]) -> None:
    ids = [target.id for target in targets]
    for rule_id in ids:
        if ids.count(rule_id) > 1:
            raise invalid_argument("Same ID used for multiple configurations. IDs must be unique", "Id", rule_id)
    for one, two in itertools.combinations(targets, 2):
        if not one.overlaps(two):
            continue
        if not (one.prefix or one.suffix or two.prefix or two.suffix):
            raise invalid_argument(
                "Configurations overlap. Configurations on the same bucket cannot share a common event type."
            )
        raise invalid_argument(
            "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are"
            " overlapping for the same event type."
        )


def _covers(wanted: str, event: str) -> bool:
    return wanted == event or (wanted.endswith("*") and event.startswith(wanted[:-1]))


def _target(service: str, arn: str, rule: Document) -> Target:
    filters = {
        str(each["Name"]).lower(): str(each["Value"])
        for each in ((rule.get("Filter") or {}).get("Key") or {}).get("FilterRules", ())
    }
    return Target(rule["Id"], service, arn, tuple(rule["Events"]), filters.get("prefix", ""), filters.get("suffix", ""))
