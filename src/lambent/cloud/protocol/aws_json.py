"""awsJson 1.0 and 1.1: the operation in X-Amz-Target, everything else in one JSON body."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from lambent.aws.service_models import Operation, Shape
from lambent.cloud.protocol.event_stream import EventReader, EventWriter, encode_events, initial_request
from lambent.cloud.protocol.http_bindings import EVENT_STREAM
from lambent.cloud.protocol.json_values import dump_json, load_json, structure_decoder, structure_encoder
from lambent.cloud.protocol.message import Request, Response
from lambent.cloud.protocol.rest_json import JSON, JsonBody

# Their clients compare a checksum with the body: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
_CHECKSUMMED = frozenset({"dynamodb", "dynamodbstreams"})


class AwsJson:
    """The codec of one operation in awsJson."""

    __slots__ = ("_content_type", "_decode", "_encode", "_events_in", "_events_out", "_is_checksummed", "operation")

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self._content_type = f"application/x-amz-json-{operation.service.json_version}"
        self._is_checksummed = operation.service.name in _CHECKSUMMED
        self._decode = structure_decoder(operation.input, only=_is_no_stream) if operation.input else None
        self._encode = structure_encoder(operation.output, only=_is_no_stream) if operation.output else None
        self._events_in = _stream_of(operation.input)
        self._events_out = _stream_of(operation.output)

    def parse(self, request: Request) -> dict[str, Any]:  # Any: parameters are botocore-shaped
        """Return the request's parameters; raises SerializationException where they cannot be read."""
        if self._decode is None:
            return {}
        if self._events_in is None:
            found: dict[str, Any] = self._decode(load_json(request.body))  # Any: as above
            return found
        name, stream = self._events_in
        found = self._decode(load_json(initial_request(request.body)))
        found[name] = EventReader(stream, JsonBody().payload_reader).read_all(request.body)
        return found

    def serialize(self, result: Mapping[str, Any], request_id: str) -> Response:  # Any: results are botocore-shaped
        """Return the response that carries `result`."""
        headers = [("x-amzn-RequestId", request_id), ("Content-Type", self._content_type)]
        if self._encode is None:
            # Operations without an output answer an empty body, still typed as JSON.
            return Response(200, headers)
        content = dump_json(self._encode(result))
        if self._is_checksummed:
            headers.append(("x-amz-crc32", str(zlib.crc32(content))))
        if self._events_out is None:
            return Response(200, headers, content)
        name, stream = self._events_out
        writer = EventWriter(stream, JsonBody().payload_writer, JSON)
        headers[1] = ("Content-Type", EVENT_STREAM)
        return Response(200, headers, stream=encode_events(writer, result[name], writer.initial(content)))


def _is_no_stream(member: Shape) -> bool:
    return not member.has("eventstream")


def _stream_of(shape: Shape | None) -> tuple[str, Shape] | None:
    name = shape.event_stream_member if shape else None
    return (name, shape.members[name]) if shape and name else None
