"""The face of the wire formats: a call's codec, made once per operation and format."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Protocol

from lambent.aws.service_models import Operation, query_model
from lambent.cloud.protocol.aws_json import AwsJson
from lambent.cloud.protocol.cbor import Cbor
from lambent.cloud.protocol.identify import WireFormat
from lambent.cloud.protocol.message import Request, Response
from lambent.cloud.protocol.query import Ec2, Query
from lambent.cloud.protocol.rest_json import RestJson
from lambent.cloud.protocol.rest_xml import RestXml


class Codec(Protocol):
    """One operation in one wire format."""

    @property
    def operation(self) -> Operation:
        """The operation it speaks for."""

    def parse(self, request: Request) -> dict[str, Any]:  # Any: parameters are botocore-shaped
        """Return a request's parameters: blobs as bytes, timestamps as seconds since the epoch, nothing invented.

        Raises ServiceError (SerializationException, or what AWS calls it in that format) where they cannot be read.
        """

    def serialize(self, result: Mapping[str, Any], request_id: str) -> Response:  # Any: results are botocore-shaped
        """Return the response that carries `result`; members that are None are left out.

        A streamed blob may be bytes or an async iterator of them; an event stream is an async iterator of events, each
        a mapping of the event's name to its members. Raises KeyError for a member the model does not have.
        """


_CODECS: Mapping[WireFormat, type[AwsJson | Cbor | Query | RestJson | RestXml]] = {
    "json": AwsJson,
    "query": Query,
    "ec2": Ec2,
    "rest-json": RestJson,
    "rest-xml": RestXml,
    "smithy-rpc-v2-cbor": Cbor,
}


@functools.cache
def codec(operation: Operation, wire_format: WireFormat) -> Codec:
    """Return the codec of an operation in a wire format; the first call builds it, later ones look it up."""
    if wire_format == "query" and "query" not in operation.service.protocols:
        operation = query_model(operation.service.name).operation(operation.name) or operation
    return _CODECS[wire_format](operation)
