"""Powertools for AWS Lambda (Python) inside functions: what it writes, and what it asks of other services."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lambent.testing.builders import ensure_role, zip_of
from lambent.testing.platform import LocalPlatform
from tests.requirements import missing

HANDLER = Path(__file__).parent / "powertools" / "handler.py"
# `make` puts there what requirements/functions.txt says.
PACKAGES = Path(sys.prefix) / "share" / "lambent" / "functions"
RUNTIMES = ("python3.11", "python3.14")
Answer = tuple[Any, list[str]]  # Any: JSON
Invoke = Callable[..., Answer]


@pytest.fixture(scope="module")
def layer(platform: LocalPlatform) -> str:
    """A layer with Powertools, as AWS publishes one."""
    if not (PACKAGES / "aws_lambda_powertools").is_dir():
        missing("requirements/functions.txt in .venv/share/lambent/functions, as `make` puts it there")
    files = {
        f"python/{file.relative_to(PACKAGES)}": file.read_bytes()
        for file in PACKAGES.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    made = platform.client("lambda").publish_layer_version(LayerName="powertools", Content={"ZipFile": zip_of(files)})
    return str(made["LayerVersionArn"])


@pytest.fixture
def invoke(platform: LocalPlatform, layer: str) -> Iterator[Invoke]:
    """Makes a function of one of the handlers with its first event; gives its answer and the lines of its log."""
    functions = platform.client("lambda")
    made: set[str] = set()

    def call(handler: str, event: object, runtime: str = RUNTIMES[0]) -> Answer:
        name = f"{handler}-{runtime[-2:]}"
        if name not in made:
            made.add(name)
            platform.create_function(
                name, zip_of({"handler.py": HANDLER.read_text(encoding="utf-8")}), Handler=f"handler.{handler}",
                Runtime=runtime, Layers=[layer], Timeout=30, MemorySize=512, TracingConfig={"Mode": "Active"},
                Role=ensure_role(platform.client("iam")),
                Environment={"Variables": {"POWERTOOLS_LOGGER_LOG_EVENT": "true"}},
            )  # fmt: skip
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
        return json.loads(answer["Payload"].read()), base64.b64decode(answer["LogResult"]).decode().splitlines()

    yield call
    for name in made:
        functions.delete_function(FunctionName=name)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_logger_and_metrics_know_function_request_and_cold_start(invoke: Invoke, runtime: str) -> None:
    name = f"observed-{runtime[-2:]}"
    for is_cold in (True, False):
        answer, log = invoke("observed", {"order": {"id": "o-1"}}, runtime)
        assert answer == "o-1"
        lines = [json.loads(line) for line in log if line.startswith("{")]
        logged = [line for line in lines if "level" in line]
        event, taking, refused = logged
        assert event["message"] == {"order": {"id": "o-1"}}
        assert taking.items() >= {
            "level": "INFO", "message": "taking the order", "service": "orders", "cold_start": is_cold, "amount": 3,
            "function_name": name, "function_memory_size": "512", "correlation_id": "o-1", "customer": "ada",
            "function_arn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
        }.items()  # fmt: skip
        assert taking["xray_trace_id"].startswith("1-")
        assert len({line["function_request_id"] for line in logged}) == 1
        assert (refused["level"], refused["exception_name"]) == ("ERROR", "ValueError")
        counted = [line for line in lines if "_aws" in line]
        orders = next(line for line in counted if "Orders" in line)
        assert (orders["Orders"], orders["service"], orders["place"], orders["order"]) == (
            [1.0],
            "orders",
            "here",
            "o-1",
        )
        assert [line["function_name"] for line in counted if "ColdStart" in line] == [name] * is_cold
        assert orders["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "shop"


def test_tracer_sends_segments_below_the_invocations_own(invoke: Invoke) -> None:
    answer, log = invoke("segments", {"dish": "soup"})
    assert answer.get("answer") == "SOUP", answer
    inner, outer = (json.loads(datagram.partition("\n")[2]) for datagram in answer["sent"])
    assert (inner["name"], inner["annotations"]) == ("## handler.look_up", {"dish": "soup"})
    assert inner["metadata"]["orders"] == {"found": True, "handler.look_up response": "SOUP"}
    assert (outer["name"], outer["annotations"]) == ("## traced", {"ColdStart": True, "Service": "orders"})
    assert (inner["parent_id"], inner["trace_id"]) == (outer["id"], outer["trace_id"])
    assert f"XRAY TraceId: {outer['trace_id']}\tSegmentId: {outer['parent_id']}\tSampled: true\t" in log


def test_idempotent_functions_run_once_for_each_payment(invoke: Invoke, platform: LocalPlatform) -> None:
    tables = platform.client("dynamodb")
    tables.create_table(
        TableName="once",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def pay(**payment: object) -> Any:  # Any: JSON
        return invoke("paid", {"table": "once", "payment": payment})[0]

    assert pay(id="p-1", amount=3) == {"payment": "p-1", "number": 1}
    assert pay(id="p-1", amount=4) == {"payment": "p-1", "number": 1}
    assert pay(id="p-2") == {"payment": "p-2", "number": 2}
    assert pay(id="p-3", fails=True)["errorType"] == "RuntimeError"
    assert pay(id="p-3") == {"payment": "p-3", "number": 4}  # what failed may be tried again
    kept = tables.scan(TableName="once")["Items"]
    assert {item["status"]["S"] for item in kept} == {"COMPLETED"}
    tables.update_item(
        TableName="once",
        Key={"id": kept[0]["id"]},
        UpdateExpression="SET #s = :s, in_progress_expiration = :t",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":s": {"S": "INPROGRESS"}, ":t": {"N": "99999999999999"}},
    )
    payment = json.loads(kept[0]["data"]["S"])["payment"]
    assert pay(id=payment)["errorType"] == "IdempotencyAlreadyInProgressError"
    tables.delete_table(TableName="once")


def test_parameters_come_from_systems_manager_and_secrets_manager(invoke: Invoke, platform: LocalPlatform) -> None:
    store, secrets = platform.client("ssm"), platform.client("secretsmanager")
    store.put_parameter(Name="/shop/currency", Value="EUR", Type="String")
    store.put_parameter(Name="/shop/key", Value="k-1", Type="SecureString")
    secrets.create_secret(Name="shop/bank", SecretString='{"user": "ada"}')
    answer, _ = invoke("read", {})
    assert "ParameterNotFound" in answer.pop("missing")
    assert answer == {
        "plain": "EUR",
        "secret": "k-1",
        "all": {"currency": "EUR", "key": "k-1"},
        "by_name": {"/shop/currency": "EUR", "/shop/key": "k-1"},
        "json": {"user": "ada"},
    }


def test_batches_report_the_messages_that_failed(invoke: Invoke) -> None:
    def message(name: str, n: int) -> dict[str, object]:
        return {
            "messageId": name, "receiptHandle": name, "body": json.dumps({"n": n}), "attributes": {},
            "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs", "awsRegion": "us-east-1",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:orders",
        }  # fmt: skip

    def batch(*numbers: int) -> Any:  # Any: JSON
        return invoke("batch", {"Records": [message(name, n) for name, n in zip("abc", numbers, strict=True)]})[0]

    assert batch(1, -1, 3) == {"batchItemFailures": [{"itemIdentifier": "b"}]}
    assert batch(1, 2, 3) == {"batchItemFailures": []}
    assert batch(-1, -2, -3)["errorType"] == "BatchProcessingError"
