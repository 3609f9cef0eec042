"""What a stack's event says of why it turned back, in AWS's words and with AWS's punctuation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from lambent.cloud.services.cloudformation.model.stack import ResourceStatus, StackResource

_R = ResourceStatus
_VERBS = {_R.CREATE_FAILED: "create", _R.UPDATE_FAILED: "update", _R.DELETE_FAILED: "delete"}
TIMED_OUT: Final = "Stack creation time exceeded the specified timeout"
INTERNAL_FAILURE: Final = "Internal Failure"
NOT_DELETED: Final = "Update successful. One or more resources could not be deleted."


def what_failed(names: Iterable[str], resources: Mapping[str, StackResource]) -> str:
    """Return which of the resources failed to be created, updated or deleted, in the order in which they did."""
    failed = [name for name in names if name in resources]
    sentences = []
    for status, verb in _VERBS.items():
        those = [name for name in failed if name in resources and resources[name].status is status]
        if those:
            sentences.append(f"The following resource(s) failed to {verb}: [{', '.join(those)}]. ")
    return "".join(sentences)


def rollback_requested(reason: str) -> str:
    """Return why a creation is rolled back.

    >>> rollback_requested("No export named x found.")
    'No export named x found. Rollback requested by user.'
    """
    return f"{reason.rstrip(' .')}. Rollback requested by user."


def delete_requested(reason: str) -> str:
    """Return why a creation ends in a deletion; a list of resources keeps its own end, as on AWS.

    >>> delete_requested("The following resource(s) failed to create: [A]. ")
    'The following resource(s) failed to create: [A]. . Delete requested by user.'
    """
    kept = reason if reason.endswith(" ") else reason.rstrip(".")
    return f"{kept}. Delete requested by user."
