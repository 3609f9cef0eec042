"""query and ec2: Action, Version and dotted parameters in a form, XML in the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lambent.aws.service_models import Operation, Shape
from lambent.cloud.errors import ServiceError
from lambent.cloud.protocol.http_bindings import split_query
from lambent.cloud.protocol.message import Request, Response
from lambent.cloud.protocol.text_values import text_decoder
from lambent.cloud.protocol.xml_values import XML_DECLARATION, XmlWriter, element, escape, namespace_attribute

Tree = Mapping[str, Any]  # Any: text, or a tree of the next dotted part
ReadTree = Callable[[Any], Any]  # Any: a tree or text in, the shape's Python value out

FORM = "application/x-www-form-urlencoded"


def form_of(request: Request) -> list[tuple[str, str]]:
    """Return the parameters of a request, from its form or, for a GET, its query string."""
    pairs = split_query(request.query)
    if request.body and FORM in request.headers.get("content-type", FORM):
        pairs += split_query(request.body.decode("utf-8", "replace"))
    return pairs


def _tree(pairs: list[tuple[str, str]]) -> dict[str, Any]:  # Any: as Tree
    root: dict[str, Any] = {}  # Any: as Tree
    for key, value in pairs:
        *path, last = key.split(".")
        node = root
        for part in path:
            below = node.get(part)
            if type(below) is not dict:
                below = node[part] = {}
            node = below
        node.setdefault(last, value)
    return root


def _malformed(message: str) -> ServiceError:
    return ServiceError("MalformedInput", message)


class _Names:
    """How a member is called in the form: query's rule."""

    def member(self, name: str, shape: Shape) -> str:
        # A flattened list goes by the name of what it holds.
        if shape.type == "list" and shape.has("flattened") and shape.member.wire_name:
            return shape.member.wire_name
        return shape.wire_name or name

    def list_part(self, shape: Shape) -> str | None:
        return None if shape.has("flattened") else shape.member.wire_name or "member"


class _Ec2Names(_Names):
    """EC2's rule: queryName, else locationName with a capital; lists are always flat, under their own name."""

    def member(self, name: str, shape: Shape) -> str:
        query_name: str | None = shape.traits.get("queryName")
        if query_name:
            return query_name
        return shape.wire_name[0].upper() + shape.wire_name[1:] if shape.wire_name else name

    def list_part(self, shape: Shape) -> str | None:
        return None


class _FormReader:
    """Builds the readers of one operation's input; a structure met twice is built once."""

    def __init__(self, names: _Names) -> None:
        self._names = names
        self._known: dict[str, ReadTree] = {}

    def build(self, shape: Shape) -> ReadTree:
        if shape.type == "structure":
            return self._structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        decode = text_decoder(shape)

        def scalar(node: Any) -> Any:  # Any: as ReadTree
            if type(node) is not str:
                raise _malformed("Start of structure or map found where not expected.")
            try:
                return decode(node)
            except ServiceError as error:
                raise _malformed(error.message) from error

        return scalar

    def _structure(self, shape: Shape) -> ReadTree:
        if shape.name in self._known:
            return self._known[shape.name]
        table: dict[str, tuple[str, ReadTree]] = {}

        def decode(node: Any) -> dict[str, Any]:  # Any: as ReadTree
            if type(node) is not dict:
                return {}
            return {entry[0]: entry[1](below) for part, below in node.items() if (entry := table.get(part)) is not None}

        self._known[shape.name] = decode  # before the members, which may lead back here
        for name, member in shape.members.items():
            table[self._names.member(name, member)] = (name, self.build(member))
        return decode

    def _list(self, shape: Shape) -> ReadTree:
        part, read = self._names.list_part(shape), self.build(shape.member)

        def decode(node: Any) -> list[Any]:  # Any: as ReadTree
            return [read(below) for below in _numbered(_below(node, part))]

        return decode

    def _map(self, shape: Shape) -> ReadTree:
        part = None if shape.has("flattened") else "entry"
        key_part, value_part = shape.key.wire_name or "key", shape.value.wire_name or "value"
        read_key, read_value = self.build(shape.key), self.build(shape.value)

        def decode(node: Any) -> dict[str, Any]:  # Any: as ReadTree
            found = {}
            for entry in _numbered(_below(node, part)):
                if type(entry) is not dict or key_part not in entry:
                    raise _malformed("A map's entry needs a key")
                found[read_key(entry[key_part])] = read_value(entry.get(value_part, ""))
            return found

        return decode


def _below(node: Any, part: str | None) -> Any:  # Any: as ReadTree
    # An empty list or map is sent as its bare name with no value.
    if type(node) is not dict:
        return {}
    return node if part is None else node.get(part, {})


def _numbered(node: Any) -> Iterator[Any]:  # Any: as ReadTree
    if type(node) is dict:
        # Only what int() takes: neither the digits of other scripts, nor thousands of any.
        numbers = sorted((int(part), part) for part in node if part.isascii() and part.isdigit() and len(part) < 20)
        yield from (node[part] for _, part in numbers)


class Query:
    """The codec of one operation in query; `Ec2` differs in names and in the answer's envelope."""

    __slots__ = ("_namespace", "_read", "_result_tag", "_write", "operation")
    _names = _Names()
    _content_type = "text/xml"

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self._read = _FormReader(self._names).build(operation.input) if operation.input else None
        self._write = XmlWriter().content(operation.output) if operation.output else None
        self._result_tag = operation.result_wrapper
        self._namespace = namespace_attribute(operation.service.xml_namespace)

    def parse(self, request: Request) -> dict[str, Any]:  # Any: parameters are botocore-shaped
        """Return the request's parameters; raises MalformedInput where they cannot be read."""
        found: dict[str, Any] = self._read(_tree(form_of(request))) if self._read else {}  # Any: as above
        return found

    def serialize(self, result: Mapping[str, Any], request_id: str) -> Response:  # Any: results are botocore-shaped
        """Return the response that carries `result`."""
        content = self._write(result) if self._write else ""
        body = element(f"{self.operation.name}Response", self._envelope(content, escape(request_id)), self._namespace)
        headers = [("x-amzn-RequestId", request_id), ("Content-Type", self._content_type)]
        return Response(200, headers, (self._declaration + body).encode())

    _declaration = ""

    def _envelope(self, content: str, request_id: str) -> str:
        if self._result_tag:
            content = element(self._result_tag, content)
        return content + f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"


class Ec2(Query):
    """The codec of one operation in ec2."""

    __slots__ = ()
    _names = _Ec2Names()
    _content_type = "text/xml;charset=UTF-8"
    _declaration = XML_DECLARATION

    def _envelope(self, content: str, request_id: str) -> str:
        return f"<requestId>{request_id}</requestId>" + content
