"""Shapes to and from XML: what rest-xml, query and ec2 share.

As for JSON, every shape becomes a closure once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from lambent.aws.service_models import Shape
from lambent.cloud.errors import ServiceError
from lambent.cloud.protocol.text_values import EncodeText, text_decoder, text_encoder

WriteElement = Callable[[Any], str]  # Any: the shape's Python value
ReadNodes = Callable[["list[Node]"], Any]  # Any: as above

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def escape(text: str) -> str:
    """Return text as it stands between tags; what XML cannot carry becomes U+FFFD."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")
    return _NOT_XML.sub("\ufffd", text)


def escape_attribute(text: str) -> str:
    """Return text as it stands between double quotes in a tag."""
    return escape(text).replace('"', "&quot;").replace("\n", "&#xA;").replace("\t", "&#x9;")


def element(tag: str, content: str, attributes: str = "") -> str:
    """Return an element whose content is already XML."""
    return f"<{tag}{attributes}>{content}</{tag}>"


def namespace_attribute(namespace: Mapping[str, str] | str | None) -> str:
    """Return the attribute that declares a namespace, with its leading space; empty for None."""
    if not namespace:
        return ""
    if isinstance(namespace, str):
        return f' xmlns="{escape_attribute(namespace)}"'
    prefix = f":{namespace['prefix']}" if namespace.get("prefix") else ""
    return f' xmlns{prefix}="{escape_attribute(namespace["uri"])}"'


# ── writing ──


@dataclass(slots=True)
class _Structure:
    attributes: list[tuple[str, str, EncodeText]] = field(default_factory=list)
    members: dict[str, WriteElement | None] = field(default_factory=dict)

    def content(self, value: Mapping[str, Any]) -> str:  # Any: member values
        members = self.members
        return "".join(
            [write(item) for name, item in value.items() if item is not None and (write := members[name]) is not None]
        )

    def attribute_text(self, value: Mapping[str, Any]) -> str:  # Any: member values
        return "".join(
            f' {wire_name}="{escape_attribute(encode(value[name]))}"'
            for name, wire_name, encode in self.attributes
            if value.get(name) is not None
        )


class XmlWriter:
    """Builds the writers of one operation's shapes; a structure met twice is built once."""

    def __init__(self) -> None:
        self._known: dict[str, _Structure] = {}

    def element(self, tag: str, shape: Shape) -> WriteElement:
        """Return the writer of a value of `shape` as the element `tag`; a flattened list or map is many of them."""
        if shape.type == "structure":
            return self._structure_element(tag, shape)
        if shape.type == "list":
            return self._list_element(tag, shape)
        if shape.type == "map":
            return self._map_element(tag, shape)
        start, end = f"<{tag}{namespace_attribute(shape.traits.get('xmlNamespace'))}>", f"</{tag}>"
        encode = text_encoder(shape, "iso8601")
        return lambda value: start + escape(encode(value)) + end

    def content(self, shape: Shape, only: Callable[[Shape], bool] | None = None) -> WriteElement:
        """Return the writer of a structure's members without an element around them; `only` picks some of them."""
        return self._structure(shape, only).content

    def _structure(self, shape: Shape, only: Callable[[Shape], bool] | None = None) -> _Structure:
        if only is None and shape.name in self._known:
            return self._known[shape.name]
        found = _Structure()
        if only is None:
            self._known[shape.name] = found  # before the members, which may lead back here
        for name, member in shape.members.items():
            wire_name = member.wire_name or name
            if member.has("xmlAttribute"):
                found.attributes.append((name, wire_name, text_encoder(member, "iso8601")))
                found.members[name] = None
            else:
                found.members[name] = self.element(wire_name, member) if only is None or only(member) else None
        return found

    def _structure_element(self, tag: str, shape: Shape) -> WriteElement:
        structure = self._structure(shape)
        namespace = namespace_attribute(shape.traits.get("xmlNamespace"))
        return lambda value: element(tag, structure.content(value), namespace + structure.attribute_text(value))

    def _list_element(self, tag: str, shape: Shape) -> WriteElement:
        if shape.has("flattened"):
            write = self.element(shape.member.wire_name or tag, shape.member)
            return lambda values: "".join([write(each) for each in values])
        write = self.element(shape.member.wire_name or "member", shape.member)
        namespace = namespace_attribute(shape.traits.get("xmlNamespace"))
        return lambda values: element(tag, "".join([write(each) for each in values]), namespace)

    def _map_element(self, tag: str, shape: Shape) -> WriteElement:
        write_key = self.element(shape.key.wire_name or "key", shape.key)
        write_value = self.element(shape.value.wire_name or "value", shape.value)
        entry = tag if shape.has("flattened") else "entry"

        def entries(values: Mapping[str, Any]) -> str:  # Any: member values
            return "".join(element(entry, write_key(key) + write_value(value)) for key, value in values.items())

        return entries if shape.has("flattened") else lambda values: element(tag, entries(values))


# ── reading ──


@dataclass(slots=True)
class Node:
    """One XML element, its prefixes removed."""

    tag: str
    attributes: Mapping[str, str]
    children: list[Node] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What stands in it directly."""
        return "".join(self.parts)

    def named(self, tag: str) -> list[Node]:
        """Return the children of that name."""
        return [child for child in self.children if child.tag == tag]


def malformed_xml() -> ServiceError:
    """Return what AWS answers to a body that is not the XML it should be."""
    return ServiceError(
        "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"
    )


def parse_xml(body: bytes) -> Node:
    """Return the root element of a document; raises MalformedXML. Document types, and so entities, are refused."""
    root = Node("", {})
    open_nodes = [root]

    def start(tag: str, attributes: Mapping[str, str]) -> None:
        node = Node(tag.rpartition(":")[2], attributes)
        open_nodes[-1].children.append(node)
        open_nodes.append(node)

    def end(_tag: str) -> None:
        open_nodes.pop()

    def text(data: str) -> None:
        open_nodes[-1].parts.append(data)

    def refuse(*_declaration: object) -> None:
        raise malformed_xml()

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)  # noqa: FBT003 - expat takes no keyword here
    except expat.ExpatError as error:
        raise malformed_xml() from error
    return root.children[0]


class XmlReader:
    """Builds the readers of one operation's shapes; a structure met twice is built once."""

    def __init__(self) -> None:
        self._known: dict[str, Callable[[Node], dict[str, Any]]] = {}  # Any: member values

    def nodes(self, shape: Shape) -> ReadNodes:
        """Return the reader of the elements that stand for one member: one, or several where it is flattened."""
        if shape.type == "structure":
            read = self.structure(shape)
            return lambda nodes: read(nodes[0])
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        decode = text_decoder(shape)
        return lambda nodes: decode(nodes[0].text)

    def structure(
        self, shape: Shape, only: Callable[[Shape], bool] | None = None
    ) -> Callable[[Node], dict[str, Any]]:  # Any: member values
        """Return the reader of a structure's members from its element; `only` picks some of them."""
        if only is None and shape.name in self._known:
            return self._known[shape.name]
        table: dict[str, tuple[str, ReadNodes]] = {}
        attributes: list[tuple[str, str]] = []

        def decode(node: Node) -> dict[str, Any]:  # Any: as above
            by_tag: dict[str, list[Node]] = {}
            for child in node.children:
                by_tag.setdefault(child.tag, []).append(child)
            found = {
                entry[0]: entry[1](nodes) for tag, nodes in by_tag.items() if (entry := table.get(tag)) is not None
            }
            found.update((name, node.attributes[key]) for name, key in attributes if key in node.attributes)
            return found

        if only is None:
            self._known[shape.name] = decode  # before the members, which may lead back here
        for name, member in shape.members.items():
            if only is None or only(member):
                if member.has("xmlAttribute"):
                    attributes.append((name, member.wire_name or name))
                else:
                    entry = (name, self.nodes(member))
                    table[member.wire_name or name] = entry
                    if member.type == "list" and member.has("flattened") and member.member.wire_name:
                        table.setdefault(member.member.wire_name, entry)
        return decode

    def _list(self, shape: Shape) -> ReadNodes:
        read = self.nodes(shape.member)
        if shape.has("flattened"):
            return lambda nodes: [read([node]) for node in nodes]
        tag = shape.member.wire_name or "member"
        return lambda nodes: [read([node]) for node in nodes[0].named(tag)]

    def _map(self, shape: Shape) -> ReadNodes:
        key_tag, value_tag = shape.key.wire_name or "key", shape.value.wire_name or "value"
        read_key, read_value = self.nodes(shape.key), self.nodes(shape.value)
        is_flattened = shape.has("flattened")

        def pairs(entries: list[Node]) -> Iterator[tuple[str, Any]]:  # Any: member values
            for entry in entries:
                key, value = entry.named(key_tag), entry.named(value_tag)
                if not key or not value:
                    raise malformed_xml()
                yield read_key(key), read_value(value)

        return lambda nodes: dict(pairs(nodes if is_flattened else nodes[0].named("entry")))
