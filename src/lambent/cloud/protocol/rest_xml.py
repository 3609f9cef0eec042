"""rest-xml: members in the path, the query string, headers and an XML body. S3, Route 53 and CloudFront speak it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambent.aws.service_models import Operation, Shape
from lambent.cloud.protocol.event_stream import EventReader, EventWriter
from lambent.cloud.protocol.http_bindings import ReadBody, RequestReader, ResponseWriter, WriteBody, in_body
from lambent.cloud.protocol.message import Request, Response
from lambent.cloud.protocol.text_values import text_encoder
from lambent.cloud.protocol.xml_values import (
    XML_DECLARATION,
    XmlReader,
    XmlWriter,
    element,
    escape,
    namespace_attribute,
    parse_xml,
)

XML = "application/xml"
# Smithy's s3UnwrappedXmlOutput, which botocore's model does not say: the one member is the root.
# https://smithy.io/2.0/aws/customizations/s3-customizations.html#aws-customizations-s3unwrappedxmloutput-trait
_UNWRAPPED = frozenset({("s3", "GetBucketLocation")})


class XmlBody:
    """XML as the format of bodies."""

    content_type = XML

    def members_reader(self, shape: Shape) -> ReadBody:
        """Return the reader of a body that holds the members without a place of their own."""
        read = XmlReader().structure(shape, only=in_body)
        return lambda body: read(parse_xml(body)) if body else {}

    def members_writer(self, operation: Operation, shape: Shape) -> WriteBody:
        """Return the writer of such a body, whose root bears the operation's namespace."""
        write = XmlWriter().content(shape, only=in_body)
        root = shape.wire_name or shape.name
        namespace = namespace_attribute(shape.traits.get("xmlNamespace") or operation.service.xml_namespace)
        if (operation.service.name, operation.name) in _UNWRAPPED:
            ((name, member),) = shape.members.items()
            encode = text_encoder(member, "iso8601")
            tag = member.wire_name or name
            return lambda members: (XML_DECLARATION + element(tag, escape(encode(members[name])), namespace)).encode()
        return lambda members: (XML_DECLARATION + element(root, write(members), namespace)).encode()

    def payload_reader(self, shape: Shape) -> ReadBody:
        """Return the reader of a body that is one structure."""
        read = XmlReader().structure(shape)
        return lambda body: read(parse_xml(body)) if body else {}

    def payload_writer(self, shape: Shape) -> WriteBody:
        """Return the writer of such a body."""
        write = XmlWriter().element(shape.wire_name or shape.name, shape)
        return lambda value: (XML_DECLARATION + write(value)).encode()

    def payload_content_type(self, shape: Shape) -> str:
        """Return the bare types of bytes and text."""
        return "text/plain" if shape.type == "string" else "application/octet-stream"

    def event_reader(self, shape: Shape) -> EventReader:
        """Return the reader of a stream of events with XML payloads."""
        return EventReader(shape, self.payload_reader)

    def event_writer(self, shape: Shape) -> EventWriter:
        """Return the writer of a stream of events with XML payloads."""
        return EventWriter(shape, self.payload_writer, "text/xml")


class RestXml:
    """The codec of one operation in rest-xml."""

    __slots__ = ("_read", "_write", "operation")

    def __init__(self, operation: Operation) -> None:
        body = XmlBody()
        self.operation = operation
        self._read = RequestReader(operation, body)
        self._write = ResponseWriter(operation, body)

    def parse(self, request: Request) -> dict[str, Any]:  # Any: parameters are botocore-shaped
        """Return the request's parameters; raises MalformedXML or SerializationException."""
        return self._read(request)

    def serialize(self, result: Mapping[str, Any], request_id: str) -> Response:  # Any: results are botocore-shaped
        """Return the response that carries `result`."""
        return self._write(result, [("x-amzn-RequestId", request_id), ("x-amz-request-id", request_id)])
