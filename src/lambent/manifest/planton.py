"""Project Planton's manifests of AWS Lambda functions, accepted as they are.

`apiVersion: aws.project-planton.org/v1`, `kind: AwsLambda`, by itself, among other documents whose outputs it refers
to, or as the `target` of a stack input with `provider_config`. Fields may be in camel case or in snake case.

https://github.com/project-planton/project-planton (apis/project/planton/provider/aws/awslambda/v1)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambent.base.diagnostics import Diagnostic, Severity
from lambent.manifest.credentials import Credentials
from lambent.manifest.expression import Expression, Reference, parse_expression
from lambent.manifest.sources import Path, Sources
from lambent.manifest.system import Code, Function, Logs, Output, S3Code, System, Vpc

KIND = "AwsLambda"
Value = Any  # Any: text, numbers, booleans, None, lists and mappings of them
Document = tuple[dict[str, Value], Sources, list[Diagnostic]]
# What a reference without a fieldPath means, by field.
_USUAL_OUTPUTS = {"role_arn": "role_arn", "security_groups": "security_group_id", "kms_key_arn": "key_arn"}
_FIELDS = frozenset({
    "function_name", "description", "role_arn", "runtime", "handler", "memory_mb", "timeout_seconds",
    "reserved_concurrency", "environment", "subnets", "security_groups", "architecture", "layer_arns", "kms_key_arn",
    "code_source_type", "s3", "image_uri",
})  # fmt: skip
_ARCHITECTURES = {"": None, "ARCHITECTURE_UNSPECIFIED": None, "X86_64": "x86_64", "ARM64": "arm64"}
_SOURCES = {
    "CODE_SOURCE_TYPE_S3": "s3", "S3": "s3", "CODE_SOURCE_TYPE_IMAGE": "image", "IMAGE": "image",
    "CODE_SOURCE_TYPE_UNSPECIFIED": "", "": "",
}  # fmt: skip


def is_planton(document: Mapping[str, Value]) -> bool:
    """Return whether a document is a Planton manifest or a stack input with one."""
    inner = document.get("target", document)
    return isinstance(inner, Mapping) and str(_either(inner, "apiVersion") or "").endswith("project-planton.org/v1")


def parse_planton(
    documents: Sequence[Document],
) -> tuple[System | None, Sources, list[Diagnostic], Credentials | None]:
    """Return the system of the AwsLambda among the documents, or None with what is wrong with it."""
    found = [one for document in documents for one in document[2]]
    for document, sources, _ in documents:
        inner, path = (document["target"], ("target",)) if "target" in document else (document, ())
        if isinstance(inner, Mapping) and inner.get("kind") == KIND:
            reader = _Reader(inner, path, sources, [one[0] for one in documents])
            credentials = _credentials(document)
            system = reader.system(credentials)
            return (None if reader.found else system), sources, [*found, *reader.found], credentials
    sources = documents[0][1]
    kind = documents[0][0].get("kind")
    message = f"kind {kind} is not deployed here"
    found.append(Diagnostic(Severity.ERROR, "planton/kind", message, sources.span("kind"), f"Those of {KIND} are."))
    return None, sources, found, None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _either(mapping: Mapping[str, Value], camel: str) -> Value:
    return mapping.get(camel, mapping.get(_snake(camel)))


def _credentials(document: Mapping[str, Value]) -> Credentials | None:
    given = _either(document, "providerConfig") or _either(document, "providerCredential")
    if not isinstance(given, Mapping):
        return None
    key, secret = _either(given, "accessKeyId"), _either(given, "secretAccessKey")
    if not key or not secret:
        return None
    token, region = _either(given, "sessionToken"), given.get("region")
    return Credentials(
        str(key), str(secret), None if token is None else str(token), None if region is None else str(region)
    )


@dataclass(slots=True)
class _Reader:
    """One AwsLambda; what is wrong with it gathers in `found`."""

    manifest: Mapping[str, Value]
    path: Path
    sources: Sources
    others: Sequence[Mapping[str, Value]]
    found: list[Diagnostic]

    def __init__(
        self, manifest: Mapping[str, Value], path: Path, sources: Sources, others: Sequence[Mapping[str, Value]]
    ) -> None:
        self.manifest, self.path, self.sources, self.others, self.found = manifest, path, sources, others, []

    def system(self, credentials: Credentials | None) -> System | None:
        metadata = self.manifest.get("metadata")
        raw = self.manifest.get("spec")
        if not isinstance(metadata, Mapping) or not metadata.get("name"):
            self.error(("metadata",), "metadata.name: value is required", "Name the resource.")
            return None
        if not isinstance(raw, Mapping):
            self.error(("spec",), "spec: value is required", "Describe the function.")
            return None
        spec = {_snake(str(key)): value for key, value in raw.items()}
        for key in raw:
            if _snake(str(key)) not in _FIELDS:
                self.error(("spec", str(key)), f"spec.{key}: unknown field", f"Fields: {', '.join(sorted(_FIELDS))}.")
        names = {_snake(str(key)): str(key) for key in raw}
        for rule, field, message in _violations(spec):
            self.error(("spec", names.get(field, field)), message, "", rule=f"planton/{rule}")
        if self.found:
            return None
        name = str(spec["function_name"])
        role = self.expression(spec.get("role_arn"), "role_arn")
        layers = self.expressions(spec, "layer_arns")
        function = self.function(spec, name, role, layers)
        if function is None:
            return None
        tags = {key: parse_expression(value) for key, value in _tags(metadata).items()}
        region = None if credentials is None else credentials.region
        outputs = {
            "function_arn": Output(value=parse_expression("${functions.function.arn}")),
            "function_name": Output(value=parse_expression("${functions.function.name}")),
            "log_group_name": Output(value=parse_expression("${functions.function.log_group}")),
            "role_arn": Output(value=parse_expression("${functions.function.role_arn}")),
        }
        if layers:
            parts: list[str | Reference] = []
            for layer in layers:
                parts += ([","] if parts else []) + list(layer.parts)
            outputs["layer_arns"] = Output(value=Expression(tuple(parts)))
        return System(
            stack=str(metadata["name"]), region=region, functions={"function": function}, outputs=outputs, tags=tags
        )

    def function(
        self, spec: Mapping[str, Value], name: str, role: Expression | None, layers: tuple[Expression, ...]
    ) -> Function | None:
        image = _SOURCES[str(spec.get("code_source_type", ""))] == "image"
        vpc = Vpc(subnets=self.expressions(spec, "subnets"), security_groups=self.expressions(spec, "security_groups"))
        environment = spec.get("environment") or {}
        reserved = spec.get("reserved_concurrency")
        values: dict[str, Value] = {
            "name": parse_expression(name),
            "code": self.code(spec, image=image),
            "role": role,
            "memory": spec.get("memory_mb") or None,
            "timeout": spec.get("timeout_seconds") or None,
            "architecture": _ARCHITECTURES[str(spec.get("architecture", ""))],
            # Planton's texts are what they are: `${` in them is no reference.
            "environment": {str(key): Expression((str(value),)) for key, value in environment.items()},
            "kms_key": self.expression(spec.get("kms_key_arn"), "kms_key_arn"),
            "layers": layers or None,
            "vpc": vpc if vpc.subnets or vpc.security_groups else None,
            "logs": Logs(retention=30),
            # -1 is Planton's word for the unreserved pool.
            "reserved_concurrency": None if reserved in {None, -1} else reserved,
        }
        if spec.get("description"):
            values["description"] = Expression((str(spec["description"]),))
        if not image:
            values |= {"runtime": spec.get("runtime"), "handler": spec.get("handler")}
        if self.found:
            return None
        return Function.model_validate({key: value for key, value in values.items() if value is not None})

    def code(self, spec: Mapping[str, Value], *, image: bool) -> Code:
        if image:
            return Code(image=Expression((str(spec["image_uri"]),)))
        s3 = {_snake(str(key)): str(value) for key, value in spec["s3"].items() if value}
        version = s3.get("object_version")
        return Code(
            s3=S3Code(
                bucket=Expression((s3["bucket"],)),
                key=Expression((s3["key"],)),
                version=None if version is None else Expression((version,)),
            )
        )

    def expressions(self, spec: Mapping[str, Value], field: str) -> tuple[Expression, ...]:
        """Return a list of StringValueOrRef."""
        given = spec.get(field) or []
        if not isinstance(given, list):
            self.error(("spec", field), f"spec.{field}: has to be a list", "")
            return ()
        return tuple(found for one in given if (found := self.expression(one, field)) is not None)

    def expression(self, value: Value, field: str) -> Expression | None:
        """Return a StringValueOrRef: a text, `{value: …}`, or `{valueFrom: {kind, name, fieldPath}}`."""
        if value is None or value == "":
            return None
        if isinstance(value, str):
            return Expression((value,))
        if not isinstance(value, Mapping):
            self.error(("spec", field), f"spec.{field}: has to be {{value: …}} or {{valueFrom: …}}", "")
            return None
        if value.get("value"):
            return Expression((str(value["value"]),))
        reference = _either(value, "valueFrom")
        if not isinstance(reference, Mapping) or not reference.get("name"):
            self.error(("spec", field), f"spec.{field}: has neither a value nor a valueFrom with a name", "")
            return None
        return self.referred(reference, field)

    def referred(self, reference: Mapping[str, Value], field: str) -> Expression:
        """Return what a valueFrom means: an output told in this file, or else an export of the stack of that name."""
        name, kind = str(reference["name"]), reference.get("kind")
        usual = _USUAL_OUTPUTS.get(field, field)
        output = str(_either(reference, "fieldPath") or usual).removeprefix("status.outputs.")
        for other in self.others:
            named = isinstance(other.get("metadata"), Mapping) and other["metadata"].get("name") == name
            if named and kind in {None, other.get("kind")}:
                told = other.get("status", {}).get("outputs", {}).get(output)
                if told is not None:
                    return Expression((str(told),))
        return Expression((Reference(("stacks", name, output)),))

    def error(self, path: Path, message: str, advice: str, *, rule: str = "planton/field") -> None:
        span = self.sources.span(*self.path, *path)
        self.found.append(Diagnostic(Severity.ERROR, rule, message, span, advice))


def _tags(metadata: Mapping[str, Value]) -> dict[str, str]:
    """Return the six tags that every function receives; organisation and environment only where they are known."""
    name = str(metadata["name"])
    return {
        "resource": "true",
        "organization": str(metadata.get("org") or ""),
        "environment": str(metadata.get("env") or ""),
        "resource-kind": KIND,
        "resource-id": str(metadata.get("id") or ""),
        "name": name,
    }


Check = Callable[[Mapping[str, Value]], bool]


def _source(spec: Mapping[str, Value]) -> str:
    return _SOURCES[str(spec.get("code_source_type", ""))]


def _s3_is_whole(spec: Mapping[str, Value]) -> bool:
    return bool(spec.get("s3") and not spec.get("image_uri") and spec.get("runtime") and spec.get("handler"))


# The rules of spec.proto by their ids: the field they are about, what has to hold, and the message where it does not.
_RULES: Mapping[str, tuple[str, Check, str]] = {
    "code_source_type_required": ("code_source_type", lambda spec: _source(spec) != "", "code_source_type must be set"),
    "s3_requires_runtime_handler_and_excludes_image": (
        "s3",
        lambda spec: _source(spec) != "s3" or _s3_is_whole(spec),
        "when code_source_type is S3, set s3, runtime, and handler; image_uri must be empty",
    ),
    "image_requires_image_uri_and_excludes_s3": (
        "image_uri",
        lambda spec: _source(spec) != "image" or bool(spec.get("image_uri") and not spec.get("s3")),
        "when code_source_type is IMAGE, set image_uri and do not set s3",
    ),
    "memory_range_or_default": (
        "memory_mb",
        lambda spec: _within(spec.get("memory_mb"), 128, 10_240),
        "memory_mb must be between 128 and 10240 when set",
    ),
    "timeout_range_or_default": (
        "timeout_seconds",
        lambda spec: _within(spec.get("timeout_seconds"), 1, 900),
        "timeout_seconds must be between 1 and 900 when set",
    ),
    "reserved_concurrency_semantics": (
        "reserved_concurrency",
        lambda spec: _integer(spec.get("reserved_concurrency") or 0) and (spec.get("reserved_concurrency") or 0) >= -1,
        "reserved_concurrency must be -1, 0, or a positive integer",
    ),
}


def _integer(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _within(value: Value, least: int, most: int) -> bool:
    return value in {None, 0} or (_integer(value) and least <= value <= most)


def _violations(spec: Mapping[str, Value]) -> Iterator[tuple[str, str, str]]:
    """Yield the rule, the field and the message of each violation of the specification."""
    for field, known in (("code_source_type", _SOURCES), ("architecture", _ARCHITECTURES)):
        if str(spec.get(field, "")) not in known:
            yield "enum", field, f"spec.{field}: value must be one of the defined enum values"
    if str(spec.get("code_source_type", "")) not in _SOURCES:
        return
    for field in ("function_name", "role_arn"):
        if not spec.get(field):
            yield "required", field, f"spec.{field}: value is required"
    yield from ((rule, field, f"spec: {told}") for rule, (field, holds, told) in _RULES.items() if not holds(spec))
    s3 = spec.get("s3") if _source(spec) == "s3" else None
    for field in ("bucket", "key") if s3 else ():
        if not (isinstance(s3, Mapping) and s3.get(field)):
            yield "required", "s3", f"spec.s3.{field}: value length must be at least 1 characters"
