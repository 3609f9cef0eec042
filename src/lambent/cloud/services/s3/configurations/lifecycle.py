"""What AWS demands of lifecycle rules beyond their schema.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambent.cloud.services.s3.configurations.checks import Asked
from lambent.cloud.services.s3.errors import invalid_argument, invalid_request, malformed_xml

Document = Mapping[str, Any]  # Any: a structure of the service model, which the schema describes

MOST_RULES = 1000
MINIMUM_SIZE = "TransitionDefaultMinimumObjectSize"
_LONGEST_ID = 255
_DAY_S = 86_400
_LEAST_TRANSITION_DAYS = {"STANDARD_IA": 30, "ONEZONE_IA": 30}
_ACTIONS = (
    "Expiration",
    "Transitions",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransitions",
    "AbortIncompleteMultipartUpload",
)
_SIZES = ("ObjectSizeGreaterThan", "ObjectSizeLessThan")


def checked(asked: Asked) -> Document:
    """Return the rules as they are kept, each with an id; raises what AWS answers to rules that it does not take."""
    rules: Sequence[Document] = asked.document["Rules"]
    if not 1 <= len(rules) <= MOST_RULES:
        raise malformed_xml()
    kept = [{"ID": f"rule-{number}", **rule} for number, rule in enumerate(rules, 1)]
    ids = [rule["ID"] for rule in kept]
    if any(len(rule_id) > _LONGEST_ID for rule_id in ids):
        raise invalid_argument(f"ID length should not exceed allowed limit of {_LONGEST_ID}", "ID")
    for rule_id in ids:
        if ids.count(rule_id) > 1:
            raise invalid_argument("Rule ID must be unique. Found same ID for more than one rule", "ID", rule_id)
    for rule in kept:
        _check_rule(rule)
    return {"Rules": kept}


def _check_rule(rule: Document) -> None:
    if ("Filter" in rule) == ("Prefix" in rule):
        raise malformed_xml()
    if not any(rule.get(action) for action in _ACTIONS):
        raise invalid_request("At least one action needs to be specified in a rule")
    tags, has_size = _check_filter(rule.get("Filter") or {})
    _check_expiration(rule, has_tags=bool(tags))
    _check_transitions(rule)
    _check_noncurrent(rule)
    abort = rule.get("AbortIncompleteMultipartUpload")
    if abort is not None:
        if tags:
            raise invalid_request("AbortIncompleteMultipartUpload cannot be specified with Tags.")
        if has_size:
            raise invalid_request("AbortIncompleteMultipartUpload cannot be specified with Object Size.")
        _check_positive(abort, "DaysAfterInitiation", "AbortIncompleteMultipartUpload")


def _check_filter(chosen: Document) -> tuple[Sequence[Mapping[str, str]], bool]:
    """Return the tags that a filter asks for, and whether it asks for a size."""
    if len(chosen) > 1:
        raise malformed_xml()
    both: Document | None = chosen.get("And")
    if both is None:
        return [chosen["Tag"]] if "Tag" in chosen else [], any(size in chosen for size in _SIZES)
    tags: Sequence[Mapping[str, str]] = both.get("Tags", ())
    if len(tags) + sum(1 for name in both if name != "Tags") < 2:
        raise malformed_xml()
    keys = [tag["Key"] for tag in tags]
    if len(set(keys)) < len(keys):
        raise invalid_request("Duplicate Tag Keys are not allowed.")
    least, most = both.get("ObjectSizeGreaterThan"), both.get("ObjectSizeLessThan")
    if least is not None and most is not None and most <= least:
        raise invalid_request("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'")
    return tags, least is not None or most is not None


def _check_expiration(rule: Document, *, has_tags: bool) -> None:
    expiration: Document | None = rule.get("Expiration")
    if expiration is None:
        return
    if len(expiration) != 1:
        raise malformed_xml()
    if "Date" in expiration:
        _check_midnight(expiration["Date"])
    elif "Days" in expiration:
        _check_positive(expiration, "Days", "Expiration")
    elif has_tags:
        raise invalid_request("ExpiredObjectDeleteMarker cannot be specified with Tags.")


def _check_transitions(rule: Document) -> None:
    transitions: Sequence[Document] = rule.get("Transitions", ())
    expiration: Document = rule.get("Expiration") or {}
    for transition in transitions:
        if "StorageClass" not in transition or ("Days" in transition) == ("Date" in transition):
            raise malformed_xml()
        storage_class = transition["StorageClass"]
        if "Date" in transition:
            _check_midnight(transition["Date"])
            mixes = "Days" in expiration
        else:
            least = _LEAST_TRANSITION_DAYS.get(storage_class, 0)
            if transition["Days"] < least:
                raise invalid_argument(
                    f"'Days' in Transition action must be greater than or equal to {least} for storageClass"
                    f" '{storage_class}'"
                )
            mixes = "Date" in expiration
            if expiration.get("Days", transition["Days"] + 1) <= transition["Days"]:
                raise invalid_argument(
                    f"'Days' in the Expiration action for filter '{_shown(rule)}' must be greater than 'Days' in the"
                    " Transition action"
                )
        if mixes:
            raise invalid_request(
                "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for filter"
                f" '{_shown(rule)}'"
            )
    classes = [transition["StorageClass"] for transition in transitions]
    if len(set(classes)) < len(classes):
        raise invalid_request("'StorageClass' must be different for 'Transition' actions in same 'Rule'")


def _check_noncurrent(rule: Document) -> None:
    expiration: Document | None = rule.get("NoncurrentVersionExpiration")
    if expiration is not None:
        if "NoncurrentDays" not in expiration:
            raise malformed_xml()
        _check_positive(expiration, "NoncurrentDays", "NoncurrentVersionExpiration")
        newer = expiration.get("NewerNoncurrentVersions")
        if newer is not None and not 1 <= newer <= 100:
            raise invalid_argument(
                "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be between 1 and 100"
            )
    for transition in rule.get("NoncurrentVersionTransitions", ()):
        if "NoncurrentDays" not in transition or "StorageClass" not in transition:
            raise malformed_xml()
        least = _LEAST_TRANSITION_DAYS.get(transition["StorageClass"], 0)
        if transition["NoncurrentDays"] < least:
            raise invalid_argument(
                f"'NoncurrentDays' in NoncurrentVersionTransition action must be greater than or equal to {least} for"
                f" storageClass '{transition['StorageClass']}'"
            )


def _check_positive(action: Document, member: str, name: str) -> None:
    if member not in action:
        raise malformed_xml()
    if action[member] <= 0:
        raise invalid_argument(f"'{member}' for {name} action must be a positive integer", member, str(action[member]))


def _check_midnight(moment: float) -> None:
    if moment % _DAY_S:
        raise invalid_argument("'Date' must be at midnight GMT", "Date")


def _shown(rule: Document) -> str:
    prefix = rule.get("Prefix", (rule.get("Filter") or {}).get("Prefix", ""))
    return f"(prefix={prefix})"
