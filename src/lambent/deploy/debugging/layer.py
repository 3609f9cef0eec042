"""The layer with the debugger: what waits for it, and for Python debugpy, from wherever the user has it."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lambent.aws.clients import AwsCallError, aws_errors
from lambent.deploy.errors import DeployError

_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT = frozenset({"__pycache__"})


def find_debugpy(places: Sequence[Path]) -> Path:
    """Return the package debugpy in the first of some folders that has it. Raises DeployError where none has."""
    for place in places:
        if (place / "debugpy" / "__init__.py").is_file():
            return place / "debugpy"
    raise DeployError(
        "debugpy is not installed in the project's environment.",
        "Run `pip install debugpy` there, or name the folder that has it in LAMBENT_DEBUGPY.",
    )


def python_files(waiting: bytes, debugpy: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the layer for Python functions."""
    yield "python/lambent_debug.py", waiting
    for file in sorted(debugpy.rglob("*")):
        if file.is_file() and not _LEFT_OUT.intersection(file.parts):
            yield f"python/debugpy/{file.relative_to(debugpy).as_posix()}", file.read_bytes()


def node_files(waiting: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the layer for Node.js functions, which bring the inspector themselves."""
    yield "nodejs/node_modules/lambent_debug/index.js", waiting
    yield "nodejs/node_modules/lambent_debug/package.json", b'{"type": "commonjs"}\n'


def published(client: Any, family: str, files: Iterator[tuple[str, bytes]]) -> str:  # Any: a boto3 client
    """Return the ARN of a layer of these files; it is published once, and stays for the next time."""
    listed = list(files)
    digest = hashlib.sha256()
    for name, content in listed:
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    layer = f"lambent-debugger-{family}-{digest.hexdigest()[:12]}"
    try:
        with aws_errors():
            known = client.list_layer_versions(LayerName=layer)["LayerVersions"]
    except AwsCallError as error:
        if error.status != 404:
            raise
        known = []
    if known:
        return str(known[0]["LayerVersionArn"])
    with aws_errors():
        made = client.publish_layer_version(
            LayerName=layer, Description="For `lambent invoke --debug`", Content={"ZipFile": _zipped(listed)}
        )
    return str(made["LayerVersionArn"])


def _zipped(files: Sequence[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in files:
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o100644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()
