"""The Extensions API's answers, as AWS's emulator gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from lambent.dataplane.runtime_api.companion_link import Call, CallAnswer
from lambent.dataplane.runtime_api.extensions import (
    INVOKE,
    SHUTDOWN,
    Extension,
    Function,
    Registry,
    State,
    invoke_event,
    shutdown_event,
)

OURS = "11111111-2222-3333-4444-555555555555"
THEIRS = "99999999-2222-3333-4444-555555555555"


@pytest.fixture
def registry() -> Registry:
    """A registry that expects one external extension."""
    made = Registry(Function("orders", "$LATEST", "app.handler", "123456789012"))
    made.expect("agent", OURS)
    return made


def call(number: int = 1, body: object = None, **headers: str) -> Call:
    """Return a call with the headers of an extension."""
    named = {f"lambda-extension-{name.replace('_', '-')}": value for name, value in headers.items()}
    return Call(number, "POST", "/", named, json.dumps(body).encode())


def register(registry: Registry, *events: str, name: str = "agent", **headers: str) -> CallAnswer:
    """Register by name; an internal extension gets an identifier of its own."""
    return registry.register(call(1, {"events": list(events)}, name=name, **headers), THEIRS)


def error(answer: CallAnswer | None) -> tuple[str, str]:
    """Return the error type and message of a refusal."""
    assert answer is not None
    assert answer.status == 403
    told: Mapping[str, str] = json.loads(answer.body)
    return told["errorType"], told["errorMessage"]


def test_registering_tells_of_the_function_and_the_account_where_that_is_asked_for(registry: Registry) -> None:
    answer = register(registry, INVOKE, SHUTDOWN, accept_feature="other, accountId")
    assert answer.headers["Lambda-Extension-Identifier"] == OURS
    assert json.loads(answer.body) == {
        "functionName": "orders",
        "functionVersion": "$LATEST",
        "handler": "app.handler",
        "accountId": "123456789012",
    }
    assert "accountId" not in json.loads(register(registry, INVOKE, name="inside").body)


def test_who_registers_twice_is_told_of_its_state(registry: Registry) -> None:
    register(registry, INVOKE)
    assert error(register(registry, INVOKE)) == (
        "Extension.InvalidExtensionState",
        (
            "State transition from Registered to Registered failed for extension agent. "
            "Error: State transition is not allowed"
        ),
    )
    register(registry, name="inside")
    assert error(register(registry, name="inside"))[1] == "Extension with this name already registered"


@pytest.mark.parametrize(
    ("name", "event", "reason"),
    [
        ("agent", "START", "START: ErrorInvalidEventType"),
        ("inside", "SHUTDOWN", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"),
    ],
)
def test_events_that_one_may_not_register_for_leave_no_trace(
    registry: Registry, name: str, event: str, reason: str
) -> None:
    assert error(register(registry, event, name=name)) == ("Extension.InvalidEventType", reason)
    assert [each.state for each in registry.extensions] == [State.STARTED]


def test_on_managed_instances_nobody_registers_for_invocations() -> None:
    registry = Registry(Function("f", "1", "h", "1", is_on_managed_instances=True))
    registry.expect("agent", OURS)
    assert error(register(registry, INVOKE))[0] == "Extension.InvalidEventType"
    assert register(registry, SHUTDOWN).status == 200
    internal = error(register(registry, SHUTDOWN, name="internal"))
    assert internal == ("Extension.InvalidEventType", "No events allowed for internal extensions")


def test_internal_extensions_register_while_the_runtime_initializes_and_ten_at_most(registry: Registry) -> None:
    for number in range(9):
        assert register(registry, INVOKE, name=f"n{number}").status == 200
    assert error(register(registry, name="n9")) == ("Extension.TooManyExtensions", "Extension limit (10) reached")
    registry.is_open = False
    assert error(register(registry, name="n9")) == (
        "Extension.RegistrationClosed",
        "Extension registration closed already",
    )


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"events": "INVOKE"}', b'{"events": [1]}', b'{"configurationKeys": ["a"]}', b"[" * 100_000]
)
def test_a_request_that_is_none_is_refused(registry: Registry, body: bytes) -> None:
    asked = Call(1, "POST", "/", {"lambda-extension-name": "agent"}, body)
    assert error(registry.register(asked, THEIRS))[0] == "InvalidRequestFormat"


@pytest.mark.parametrize(
    ("identifier", "error_type", "message"),
    [
        ("", "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"),
        ("me", "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"),
        (THEIRS, "Extension.UnknownExtensionIdentifier", f"Unknown extension {THEIRS}"),
        (OURS, "Extension.UnknownExtensionIdentifier", f"Unknown extension {OURS}"),
    ],
)
def test_who_asks_must_say_who_it_is(registry: Registry, identifier: str, error_type: str, message: str) -> None:
    assert error(registry.next(call(identifier=identifier))) == (error_type, message)


def test_next_waits_and_may_not_be_asked_for_twice(registry: Registry) -> None:
    register(registry, INVOKE)
    before = registry.awaits_ready
    assert registry.next(call(number=7, identifier=OURS)) is None
    assert (before, registry.awaits_ready) == (True, False)
    refused = registry.next(call(number=8, identifier=OURS))
    assert error(refused)[1].startswith(f"State transition from Ready to Ready failed for extension {OURS}.")
    (agent,) = registry.subscribed(INVOKE)
    assert registry.release(agent) == 7
    assert registry.release(agent) is None
    before = registry.awaits_return
    assert registry.next(call(number=9, identifier=OURS)) is None
    assert (before, registry.awaits_return) == (True, False)


def test_the_first_error_of_an_extension_stands(registry: Registry) -> None:
    register(registry, INVOKE)
    missing = registry.fail(call(identifier=OURS), State.INIT_ERROR)
    assert error(missing) == ("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
    for reason in ("Extension.First", "Extension.Second"):
        answer = registry.fail(call(identifier=OURS, function_error_type=reason), State.INIT_ERROR)
        assert (answer.status, json.loads(answer.body)) == (202, {"status": "OK"})
    (agent,) = registry.extensions
    assert (agent.error_type, registry.fault) == ("Extension.First", "Extension.InitError")
    late = registry.fail(call(identifier=OURS, function_error_type="Extension.Third"), State.EXIT_ERROR)
    assert "from InitError to Exited failed" in error(late)[1]


def test_who_has_ended_is_told_nothing(registry: Registry) -> None:
    register(registry, INVOKE, SHUTDOWN)
    registry.extensions[0].has_ended = True
    assert list(registry.subscribed(SHUTDOWN)) == []


def test_events_are_in_the_form_of_the_api() -> None:
    told = json.loads(invoke_event("r", 12, "arn", "Root=1").body)
    assert told == {
        "eventType": "INVOKE",
        "deadlineMs": 12,
        "requestId": "r",
        "invokedFunctionArn": "arn",
        "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1"},
    }
    assert "tracing" not in json.loads(invoke_event("r", 12, "arn", None).body)
    ended = json.loads(shutdown_event("TIMEOUT", 5).body)
    assert ended == {"eventType": "SHUTDOWN", "shutdownReason": "TIMEOUT", "deadlineMs": 5}


def test_a_launch_error_is_final() -> None:
    extension = Extension("a", OURS, is_external=True)
    assert extension.move(State.LAUNCH_ERROR)
    assert not extension.move(State.REGISTERED)
