"""The services of a platform, and one calling another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import pytest

from lambent.base.clock import ManualClock
from lambent.base.identifiers import SeededIds
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext, service_principal
from lambent.cloud.framework.fallback import NoFallback
from lambent.cloud.framework.internal_client import RegistryClient
from lambent.cloud.framework.loops import Loop
from lambent.cloud.framework.registry import Deferral, Registry
from lambent.cloud.framework.routes import Claim, FrontDoor, Route, View
from lambent.cloud.framework.service import LeftToFallback, Parameters, Result, Service, operation
from lambent.cloud.protocol.message import Request, Response
from lambent.cloud.store.errors import StoreFull
from lambent.cloud.store.scope import Scope

_SCOPE = Scope("111111111111", "eu-west-1")
_CALLER = service_principal("s3.amazonaws.com", _SCOPE, "arn:aws:s3:::b")


class Letters(Service):
    """A service that tells what happens to it."""

    name = "letters"

    def __init__(self, told: list[str], *, fails_to_stop: bool = False) -> None:
        super().__init__()
        self._told = told
        self._fails_to_stop = fails_to_stop

    @operation("Echo")
    async def echo(self, context: RequestContext, parameters: Parameters) -> Result:
        """Answer with what was asked, where and by whom."""
        return {**parameters, "Region": context.scope.region, "Caller": context.caller.arn, "At": context.now}

    def authorise(self, context: RequestContext, operation: str, parameters: Parameters) -> None:
        """Refuse what is marked so."""
        if parameters.get("Forbidden"):
            raise ServiceError("AccessDeniedException", f"{context.caller.arn} may not {operation}", status=403)

    @operation("Keep")
    async def keep(self, context: RequestContext, parameters: Parameters) -> Result:
        """Fail to write."""
        raise StoreFull("The disk is full.")

    def views(self) -> Mapping[str, View]:
        """A view under a name that a second one would take as well."""
        return {"letters": dict}

    async def start(self) -> None:
        """Tell."""
        self._told.append(f"start {self.name}")

    async def stop(self) -> None:
        """Tell, and perhaps fail."""
        self._told.append(f"stop {self.name}")
        if self._fails_to_stop:
            raise OSError(self.name)


class Numbers(Letters):
    """Another one."""

    name = "numbers"


class OneBridged(NoFallback):
    """A fallback that knows one operation."""

    async def call(
        self, context: RequestContext, service: str, operation: str, parameters: Parameters
    ) -> Result | None:
        """Answer sqs.ListQueues alone."""
        return {"QueueUrls": [context.scope.account]} if (service, operation) == ("sqs", "ListQueues") else None


def client(*services: Service) -> RegistryClient:
    return RegistryClient(Registry(services), OneBridged(), clock=ManualClock(1000.0), ids=SeededIds(1))


async def test_services_start_in_order_and_stop_in_reverse_each_even_if_another_fails_to() -> None:
    told: list[str] = []
    registry = Registry([Letters(told), Numbers(told, fails_to_stop=True)])
    await registry.start()
    with pytest.raises(ExceptionGroup) as failed:
        await registry.stop()
    assert told == ["start letters", "start numbers", "stop numbers", "stop letters"]
    assert [str(failure) for failure in failed.value.exceptions] == ["numbers"]
    await registry.stop()
    assert len(told) == 4


def test_names_of_services_and_views_are_taken_once() -> None:
    registry = Registry([Letters([])])
    with pytest.raises(ValueError, match="letters"):
        registry.add(Letters([]))
    registry.add(Numbers([]))
    with pytest.raises(ValueError, match="two views called letters"):
        registry.views()
    assert (registry.names(), "numbers" in registry) == (("letters", "numbers"), True)
    assert registry.operation("letters", "Unheard") is None
    assert registry.operation("unheard", "Echo") is None


async def test_a_call_reaches_the_service_in_its_scope_as_its_principal() -> None:
    answer = await client(Letters([])).call("letters", "Echo", {"Text": "hi"}, scope=_SCOPE, principal=_CALLER)
    assert answer == {"Text": "hi", "Region": "eu-west-1", "Caller": "s3.amazonaws.com", "At": 1000.0}


async def test_an_internal_call_is_authorised_like_any_other() -> None:
    with pytest.raises(ServiceError) as refused:
        await client(Letters([])).call("letters", "Echo", {"Forbidden": True}, scope=_SCOPE, principal=_CALLER)
    assert refused.value.code == "AccessDeniedException"


async def test_what_is_not_ours_goes_to_the_fallback_and_what_nobody_has_is_unknown() -> None:
    caller = client(Letters([]))
    assert await caller.call("sqs", "ListQueues", {}, scope=_SCOPE, principal=_CALLER) == {
        "QueueUrls": ["111111111111"]
    }
    for service, name in (("sqs", "Unheard"), ("letters", "Unheard")):
        with pytest.raises(ServiceError) as unknown:
            await caller.call(service, name, {}, scope=_SCOPE, principal=_CALLER)
        assert unknown.value.code == "UnknownOperationException"


class Leaving(Service):
    """Has nothing to add to what the fallback says."""

    name = "sqs"

    @operation("ListQueues")
    async def list_queues(self, context: RequestContext, parameters: Parameters) -> Result:
        """Leave it."""
        raise LeftToFallback

    @operation("Unheard")
    async def unheard(self, context: RequestContext, parameters: Parameters) -> Result:
        """Leave what the fallback does not know either."""
        raise LeftToFallback


async def test_what_a_service_leaves_goes_to_the_fallback_as_if_it_were_none_of_ours() -> None:
    caller = client(Leaving())
    answer = await caller.call("sqs", "ListQueues", {}, scope=_SCOPE, principal=_CALLER)
    assert answer == {"QueueUrls": ["111111111111"]}
    with pytest.raises(ServiceError) as unknown:
        await caller.call("sqs", "Unheard", {}, scope=_SCOPE, principal=_CALLER)
    assert unknown.value.code == "UnknownOperationException"


async def test_a_call_that_the_store_takes_no_writes_of_fails_as_the_platform_not_the_caller() -> None:
    with pytest.raises(ServiceError) as failed:
        await client(Letters([])).call("letters", "Keep", {}, scope=_SCOPE, principal=_CALLER)
    assert (failed.value.code, failed.value.is_senders_fault) == ("InternalFailure", False)


class Counting(Letters):
    """One that takes its time to start, and has periodic work."""

    async def start(self) -> None:
        """Tell."""
        await asyncio.to_thread(self._told.append, "started")

    def loops(self) -> Sequence[Loop]:
        """Return some."""
        return (Loop("count", 60.0, self.start),)


async def test_a_service_that_waits_is_loaded_once_when_it_is_first_asked_for_and_stopped_with_the_others() -> None:
    events: list[str] = []
    begun: list[str] = []

    def load() -> Callable[[], Sequence[Service]]:
        events.append("loaded")
        return lambda: (Counting(events),)

    registry = Registry()
    registry.defer(Deferral(("letters",), load))
    await registry.start()
    registry.begin_loops(lambda loops: begun.extend(loop.name for loop in loops))
    assert (events, begun, registry.names()) == ([], [], ("letters",))
    assert registry.service("letters") is None
    woken = await asyncio.gather(*(registry.wake("letters") for _ in range(5)))
    assert len(set(woken)) == 1
    assert isinstance(woken[0], Counting)
    assert registry.service("letters") is woken[0]
    assert (events, begun, registry.names()) == (["loaded", "started"], ["count"], ("letters",))
    assert await registry.wake("nobody") is None
    await registry.stop()
    assert events == ["loaded", "started", "stop letters"]


async def test_what_is_woken_late_stops_behind_those_that_use_it_all_the_same() -> None:
    told: list[str] = []
    registry = Registry()
    registry.defer(Deferral(("letters",), lambda: lambda: (Letters(told),)))
    registry.add(Numbers(told))
    await registry.start()
    await registry.wake("letters")
    await registry.stop()
    assert told == ["start numbers", "start letters", "stop numbers", "stop letters"]


class Later(Letters):
    """A third one."""

    name = "later"


class Doors(Letters):
    """One that has a door and a path, and cannot start at first."""

    is_broken = True

    async def start(self) -> None:
        """Fail the first time."""
        await super().start()
        if Doors.is_broken:
            Doors.is_broken = False
            raise StoreFull("The disk is full.")

    def front_doors(self) -> Sequence[FrontDoor]:
        """Return one."""
        return (_CLAIM.door(self.answer),)

    def routes(self) -> Sequence[Route]:
        """Return one."""
        return (Route("GET", "/letters", self.answer),)

    async def answer(self, request: Request) -> Response:
        """Answer with the path."""
        return Response(200, (), request.path.encode())


_CLAIM = Claim("letters", lambda request: request.path == "/door", open_to_browsers=True)


async def test_doors_and_paths_of_a_service_that_waits_wake_it_and_say_so_where_it_cannot_start() -> None:
    told: list[str] = []
    waiting = Deferral(("letters",), lambda: lambda: (Doors(told),), (_CLAIM,), (("GET", "/letters"),))
    registry = Registry([Numbers(told)])
    registry.defer(waiting)
    registry.add(Later(told))
    ((door,), (route,)) = registry.front_doors(), registry.routes()
    asked = Request("GET", "/door", "", {}, b"")
    failed = await door.answer(asked)
    assert (failed.status, told, registry.service("letters")) == (503, ["start letters"], None)
    answers = [await door.answer(asked), await route.answer(Request("GET", "/letters", "", {}, b""))]
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"/door"), (200, b"/letters")]
    assert told == ["start letters", "start letters"]
    assert registry.names() == ("numbers", "letters", "later")
    assert [one.open_to_browsers for one in registry.front_doors()] == [True]


async def test_a_service_that_another_wakes_while_it_starts_is_started_once_and_none_wakes_after_the_stop() -> None:
    told: list[str] = []
    registry = Registry()

    class Waker(Letters):
        name = "waker"

        async def start(self) -> None:
            await super().start()
            await registry.wake("letters")

    registry.add(Waker(told))
    registry.defer(Deferral(("letters",), lambda: lambda: (Letters(told),)))
    registry.defer(Deferral(("numbers",), lambda: lambda: (Numbers(told),)))
    await registry.start()
    assert told == ["start waker", "start letters"]
    await registry.stop()
    with pytest.raises(ServiceError) as refused:
        await registry.wake("numbers")
    assert refused.value.code == "ServiceUnavailable"
    assert told == ["start waker", "start letters", "stop letters", "stop waker"]
