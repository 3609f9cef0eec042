"""AWS's errors on the wire, in each format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lambent.aws.service_models import ErrorModel, ServiceModel, has_service, service_model
from lambent.cloud.errors import ServiceError
from lambent.cloud.protocol.cbor import CBOR, dump_cbor
from lambent.cloud.protocol.identify import WireFormat
from lambent.cloud.protocol.json_values import dump_json, structure_encoder
from lambent.cloud.protocol.message import Response
from lambent.cloud.protocol.text_values import header_encoder
from lambent.cloud.protocol.xml_values import XML_DECLARATION, XmlWriter, element, escape, namespace_attribute

_UNSTATED = 400  # ServiceError's default


def fault(service: str | None, wire_format: WireFormat, error: ServiceError, request_id: str) -> Response:
    """Return the response that carries an error as the service would send it.

    The status is the one the service's model gives the error's code, unless the error states one itself. Further
    members of the error's shape are taken from `error.members`; one that is None there is left out.
    """
    model = service_model(service) if service and has_service(service) else None
    shape = model.error(error.code) if model else None
    status = shape.status if shape and error.status == _UNSTATED else error.status
    return _WRITERS[wire_format](_Fault(model, shape, error, status, request_id))


class _Fault:
    __slots__ = ("code", "error", "is_senders", "message", "model", "request_id", "service", "status")

    def __init__(
        self, service: ServiceModel | None, model: ErrorModel | None, error: ServiceError, status: int, request_id: str
    ) -> None:
        self.service = service
        self.model = model
        self.error = error
        self.status = status
        self.request_id = request_id
        self.message = error.message
        self.code = model.shape.name if model else error.code
        self.is_senders = model.is_senders_fault and status < 500 if model else status < 500

    @property
    def wire_code(self) -> str:
        """The code of the query formats, which may differ from the shape's name."""
        return self.model.code if self.model else self.code

    def members(self) -> dict[str, Any]:  # Any: member values
        """Return the error shape's members: the message under the name it has there, and what the error brings."""
        if self.model is None:
            return {"message": self.message or None}  # AWS writes null where it has nothing to say
        names = self.model.shape.members
        message_name = next((name for name in names if name.lower() == "message"), None)
        found: dict[str, Any] = {}  # Any: as above
        if "Type" in names and names["Type"].type == "string":
            # Lambda's errors say in a member whose fault they are.
            found["Type"] = "User" if self.is_senders else "Server"
        if message_name:
            found[message_name] = self.message
        found.update((name, value) for name, value in self.error.members.items() if name in names)
        return {name: value for name, value in found.items() if value is not None}


def _json_members(fault: _Fault) -> dict[str, Any]:  # Any: JSON
    members = fault.members()
    if fault.model is None:
        return members
    # Any: JSON of a shape known to the model alone
    encoded: dict[str, Any] = structure_encoder(fault.model.shape, only=lambda member: member.location is None)(members)
    if not any(name.lower() == "message" for name in encoded):
        encoded["message"] = fault.message
    return encoded


def _header_members(fault: _Fault) -> list[tuple[str, str]]:
    if fault.model is None:
        return []
    shapes = fault.model.shape.members
    return [
        (shapes[name].wire_name or name, header_encoder(shapes[name])(value))
        for name, value in fault.members().items()
        if shapes[name].location == "header"
    ]


def _rest_json(fault: _Fault) -> Response:
    headers = [
        ("x-amzn-RequestId", fault.request_id),
        ("x-amzn-ErrorType", fault.code),
        ("Content-Type", "application/json"),
        *_header_members(fault),
    ]
    return Response(fault.status, headers, dump_json(_json_members(fault)))


def _json(fault: _Fault) -> Response:
    version = fault.service.json_version if fault.service else "1.0"
    headers = [
        ("x-amzn-RequestId", fault.request_id),
        ("Content-Type", f"application/x-amz-json-{version}"),
        *_query_error(fault),
    ]
    return Response(fault.status, headers, dump_json({"__type": fault.code} | _json_members(fault)))


def _query_error(fault: _Fault) -> list[tuple[str, str]]:
    # A service that used to speak query tells its older clients the code they know.
    if fault.service is None or not fault.service.is_query_compatible:
        return []
    return [("x-amzn-query-error", f"{fault.wire_code};{'Sender' if fault.is_senders else 'Receiver'}")]


def _cbor(fault: _Fault) -> Response:
    headers = [
        ("smithy-protocol", "rpc-v2-cbor"),
        ("x-amzn-RequestId", fault.request_id),
        ("Content-Type", CBOR),
        *_query_error(fault),
    ]
    namespace = f"com.amazonaws.{fault.service.name}#" if fault.service else ""
    members = fault.members()
    if not any(name.lower() == "message" for name in members):
        members["message"] = fault.message
    return Response(fault.status, headers, dump_cbor({"__type": namespace + fault.code} | members))


def _xml_members(fault: _Fault) -> str:
    if fault.model is None:
        return ""
    extra = {name: value for name, value in fault.members().items() if name.lower() not in {"message", "code", "type"}}
    return XmlWriter().content(fault.model.shape)(extra)


def _error_element(fault: _Fault) -> str:
    kind = "Sender" if fault.is_senders else "Receiver"
    content = f"<Type>{kind}</Type>{_code_and_message(fault)}{_xml_members(fault)}"
    return element("Error", content)


def _code_and_message(fault: _Fault) -> str:
    return element("Code", escape(fault.wire_code)) + element("Message", escape(fault.message))


def _query(fault: _Fault) -> Response:
    namespace = namespace_attribute(fault.service.xml_namespace if fault.service else None)
    content = _error_element(fault) + element("RequestId", escape(fault.request_id))
    return _xml(fault, element("ErrorResponse", content, namespace), "text/xml")


def _ec2(fault: _Fault) -> Response:
    errors = element("Errors", element("Error", _code_and_message(fault)))
    body = element("Response", errors + element("RequestID", escape(fault.request_id)))
    return _xml(fault, XML_DECLARATION + body, "text/xml;charset=UTF-8")


def _rest_xml(fault: _Fault) -> Response:
    request_id = escape(fault.request_id)
    if fault.service is not None and fault.service.name == "s3":
        # Smithy's noErrorWrapping, which S3 alone has: https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html
        content = (
            _code_and_message(fault) + _xml_members(fault) + f"<RequestId>{request_id}</RequestId><HostId></HostId>"
        )
        return _xml(fault, XML_DECLARATION + element("Error", content), "application/xml")
    namespace = namespace_attribute(fault.service.xml_namespace if fault.service else None)
    content = _error_element(fault) + element("RequestId", request_id)
    return _xml(fault, XML_DECLARATION + element("ErrorResponse", content, namespace), "text/xml")


def _xml(fault: _Fault, body: str, content_type: str) -> Response:
    headers = [("x-amzn-RequestId", fault.request_id), ("Content-Type", content_type)]
    if content_type == "application/xml":
        headers.append(("x-amz-request-id", fault.request_id))
    return Response(fault.status, headers, body.encode())


_WRITERS: Mapping[WireFormat, Callable[[_Fault], Response]] = {
    "json": _json,
    "query": _query,
    "ec2": _ec2,
    "rest-json": _rest_json,
    "rest-xml": _rest_xml,
    "smithy-rpc-v2-cbor": _cbor,
}
