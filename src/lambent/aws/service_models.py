"""AWS's service models, as botocore ships them: the only door to its data.

Only botocore's data files are read, never its code: importing `botocore.model` costs more than the whole platform may
take to start. A model is loaded when first asked for, without its documentation, and its shapes are made as they are
reached.
"""

from __future__ import annotations

import functools
import gzip
import json
import threading
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

Traits = Mapping[str, Any]  # Any: model traits are JSON of many forms; the properties below give them types

_EXTRAS = Path(__file__).with_name("extras")
_METADATA = '"metadata":'
_METADATA_FITS_IN = 8192  # bytes: it stands first in every model
_models: dict[str, ServiceModel] = {}
_loading = threading.Lock()


class UnknownServiceError(LookupError):
    """There is no service of that name in the installed models."""


class Shape:
    """One shape as its place sees it: the traits of the reference laid over those of the shape itself.

    `name` is the shape's, `type` its kind (`structure`, `list`, `map`, `string`, `integer`, …).
    """

    __slots__ = ("_cache", "_model", "name", "traits", "type")

    def __init__(self, model: ServiceModel, name: str, traits: Traits) -> None:
        self._model = model
        self._cache: dict[str, Shape] | None = None
        self.name = name
        self.traits = traits
        self.type: str = traits["type"]

    def __repr__(self) -> str:
        return f"Shape({self.name}: {self.type})"

    @property
    def members(self) -> Mapping[str, Shape]:
        """The members of a structure by their names; empty for other types."""
        if self._cache is None:
            found: Mapping[str, Traits] = self.traits.get("members", {})
            self._cache = {name: self._model.resolve(reference) for name, reference in found.items()}
        return self._cache

    @property
    def member(self) -> Shape:
        """What a list holds."""
        return self._model.resolve(self.traits["member"])

    @property
    def key(self) -> Shape:
        """What a map's keys are."""
        return self._model.resolve(self.traits["key"])

    @property
    def value(self) -> Shape:
        """What a map holds."""
        return self._model.resolve(self.traits["value"])

    @property
    def required(self) -> tuple[str, ...]:
        """The members that must be given."""
        return tuple(self.traits.get("required", ()))

    @property
    def enum(self) -> tuple[str, ...]:
        """The values a string may have; empty where any will do."""
        return tuple(self.traits.get("enum", ()))

    @property
    def location(self) -> str | None:
        """Where HTTP carries it: `uri`, `querystring`, `header`, `headers`, `statusCode`; None is the body."""
        found: str | None = self.traits.get("location")
        return found

    @property
    def wire_name(self) -> str | None:
        """The name it bears on the wire where that is not the member's own."""
        found: str | None = self.traits.get("locationName")
        return found

    @property
    def payload(self) -> str | None:
        """The member that is the HTTP body by itself."""
        found: str | None = self.traits.get("payload")
        return found

    @property
    def timestamp_format(self) -> str | None:
        """`iso8601`, `rfc822` or `unixTimestamp`, where the model departs from the protocol's default."""
        found: str | None = self.traits.get("timestampFormat")
        return found

    def has(self, trait: str) -> bool:
        """Whether a yes-or-no trait is set, such as `flattened`, `streaming`, `eventstream`, `document`."""
        return bool(self.traits.get(trait))

    @property
    def event_stream_member(self) -> str | None:
        """The member that is a stream of events."""
        return next((name for name, member in self.members.items() if member.has("eventstream")), None)


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """An error a service can answer: its shape, the code query protocols print, its status and whose fault it is."""

    shape: Shape
    code: str
    status: int
    is_senders_fault: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a service, as the model describes it.

    `request_uri` is the URI template, query literals included; `status` is the HTTP status of success.
    """

    service: ServiceModel
    name: str
    method: str
    request_uri: str
    status: int
    input: Shape | None
    output: Shape | None
    result_wrapper: str | None
    errors: tuple[str, ...]
    host_prefix: str | None
    is_deprecated: bool

    def __hash__(self) -> int:
        return hash((self.service.name, self.name))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Operation) and (self.service.name, self.name) == (other.service.name, other.name)


class ServiceModel:
    """A service: what it is called, what it speaks, and its operations, by AWS's names.

    `name` is botocore's; `protocols` lists what its clients may send, the one they prefer first.
    """

    def __init__(self, name: str, description: Traits) -> None:
        metadata: Traits = description["metadata"]
        self.name = name
        self.metadata = metadata
        self.endpoint_prefix: str = metadata["endpointPrefix"]
        self.signing_name: str = metadata.get("signingName", self.endpoint_prefix)
        self.service_id: str = metadata.get("serviceId", name)
        self.api_version: str = metadata["apiVersion"]
        self.target_prefix: str | None = metadata.get("targetPrefix")
        self.json_version: str = metadata.get("jsonVersion", "1.0")
        self.protocol: str = metadata["protocol"]
        self.protocols: tuple[str, ...] = tuple(metadata.get("protocols") or (self.protocol,))
        self.xml_namespace: str | None = metadata.get("xmlNamespace")
        self.is_query_compatible = "awsQueryCompatible" in metadata
        self._shapes: Mapping[str, Traits] = description["shapes"]
        self._raw_operations: Mapping[str, Traits] = description["operations"]
        self._operations: dict[str, Operation] = {}
        self._plain_shapes: dict[str, Shape] = {}

    def __repr__(self) -> str:
        return f"ServiceModel({self.name})"

    @property
    def operation_names(self) -> tuple[str, ...]:
        """The names of all operations, in the model's order."""
        return tuple(self._raw_operations)

    @property
    def speaks_query(self) -> bool:
        """Whether clients may speak query: also those services whose models tell it of older clients alone."""
        return "query" in self.protocols or self.is_query_compatible

    @property
    def http_bindings(self) -> Iterator[tuple[str, str, str]]:
        """Each operation's name, HTTP method and URI template, without making the operations."""
        for name, raw in self._raw_operations.items():
            yield name, raw["http"]["method"], raw["http"]["requestUri"]

    def operation(self, name: str) -> Operation | None:
        """Return the operation AWS calls `name`, or None."""
        found = self._operations.get(name)
        if found is None and name in self._raw_operations:
            found = self._operations[name] = self._make_operation(name, self._raw_operations[name])
        return found

    def shape(self, name: str) -> Shape:
        """Return the shape of that name; raises KeyError where there is none."""
        found = self._plain_shapes.get(name)
        if found is None:
            found = self._plain_shapes[name] = Shape(self, name, self._shapes[name])
        return found

    def resolve(self, reference: Traits) -> Shape:
        """Return the shape a reference names, with the reference's traits laid over its own."""
        name = reference["shape"]
        return self.shape(name) if len(reference) == 1 else Shape(self, name, {**self._shapes[name], **reference})

    def error(self, code: str) -> ErrorModel | None:
        """Return the error whose shape or wire code is `code`, or None where the model does not list it."""
        return self._errors.get(code)

    @functools.cached_property
    def _errors(self) -> Mapping[str, ErrorModel]:
        by_shape = {
            name: self._make_error(name, raw)
            for name, raw in self._shapes.items()
            if raw.get("exception") or "error" in raw
        }
        by_code = {error.code: error for error in by_shape.values()}
        return by_code | by_shape

    def _make_error(self, name: str, raw: Traits) -> ErrorModel:
        error: Traits = raw.get("error", {})
        status: int = error.get("httpStatusCode", 500 if raw.get("fault") else 400)
        blames_sender: bool = error.get("senderFault", status < 500)
        return ErrorModel(self.shape(name), error.get("code", name), status, blames_sender)

    def _make_operation(self, name: str, raw: Traits) -> Operation:
        http: Traits = raw["http"]
        given: Traits | None = raw.get("input")
        answered: Traits | None = raw.get("output")
        return Operation(
            service=self,
            name=name,
            method=http["method"],
            request_uri=http["requestUri"],
            status=int(http.get("responseCode", 200)),
            input=self.resolve(given) if given else None,
            output=self.resolve(answered) if answered else None,
            result_wrapper=answered.get("resultWrapper") if answered else None,
            errors=tuple(error["shape"] for error in raw.get("errors", ())),
            host_prefix=raw.get("endpoint", {}).get("hostPrefix"),
            is_deprecated=bool(raw.get("deprecated")),
        )


@dataclass(frozen=True, slots=True)
class ServiceSummary:
    """What can be said of a service without loading its model."""

    name: str
    signing_name: str
    target_prefix: str | None
    api_version: str
    protocols: tuple[str, ...]
    is_query_compatible: bool


def service_model(name: str) -> ServiceModel:
    """Return the newest model of the service botocore calls `name`; raises UnknownServiceError."""
    found = _models.get(name)
    if found is None:
        # Whoever comes second waits for the first: a large model is not made twice.
        with _loading:
            found = _models.get(name) or _models.setdefault(name, _load(name))
    return found


@functools.cache
def query_model(name: str) -> ServiceModel:
    """Return the model of a service that used to speak query, with the names that its members have there.

    The published models of such services (awsQueryCompatible) speak of what they turned to alone; the names are in a
    file of ours. Raises UnknownServiceError where there is none.
    """
    names = _own_extras(name).get("query")
    if names is None:
        raise UnknownServiceError(f"{name} in query")
    description = _description(name)
    _merge(description, names)
    for operation, raw in description["operations"].items():
        if "output" in raw:
            raw["output"]["resultWrapper"] = f"{operation}Result"
    return ServiceModel(name, description)


def is_loaded(name: str) -> bool:
    """Whether the model of that service has been loaded, so that asking for it costs nothing."""
    return name in _models


def _load(name: str) -> ServiceModel:
    return ServiceModel(name, _description(name))


def _description(name: str) -> dict[str, Any]:  # Any: a model is JSON of many forms
    path = _model_path(name)
    if path is None:
        raise UnknownServiceError(name)
    content = path.read_bytes()
    description: dict[str, Any] = orjson.loads(  # Any: a model is JSON of many forms
        gzip.decompress(content) if path.suffix == ".gz" else content
    )
    for extras in sorted(path.parent.glob("service-2.*-extras.json")):
        _merge(description, orjson.loads(extras.read_bytes()).get("merge", {}))
    _merge(description, _own_extras(name).get("merge", {}))
    _drop_documentation(description)
    return description


def _own_extras(name: str) -> Mapping[str, Any]:  # Any: as above
    """Return what AWS's services do and the published models no longer say, in the form of botocore's own extras."""
    path = _EXTRAS / f"{name}.json"
    found: Mapping[str, Any] = orjson.loads(path.read_bytes()) if path.is_file() else {}  # Any: as above
    return found


def has_service(name: str) -> bool:
    """Whether the installed models describe a service of that name."""
    return _model_path(name) is not None


@functools.cache
def service_names() -> tuple[str, ...]:
    """Return the botocore names of all services, sorted."""
    return tuple(sorted(path.name for path in _data_root().iterdir() if _model_path(path.name)))


@functools.cache
def service_summaries() -> tuple[ServiceSummary, ...]:
    """Return a summary of every service, read from the head of each model; some hundred milliseconds, once."""
    return tuple(_summarise(name) for name in service_names())


def has_summaries() -> bool:
    """Whether the summaries have been read, so that asking for them costs nothing."""
    return service_summaries.cache_info().currsize > 0


@functools.cache
def services_signed_as(signing_name: str) -> tuple[str, ...]:
    """Return the services whose requests are signed under that name, the one that bears it first."""
    found = [each.name for each in service_summaries() if each.signing_name == signing_name]
    return tuple(sorted(found, key=lambda name: (name != signing_name, name)))


def _summarise(name: str) -> ServiceSummary:
    path = _model_path(name)
    if path is None:
        raise UnknownServiceError(name)
    with path.open("rb") as file:
        head = file.read(_METADATA_FITS_IN)
    if path.suffix == ".gz":
        head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, _METADATA_FITS_IN)
    text = head.decode("utf-8", "ignore")
    start = text.index(_METADATA) + len(_METADATA)
    metadata: Traits = json.JSONDecoder().raw_decode(text[start:].lstrip())[0]
    return ServiceSummary(
        name=name,
        signing_name=metadata.get("signingName", metadata["endpointPrefix"]),
        target_prefix=metadata.get("targetPrefix"),
        api_version=metadata["apiVersion"],
        protocols=tuple(metadata.get("protocols") or (metadata["protocol"],)),
        is_query_compatible="awsQueryCompatible" in metadata,
    )


@functools.cache
def _data_root() -> Path:
    # find_spec locates the package without running it.
    spec = find_spec("botocore")
    if spec is None or spec.origin is None:
        raise UnknownServiceError("botocore's service models are not installed")
    return Path(spec.origin).parent / "data"


@functools.cache
def _model_path(name: str) -> Path | None:
    if not name or "/" in name or name.startswith("."):
        return None
    folder = _data_root() / name
    versions = sorted((path for path in folder.iterdir() if path.is_dir()), reverse=True) if folder.is_dir() else []
    for version in versions:
        for file in (version / "service-2.json.gz", version / "service-2.json"):
            if file.is_file():
                return file
    return None


def _merge(base: dict[str, Any], extra: Mapping[str, Any]) -> None:  # Any: a model is JSON of many forms
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def _drop_documentation(description: Mapping[str, Any]) -> None:  # Any: a model is JSON of many forms
    # Prose is four fifths of a model; the platform has little memory to spend and no use for it.
    for operation in description["operations"].values():
        operation.pop("documentation", None)
    for shape in description["shapes"].values():
        shape.pop("documentation", None)
        for reference in shape.get("members", {}).values():
            reference.pop("documentation", None)
        for element in ("member", "key", "value"):
            if element in shape:
                shape[element].pop("documentation", None)
