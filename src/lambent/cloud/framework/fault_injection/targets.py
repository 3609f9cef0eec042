"""Which function or source is meant, by its ARN or the name that people call it by, and that it is there.

`orders`, `queue:orders`, `sqs:orders` and the queue's ARN may all be one; a function may be named with an alias or a
version (`checkout:live`), a rule with its bus and a schedule with its group (`rule:shop/paid`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lambent.aws.arn import Arn, MalformedArnError
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import root_of
from lambent.cloud.framework.faults.fault import Subject, short_name, subject_of
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.registry import Registry
from lambent.cloud.store.scope import Scope

_Listed = Mapping[str, Any]  # Any: what a listing answers, botocore-shaped
_MOST_NAMED = 8
_FUNCTION, _RULE = "lambda", "rule"


class NoSuchTargetError(Exception):
    """No function or source is meant by a name, or more than one; `advice` says what to write."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


@dataclass(frozen=True, slots=True)
class _Listing:
    """How a kind of target is listed: whose operation, where the things are, and what goes on a page further."""

    service: str
    operation: str
    arns: Callable[[_Listed, Scope], list[str]]
    token: str = "NextToken"  # noqa: S105 - a member of AWS's
    following: str = "NextToken"


def _named_in(members: str, arn: str) -> Callable[[_Listed, Scope], list[str]]:
    return lambda listed, _: [str(each[arn]) for each in listed.get(members) or ()]


def _queues(listed: _Listed, scope: Scope) -> list[str]:
    names = [url.rpartition("/")[2] for url in listed.get("QueueUrls") or ()]
    return [f"arn:{scope.partition}:sqs:{scope.region}:{scope.account}:{name}" for name in names]


def _tables(listed: _Listed, scope: Scope) -> list[str]:
    where = f"arn:{scope.partition}:dynamodb:{scope.region}:{scope.account}"
    return [f"{where}:table/{name}" for name in listed["TableNames"]]


def _buckets(listed: _Listed, scope: Scope) -> list[str]:
    return [f"arn:{scope.partition}:s3:::{each['Name']}" for each in listed["Buckets"]]


_LISTINGS: Final[Mapping[str, _Listing]] = {
    _FUNCTION: _Listing("lambda", "ListFunctions", _named_in("Functions", "FunctionArn"), "Marker", "NextMarker"),
    "sqs": _Listing("sqs", "ListQueues", _queues),
    "sns": _Listing("sns", "ListTopics", _named_in("Topics", "TopicArn")),
    "s3": _Listing("s3", "ListBuckets", _buckets, "ContinuationToken", "ContinuationToken"),
    "dynamodb": _Listing("dynamodb", "ListTables", _tables, "ExclusiveStartTableName", "LastEvaluatedTableName"),
    "events": _Listing("events", "ListEventBuses", _named_in("EventBuses", "Arn")),
    _RULE: _Listing("events", "ListRules", _named_in("Rules", "Arn")),
    "scheduler": _Listing("scheduler", "ListSchedules", _named_in("Schedules", "Arn")),
}
_PREFIXES: Final[Mapping[str, str]] = {
    **{name: name for name in _LISTINGS},
    "function": _FUNCTION, "queue": "sqs", "topic": "sns", "bucket": "s3", "table": "dynamodb", "bus": "events",
    "schedule": "scheduler",
}  # fmt: skip
_POSSIBLE = "a function, or a queue, topic, bucket, table, event bus, rule or schedule of the platform here"


class Targets:
    """Finds what faults are asked for."""

    def __init__(self, registry: Registry, client: InternalClient) -> None:
        self._registry = registry
        self._client = client

    async def find(self, text: str, scope: Scope) -> tuple[str, Subject]:
        """Return the ARN of what is meant, and what it is; a name is looked for in the scope.

        Raises NoSuchTargetError.
        """
        if text.startswith("arn:"):
            return await self._by_arn(text, scope)
        prefix, _, rest = text.partition(":")
        if rest and prefix in _PREFIXES:
            kinds, name = [_PREFIXES[prefix]], rest
        else:
            kinds, name = [kind for kind, listing in _LISTINGS.items() if listing.service in self._registry], text
        known = [arn for kind in kinds for arn in await self._listed(kind, scope)]
        name, qualifier = _qualified(name) if _FUNCTION in kinds else (name, None)
        found = [arn for arn in known if name in _names(arn) and (qualifier is None or ":function:" in arn)]
        if not found:
            raise _unknown(text, name, known)
        if len(found) > 1:
            names = " or ".join(sorted(short_name(arn) for arn in found))
            raise NoSuchTargetError(f"{text!r} may be several things.", f"Say which: {names}.")
        return await self._checked(found[0], qualifier)

    async def _by_arn(self, text: str, scope: Scope) -> tuple[str, Subject]:
        try:
            arn = Arn.parse(text)
        except MalformedArnError as error:
            raise NoSuchTargetError(f"{text!r} is no ARN.", f"Name {_POSSIBLE}.") from error
        subject = subject_of(arn)
        if subject is None:
            raise NoSuchTargetError(f"{text} can have no faults.", f"Name {_POSSIBLE}.")
        unqualified, qualifier = text, None
        if subject is Subject.FUNCTION:
            name, qualifier = _qualified(arn.resource.removeprefix("function:"))
            unqualified = f"{text.rpartition(':function:')[0]}:function:{name}"
        kind = _RULE if subject is Subject.RULE else arn.service
        # A bucket's ARN says neither whose it is nor where.
        known = await self._listed(kind, Scope(arn.account or scope.account, arn.region or scope.region))
        if unqualified not in known:
            raise _unknown(text, short_name(unqualified).partition(":")[2], known)
        return await self._checked(unqualified, qualifier)

    async def _checked(self, arn: str, qualifier: str | None) -> tuple[str, Subject]:
        parsed = Arn.parse(arn)
        subject = subject_of(parsed)
        if subject is None:
            raise NoSuchTargetError(f"{arn} can have no faults.", f"Name {_POSSIBLE}.")
        if qualifier is None:
            return arn, subject
        try:
            await self._call(
                "lambda", "GetFunctionConfiguration", _scope_of(parsed), FunctionName=arn, Qualifier=qualifier
            )
        except ServiceError as error:
            aliases = (await self._call("lambda", "ListAliases", _scope_of(parsed), FunctionName=arn))["Aliases"]
            names = ", ".join(each["Name"] for each in aliases)
            advice = f"Its aliases: {names}." if names else "It has no aliases."
            raise NoSuchTargetError(f"{short_name(arn)} has no version or alias {qualifier!r}.", advice) from error
        return f"{arn}:{qualifier}", subject

    async def _listed(self, kind: str, scope: Scope) -> list[str]:
        """Return the ARNs of a kind; a service that waits to be used is woken, for what it has from the first."""
        listing = _LISTINGS[kind]
        if kind != _RULE:
            return [arn async for arn in self._pages(listing, scope)]
        buses = await self._listed("events", scope)
        return [arn for bus in buses async for arn in self._pages(listing, scope, EventBusName=bus)]

    async def _pages(self, listing: _Listing, scope: Scope, **asked: object) -> AsyncIterator[str]:
        while True:
            answer = await self._call(listing.service, listing.operation, scope, **asked)
            for arn in listing.arns(answer, scope):
                yield arn
            if not answer.get(listing.following):
                return
            asked[listing.token] = answer[listing.following]

    async def _call(self, service: str, operation: str, scope: Scope, **parameters: object) -> _Listed:
        return await self._client.call(service, operation, parameters, scope=scope, principal=root_of(scope.account))


def _scope_of(arn: Arn) -> Scope:
    return Scope(arn.account, arn.region)


def _qualified(name: str) -> tuple[str, str | None]:
    name, _, qualifier = name.partition(":")
    return name, qualifier or None


def _names(arn: str) -> frozenset[str]:
    """Return what a thing is called: a schedule of the default group also without that."""
    name = short_name(arn).partition(":")[2]
    return frozenset({name, name.removeprefix("default/")} if ":schedule/" in arn else {name})


def _unknown(text: str, name: str, known: list[str]) -> NoSuchTargetError:
    by_name: dict[str, list[str]] = {}
    for arn in known:
        by_name.setdefault(short_name(arn).partition(":")[2], []).append(short_name(arn))
    from difflib import get_close_matches  # noqa: PLC0415 - where a name is wrong

    close = get_close_matches(name, by_name, n=3, cutoff=0.6)
    message = f"There is no {text!r} here that could have a fault."
    if close:
        meant = " or ".join(each for match in close for each in by_name[match])
        return NoSuchTargetError(message, f"Did you mean {meant}?")
    if not known:
        return NoSuchTargetError(message, f"Name {_POSSIBLE}.")
    names = sorted(short_name(arn) for arn in known)
    more = f", and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return NoSuchTargetError(message, f"There are: {', '.join(names[:_MOST_NAMED])}{more}.")
