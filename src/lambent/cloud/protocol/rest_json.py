"""rest-json: members in the path, the query string, headers and a JSON body. Lambda and API Gateway speak it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambent.aws.service_models import Operation, Shape
from lambent.cloud.protocol.event_stream import EventReader, EventWriter
from lambent.cloud.protocol.http_bindings import ReadBody, RequestReader, ResponseWriter, WriteBody, in_body
from lambent.cloud.protocol.json_values import (
    decoder,
    dump_json,
    encoder,
    load_json,
    structure_decoder,
    structure_encoder,
)
from lambent.cloud.protocol.message import Request, Response

JSON = "application/json"


class JsonBody:
    """JSON as the format of bodies."""

    content_type = JSON

    def members_reader(self, shape: Shape) -> ReadBody:
        """Return the reader of a body that holds the members without a place of their own."""
        decode = structure_decoder(shape, only=in_body)
        return lambda body: decode(load_json(body))

    def members_writer(self, operation: Operation, shape: Shape) -> WriteBody:
        """Return the writer of such a body."""
        encode = structure_encoder(shape, only=in_body)
        return lambda members: dump_json(encode(members))

    def payload_reader(self, shape: Shape) -> ReadBody:
        """Return the reader of a body that is one structure."""
        decode = decoder(shape)
        return lambda body: decode(load_json(body))

    def payload_writer(self, shape: Shape) -> WriteBody:
        """Return the writer of such a body."""
        encode = encoder(shape)
        return lambda value: dump_json(value if encode is None else encode(value))

    def payload_content_type(self, shape: Shape) -> str:
        """Return JSON for a blob that is sent whole, as Lambda's Invoke answers, and the bare type for a stream."""
        if shape.type == "string":
            return "text/plain"
        return "application/octet-stream" if shape.has("streaming") else JSON

    def event_reader(self, shape: Shape) -> EventReader:
        """Return the reader of a stream of events with JSON payloads."""
        return EventReader(shape, self.payload_reader)

    def event_writer(self, shape: Shape) -> EventWriter:
        """Return the writer of a stream of events with JSON payloads."""
        return EventWriter(shape, self.payload_writer, JSON)


class RestJson:
    """The codec of one operation in rest-json."""

    __slots__ = ("_read", "_write", "operation")

    def __init__(self, operation: Operation) -> None:
        body = JsonBody()
        self.operation = operation
        self._read = RequestReader(operation, body)
        self._write = ResponseWriter(operation, body)

    def parse(self, request: Request) -> dict[str, Any]:  # Any: parameters are botocore-shaped
        """Return the request's parameters; raises SerializationException where they cannot be read."""
        return self._read(request)

    def serialize(self, result: Mapping[str, Any], request_id: str) -> Response:  # Any: results are botocore-shaped
        """Return the response that carries `result`."""
        return self._write(result, [("x-amzn-RequestId", request_id)])
