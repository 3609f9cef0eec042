"""Rules about a function by itself: name, runtime, sizes, environment, layers, code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from lambent.aws.quotas import (
    DEFAULT_EPHEMERAL_STORAGE_MB,
    ENVIRONMENT_VARIABLES_BYTES,
    FUNCTION_NAME_LENGTH,
    LAYERS_PER_FUNCTION,
    MAXIMUM_EPHEMERAL_STORAGE_MB,
    MAXIMUM_MEMORY_MB,
    MAXIMUM_TIMEOUT_S,
    MINIMUM_MEMORY_MB,
)
from lambent.base.diagnostics import Diagnostic
from lambent.manifest.checks.subject import Place, bounds, constraint, literal
from lambent.manifest.system import Function
from lambent.manifest.words import did_you_mean

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html, as of November 2026: those that can be created.
RUNTIMES = (
    "dotnet10", "dotnet8", "java11", "java17", "java21", "java25", "java8.al2", "nodejs20.x", "nodejs22.x",
    "nodejs24.x", "provided.al2", "provided.al2023", "python3.10", "python3.11", "python3.12", "python3.13",
    "python3.14", "ruby3.2", "ruby3.3", "ruby3.4",
)  # fmt: skip
# Those without further security updates, with the day of their deprecation.
DEPRECATED = {
    "nodejs12.x": "2023-03-31", "nodejs14.x": "2023-12-04", "nodejs16.x": "2024-06-12", "nodejs18.x": "2025-09-01",
    "nodejs20.x": "2026-04-30", "python3.6": "2022-07-18", "python3.7": "2023-12-04", "python3.8": "2024-10-14",
    "python3.9": "2025-12-15", "python3.10": "2026-10-31", "ruby2.7": "2023-12-07", "ruby3.2": "2026-03-31",
    "dotnet6": "2024-12-20", "dotnet7": "2024-05-14", "dotnetcore3.1": "2023-04-03", "go1.x": "2024-01-08",
    "java8": "2024-01-08", "provided": "2024-01-08",
}  # fmt: skip
RUN_HERE = ("python", "nodejs", "provided")
"""The runtimes that the platform runs begin so (docs/differences.md)."""
_NEWEST = {"python": "python3.13", "nodejs": "nodejs22.x", "ruby": "ruby3.4", "dotnet": "dotnet8", "java": "java21"}
_NAME = re.compile(r"[a-zA-Z0-9-_]+\Z")
_VARIABLE = re.compile(r"[a-zA-Z]([a-zA-Z0-9_])+\Z")
_HERE = "000000000000"  # the platform's own account; where it stands, botocore is imported too
_LAYER = re.compile(r"arn:[^:]+:lambda:[a-z0-9-]+:\d{12}:layer:[A-Za-z0-9-_]+:\d+\Z")
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
RESERVED = frozenset({
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_MAX_CONCURRENCY", "AWS_LAMBDA_METADATA_API", "AWS_LAMBDA_METADATA_TOKEN",
})  # fmt: skip
_ENVIRONMENT = (
    "Lambda was unable to configure your environment variables because the environment variables you have provided"
)


def check_function(function: Function, name: str | None, place: Place) -> Iterator[Diagnostic]:
    """Yield what is wrong with a function by itself; `name` is its name on AWS where it is known."""
    yield from _naming(function, name, place)
    yield from _code(function, place)
    yield from _bundle(function, place)
    yield from _runtime(function, place)
    yield from _sizes(function, place)
    yield from _environment(function, place)
    yield from _layers(function, place)


def _naming(function: Function, name: str | None, place: Place) -> Iterator[Diagnostic]:
    if name is not None and not (_NAME.match(name) and len(name) <= FUNCTION_NAME_LENGTH):
        message = constraint(
            name, "functionName", "Member must satisfy regular expression pattern: [a-zA-Z0-9-_]{1,64}"
        )
        wrong = list(dict.fromkeys(one for one in name if not _NAME.match(one)))
        advice = f"It has {len(name)} characters. Give it a shorter `name`, or shorten the stack's or its key."
        if wrong:
            told = " and ".join("a blank" if one.isspace() else f"`{one}`" for one in wrong)
            advice = (
                f"It has {told} in it. Give it a `name` of letters, digits, hyphens and underscores, or another key."
            )
        yield place.found("function-name", message, advice, "name", key=True)
    description = literal(function.description)
    if description is not None and len(description) > 256:
        message = constraint(description[:40] + "…", "description", "Member must have length less than or equal to 256")
        yield place.found("description", message, f"It has {len(description)} characters.", "description")


def _code(function: Function, place: Place) -> Iterator[Diagnostic]:
    code = function.code
    given = [name for name in ("path", "s3", "image", "inline") if getattr(code, name) is not None]
    if len(given) != 1:
        told = " and ".join(given) or "nothing"
        message = f"code says {told}"
        yield place.found("code-source", message, "Give exactly one of path, s3, image, inline.", "code", key=True)
    if code.inline is not None and not (function.runtime or "").startswith(("python", "nodejs")):
        message = (
            f"ZipFile can only be used when Runtime is set to either of nodejs or python. Runtime: {function.runtime}"
        )
        yield place.found("code-source", message, "Put the code into a folder.", "code")


def _bundle(function: Function, place: Place) -> Iterator[Diagnostic]:
    if not function.bundle:
        return
    if function.code.path is None or not (function.runtime or "").startswith("nodejs"):
        message = f"bundle is for folders of Node.js functions, not for {function.runtime or 'none'}"
        yield place.found("bundle", message, "Take `bundle` out.", "bundle", key=True)
    elif function.requirements is not None:
        message = "bundle and requirements say two different things about the function's packages"
        yield place.found(
            "bundle", message, "Take one of them out: a bundle has in it what is imported.", "requirements"
        )


def _runtime(function: Function, place: Place) -> Iterator[Diagnostic]:
    if function.code.image is not None:
        for name in ("runtime", "handler", "layers"):
            if getattr(function, name):
                message = f"Please don't provide {name.capitalize()} when the intended function PackageType is Image."
                yield place.found("image-runtime", message, f"Take `{name}` out: the image says it.", name, key=True)
        return
    for name in ("runtime", "handler"):
        if not getattr(function, name):
            message = "Runtime and Handler are mandatory parameters for functions created with deployment packages."
            yield place.found("runtime-missing", message, f"Add `{name}` here or under `defaults`.", key=True)
    if function.runtime:
        yield from _known_runtime(function.runtime, place)
    if function.handler is not None and (len(function.handler) > 128 or re.search(r"\s", function.handler)):
        message = constraint(function.handler, "handler", r"Member must satisfy regular expression pattern: [^\s]+")
        yield place.found("handler", message, "Write it as file.function.", "handler")


def _known_runtime(runtime: str, place: Place) -> Iterator[Diagnostic]:
    if runtime not in RUNTIMES and runtime not in DEPRECATED:
        message = f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [{', '.join(RUNTIMES)}] or be a valid ARN"
        advice = did_you_mean(runtime, RUNTIMES, otherwise="Write one of them.")
        yield place.found("runtime-unknown", message, advice, "runtime")
    elif (since := DEPRECATED.get(runtime)) is not None:
        newest = next((new for family, new in _NEWEST.items() if runtime.startswith(family)), "provided.al2023")
        message = f"{runtime} is deprecated since {since}: AWS no longer mends its security"
        yield place.found("runtime-deprecated", message, f"Move to {newest}.", "runtime")


def _sizes(function: Function, place: Place) -> Iterator[Diagnostic]:
    managed = function.capacity_provider is not None
    if function.memory is not None and not managed:
        message = bounds(function.memory, "memorySize", MINIMUM_MEMORY_MB, MAXIMUM_MEMORY_MB)
        if message:
            yield place.found("memory", message, "Memory is given in MB.", "memory")
    if function.timeout is not None and not managed:
        message = bounds(function.timeout, "timeout", 1, MAXIMUM_TIMEOUT_S)
        if message:
            yield place.found("timeout", message, "A timeout is given in seconds, or as 30s, 15m.", "timeout")
    if function.ephemeral_storage is not None:
        message = bounds(
            function.ephemeral_storage,
            "ephemeralStorage.size",
            DEFAULT_EPHEMERAL_STORAGE_MB,
            MAXIMUM_EPHEMERAL_STORAGE_MB,
        )
        if message:
            yield place.found("ephemeral-storage", message, "/tmp is given in MB.", "ephemeral_storage")


def _environment(function: Function, place: Place) -> Iterator[Diagnostic]:
    for name in function.environment:
        if name in RESERVED:
            message = f"{_ENVIRONMENT} contains reserved keys that are currently not supported for modification. Reserved keys used in this request: {name}"
            advice = f"Take it out: Lambda sets {name} itself, and the function can read it."
            yield place.found("reserved-environment-variable", message, advice, "environment", name, key=True)
        elif not _VARIABLE.match(name):
            message = constraint(name, "environment.variables", "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]")  # fmt: skip
            yield place.found("environment-variable-name", message, "Begin with a letter; two characters at least.", "environment", name, key=True)  # fmt: skip
    known = {name: value.literal or "" for name, value in function.environment.items()}
    text = json.dumps(known, separators=(",", ":"))
    if len(text.encode()) > ENVIRONMENT_VARIABLES_BYTES:
        message = f"{_ENVIRONMENT} exceeded the 4KB limit. String measured: {text[:60]}…"
        advice = (
            f"They have {len(text.encode())} bytes. Keep large values in SSM parameters or in a file of the package."
        )
        yield place.found("environment-size", message, advice, "environment", key=True)


def _layers(function: Function, place: Place) -> Iterator[Diagnostic]:
    layers = function.layers or ()
    if len(layers) > LAYERS_PER_FUNCTION:
        advice = f"It has {len(layers)}. Put some together, or into the package."
        yield place.found("layer-count", "Cannot reference more than 5 layers.", advice, "layers", key=True)
    seen: dict[str, str] = {}
    for index, layer in enumerate(layers):
        arn = layer.literal
        if arn is None:
            continue
        if not _LAYER.match(arn):
            message = constraint(
                arn, "layers", "Member must satisfy regular expression pattern: arn:…:layer:NAME:VERSION"
            )
            advice = "Write the ARN of a version (it ends with a number), or ${layers.NAME}."
            yield place.found("layer-arn", message, advice, "layers", index)
        elif (other := seen.setdefault(arn.rpartition(":")[0], arn)) != arn:
            message = f"Two different versions of the same layer are not allowed to be referenced in the same function. {other} and {arn} are versions of the same layer."
            yield place.found("layer-arn", message, "Take one of them out.", "layers", index)
        elif (owner := arn.split(":")[4]) != _HERE:
            message = f"The platform here has no layers of account {owner} and refuses the function until one is published there."
            advice = "For work here put what the layer brings into the package, or a layer of the manifest."
            yield place.found("layer-elsewhere", message, advice, "layers", index)
