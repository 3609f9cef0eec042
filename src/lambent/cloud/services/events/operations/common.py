"""What the operations of EventBridge share: finding buses and rules, patterns, and pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from lambent.aws.event_pattern import EventPattern, PatternError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.paging import InvalidMarkerError, decode_marker, page_read
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.framework.tags import find_problem
from lambent.cloud.services.events import repository
from lambent.cloud.services.events.errors import bus_not_found, invalid, invalid_pattern, rule_not_found
from lambent.cloud.services.events.model import DEFAULT_BUS, Bus, Rule, bus_meant
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader

T = TypeVar("T")
_PAGE = 100


def the_bus(reader: Reader, scope: Scope, name: str) -> Bus:
    """Return the bus of a name, the default one also where nothing was set of it; raises ResourceNotFoundException."""
    found = repository.resource(reader, scope, Bus, name)
    if found is not None:
        return found
    if name != DEFAULT_BUS:
        raise bus_not_found(name)
    return Bus(name, created_at=0.0, changed_at=0.0)


def bus_of(reader: Reader, context: RequestContext, name_or_arn: str | None) -> str:
    """Return the name of the account's bus that is meant; raises ResourceNotFoundException."""
    scope, name = bus_meant(context.scope, name_or_arn)
    if scope != context.scope:
        raise bus_not_found(name)
    return the_bus(reader, scope, name).name


def the_rule(reader: Reader, scope: Scope, bus: str, name: str) -> Rule:
    """Return the rule of a name on a bus; raises ResourceNotFoundException."""
    found = repository.rule(reader, scope, bus, name)
    if found is None:
        raise rule_not_found(name, bus)
    return found


def check_pattern(text: str | None) -> None:
    """Raise InvalidEventPatternException unless a text, if there is one, is a pattern that AWS takes."""
    try:
        if text is not None:
            EventPattern.parse(text)
    except PatternError as error:
        raise invalid_pattern(str(error)) from error


def tags_in(
    context: RequestContext, listed: Sequence[Mapping[str, str]], present: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return a list of tags as a mapping; raises ValidationException unless the caller may add them to those present.

    Only AWS's services may set tags whose keys begin with `aws:`.
    """
    tags = {each["Key"]: each["Value"] for each in listed}
    checked = {key: value for key, value in tags.items() if not (context.caller.is_aws and key.startswith("aws:"))}
    if find_problem(checked, present) is not None:
        raise invalid("Tags are not valid: keys must not begin with aws:, and 50 tags are the most.")
    return tags


def listing(
    parameters: Parameters,
    member: str,
    read: Callable[[str, int], Sequence[T]],
    key: Callable[[T], str],
    show: Callable[[T], object],
) -> Result:
    """Return a page: `read` takes the key to begin behind, and how many; raises ValidationException for its token."""
    token = parameters.get("NextToken")
    limit = parameters.get("Limit", _PAGE)
    try:
        after = "" if token is None else decode_marker(token)
    except InvalidMarkerError as error:
        raise invalid("Token is invalid.") from error
    found = page_read(read(after, limit + 1), key, limit=limit)
    answer: dict[str, object] = {member: [show(each) for each in found.items]}
    return answer if found.next_marker is None else {**answer, "NextToken": found.next_marker}


def without_none(shown: Mapping[str, object]) -> dict[str, object]:
    """Return what is shown without what is not there."""
    return {name: value for name, value in shown.items() if value is not None}
