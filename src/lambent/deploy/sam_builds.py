"""What a SAM template says of building, in the `Metadata` of its functions: esbuild is done here, the rest is refused.

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-using-build-typescript.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from lambent.compiler.result import BundleWanted
from lambent.deploy.errors import DeployError
from lambent.manifest.handlers import node_module
from lambent.template.document import Value

_ESBUILD = "esbuild"
# What `sam build` does for these is done to every folder: packages are installed as the runtime asks for it.
_RUNTIME = re.compile(r"(python3\.\d+|nodejs\d+\.x)\Z")
_TOGETHER = "Run `sam build`, and deploy .aws-sam/build/template.yaml, which it makes."


def layer_runtime(name: str, resource: Mapping[str, Value], base: Path) -> str:
    """Return the runtime that a layer is built for, or "". Raises DeployError for what only `sam build` does."""
    return _method(name, resource, base)


def built_on(resource: Mapping[str, Value]) -> list[str]:
    """Return the architecture that a layer's metadata says it is built for, where it says one."""
    metadata = resource.get("Metadata")
    said = metadata.get("BuildArchitecture") if isinstance(metadata, Mapping) else None
    return [said] if isinstance(said, str) else []


def require_built(name: str, resource: Mapping[str, Value], said: Mapping[str, Value]) -> None:
    """Raise DeployError for a function whose image nobody has built yet; `said` are its properties and the globals."""
    code = said.get("Code")
    if "ImageUri" in said or (isinstance(code, Mapping) and "ImageUri" in code):
        return
    metadata = resource.get("Metadata")
    context = metadata.get("DockerContext") if isinstance(metadata, Mapping) else None
    made = f", to be built from {context}" if isinstance(context, str) else ""
    raise DeployError(
        f"{name} is a container image{made}: images are built and pushed by `sam build` and `sam package`, not here.",
        "Name the image where it was pushed to, with ImageUri.",
    )


def bundle_of(name: str, resource: Mapping[str, Value], handler: object, base: Path) -> BundleWanted | None:
    """Return how a function is bundled, or None. Raises DeployError for what only `sam build` does."""
    if _method(name, resource, base, _ESBUILD) != _ESBUILD:
        return None
    metadata = resource["Metadata"]
    properties = metadata.get("BuildProperties") or {}
    if not isinstance(handler, str) or not isinstance(properties, Mapping):
        raise DeployError(f"{name} is to be bundled, and its handler or its BuildProperties cannot be read.", _TOGETHER)
    options = {"Minify": True, **properties}
    entries = _texts(name, "EntryPoints", options.pop("EntryPoints", []))
    if len(entries) > 1:
        raise DeployError(f"{name} has several EntryPoints; a function has one handler.", _TOGETHER)
    told = tuple(option for key, value in options.items() for option in _options(name, key, value))
    return BundleWanted(node_module(handler), entries[0] if entries else "", told)


def show_source_maps(bundle: BundleWanted, properties: dict[str, Value], usual: Mapping[str, Value]) -> None:
    """Let Node.js read the source maps of a bundle, as SAM does, unless the function or the globals say otherwise."""
    both = [_variables(one) for one in (properties, usual)]
    if "--sourcemap" not in bundle.options or any(one is None or "NODE_OPTIONS" in one for one in both):
        return
    environment = properties.setdefault("Environment", {})
    environment.setdefault("Variables", {})["NODE_OPTIONS"] = "--enable-source-maps"


def _variables(properties: Mapping[str, Value]) -> Mapping[str, Value] | None:
    """Return the environment variables of a function; None where they are not spelt out."""
    environment = properties.get("Environment", {})
    found = environment.get("Variables", {}) if isinstance(environment, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _method(name: str, resource: Mapping[str, Value], base: Path, *offered: str) -> str:
    """Return the build method that a resource names: a runtime, or one that is offered; "" where nothing is left."""
    metadata = resource.get("Metadata")
    method = metadata.get("BuildMethod") if isinstance(metadata, Mapping) else None
    if not isinstance(method, str) or ".aws-sam" in base.absolute().parts:
        return ""
    if method not in offered and not _RUNTIME.match(method):
        raise DeployError(f"{name} is built by {method}, which is done by `sam build` alone.", _TOGETHER)
    return method


def _options(name: str, key: str, value: Value) -> Iterator[str]:
    """Yield esbuild's options for one of SAM's properties."""
    if key in _SWITCHES:
        if not isinstance(value, bool):
            raise DeployError(f"{name}: {key} of BuildProperties is true or false, not {value!r}.", "")
        yield from _SWITCHES[key](value)
    elif key in _LISTS:
        for one in _texts(name, key, value):
            yield f"{_LISTS[key]}{one}"
    elif key in {"Target", "Format"} and isinstance(value, str):
        yield f"--{key.lower()}={value}"
    elif key == "MainFields":
        yield f"--main-fields={','.join(_texts(name, key, value))}"
    elif key == "OutExtension" and _texts(name, key, value) in ([".js=.mjs"], [".js=.js"]):
        return  # how the bundle is named anyway, by its format
    else:
        raise DeployError(f"{name}: {key} of BuildProperties is not offered with the value {value!r}.", _TOGETHER)


_SWITCHES: Mapping[str, Callable[[bool], tuple[str, ...]]] = {
    "Minify": lambda is_on: ("--minify",) if is_on else (),
    "KeepNames": lambda is_on: ("--keep-names",) if is_on else (),
    "Sourcemap": lambda is_on: ("--sourcemap",) if is_on else (),
    "SourcesContent": lambda is_on: () if is_on else ("--sources-content=false",),
}
_LISTS = {"External": "--external:", "Loader": "--loader:", "Banner": "--banner:", "Define": "--define:"}


def _texts(name: str, key: str, value: Value) -> list[str]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise DeployError(f"{name}: {key} of BuildProperties is a list of texts, not {value!r}.", "")
    return [one for one in listed if isinstance(one, str)]
