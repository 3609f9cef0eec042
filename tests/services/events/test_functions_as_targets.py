"""Events that a service brings to functions: tried at once, and from then on as any asynchronous invocation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform
from tests.services.events.conftest import bodies, put, rule_to
from tests.waiting import eventually

Client = Any  # Any: boto3 makes its clients at run time
HANDLER = """
import time

def handler(event, context):
    print('attempt', event['detail']['n'], context.aws_request_id)
    time.sleep(event['detail'].get('sleeps', 0))
    if event['detail'].get('fails'):
        raise RuntimeError('never works')
"""


def function_behind_a_rule(world: LocalPlatform, events: Client, name: str) -> None:
    arn = world.create_function(name, zip_of({"handler.py": HANDLER}), Handler="handler.handler")["FunctionArn"]
    world.client("lambda").add_permission(
        FunctionName=name, StatementId="events", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
    )
    rule_to(events, name, {"Arn": arn})


def attempts(world: LocalPlatform, name: str) -> list[list[str]]:
    """Return the number of the event and the request id of each attempt."""
    logs = world.client("logs")
    try:
        found = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="attempt")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"].split()[1:] for event in found]


def kept(world: LocalPlatform, name: str) -> list[int]:
    """Return the failed attempts of each event of a function that the store keeps."""

    async def read(inside: Any) -> list[int]:  # Any: the platform inside
        store = inside.registry.service("lambda")._dependencies.store
        rows = store.read.all("SELECT function_errors FROM lambda_events WHERE function = ?", (name,))
        return [int(errors) for (errors,) in rows]

    found: list[int] = world.on_loop(read)
    return found


def test_a_quick_function_is_invoked_once_for_each_event(events: Client, name: str, world: LocalPlatform) -> None:
    function_behind_a_rule(world, events, name)
    for number in range(20):
        put(events, name, Detail=f'{{"n": {number}}}')
    eventually(lambda: len(attempts(world, name)) == 20)
    eventually(lambda: kept(world, name) == [])
    world.clock.advance(3600)
    assert sorted(int(number) for number, _ in attempts(world, name)) == list(range(20))


def test_a_slow_function_s_event_is_in_the_books_while_it_runs(events: Client, name: str, world: LocalPlatform) -> None:
    function_behind_a_rule(world, events, name)
    put(events, name, Detail='{"n": 1, "sleeps": 0.7}')
    eventually(lambda: kept(world, name) == [0])
    eventually(lambda: kept(world, name) == [])
    world.clock.advance(3600)
    assert len(attempts(world, name)) == 1


def test_a_failing_function_is_tried_three_times_and_its_event_told_of(
    events: Client, sqs: Client, name: str, queue: Callable[..., str], world: LocalPlatform
) -> None:
    function_behind_a_rule(world, events, name)
    failures = queue()
    world.client("lambda").put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnFailure": {"Destination": failures}}
    )
    event_id = put(events, name, Detail='{"n": 1, "fails": true}')
    for attempt, pause_s in ((1, 60), (2, 120)):
        eventually(lambda: kept(world, name) == [attempt])  # noqa: B023 - looked at before the next round
        world.clock.advance(pause_s + 1)
    eventually(lambda: kept(world, name) == [])
    (record,) = eventually(lambda: bodies(sqs, failures))
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"]["id"] == event_id
    eventually(lambda: len(attempts(world, name)) == 3)
    assert len({request_id for _, request_id in attempts(world, name)}) == 1
