"""Functions as Powertools' documentation shows them: logs, traces, metrics, data and batches."""

import os
import socket

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_xray_sdk.core import xray_recorder

logger = Logger(service="orders")
metrics = Metrics(namespace="shop", service="orders")
batches = BatchProcessor(event_type=EventType.SQS)
once = IdempotencyConfig(event_key_jmespath="id", expires_after_seconds=3600)
payments = 0

# What stands in for X-Ray's daemon, of which there is none: the tracer sends it segments as datagrams.
daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
daemon.bind(("127.0.0.1", 0))
daemon.settimeout(5)
os.environ["AWS_XRAY_DAEMON_ADDRESS"] = f"127.0.0.1:{daemon.getsockname()[1]}"
xray_recorder.configure(daemon_address=os.environ["AWS_XRAY_DAEMON_ADDRESS"])
tracer = Tracer(service="orders")


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context(correlation_id_path="order.id", log_event=True)
def observed(event, context):
    logger.append_keys(customer="ada")
    logger.info("taking the order", extra={"amount": 3})
    try:
        raise ValueError("no such dish")
    except ValueError:
        logger.exception("refused")
    metrics.add_dimension(name="place", value="here")
    metrics.add_metric(name="Orders", unit=MetricUnit.Count, value=1)
    metrics.add_metadata(key="order", value=event["order"]["id"])
    return logger.get_correlation_id()


@tracer.capture_method
def look_up(dish):
    tracer.put_annotation(key="dish", value=dish)
    tracer.put_metadata(key="found", value=True)
    return dish.upper()


@tracer.capture_lambda_handler
def traced(event, context):
    return look_up(event["dish"])


def segments(event, context):
    with_answer = traced(event, context)
    return {"answer": with_answer, "sent": [daemon.recv(65536).decode() for _ in range(2)]}


def paid(event, context):
    @idempotent_function(
        data_keyword_argument="payment",
        config=once,
        persistence_store=DynamoDBPersistenceLayer(table_name=event["table"]),
    )
    def pay(payment):
        global payments
        payments += 1
        if payment.get("fails"):
            raise RuntimeError("the bank is closed")
        return {"payment": payment["id"], "number": payments}

    once.register_lambda_context(context)
    return pay(payment=event["payment"])


def read(event, context):
    return {
        "plain": parameters.get_parameter("/shop/currency"),
        "secret": parameters.get_parameter("/shop/key", decrypt=True),
        "all": parameters.get_parameters("/shop/", decrypt=True),
        "by_name": parameters.get_parameters_by_name({"/shop/currency": {}, "/shop/key": {"decrypt": True}}),
        "json": parameters.get_secret("shop/bank", transform="json"),
        "missing": _missing(),
    }


def _missing():
    try:
        parameters.get_parameter("/shop/none")
    except parameters.exceptions.GetParameterError as error:
        return str(error)


def positive(record):
    if record.json_body["n"] < 0:
        raise ValueError("negative")
    return record.json_body["n"]


@event_source(data_class=SQSEvent)
def batch(event, context):
    assert [one.message_id for one in event.records] == ["a", "b", "c"]
    return process_partial_response(event=event.raw_event, record_handler=positive, processor=batches, context=context)
