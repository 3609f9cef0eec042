"""Archives made to get out of their folder or to fill the disk, by every way in which code comes to the platform."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.builders import zip_of
from lambent.testing.pytest_plugin import ClientFactory

_UNREADABLE = "Could not unzip uploaded file. Please check your file, then try to upload again."
_TOO_LARGE = "Unzipped size must be smaller than 262144000 bytes"
_LINK = stat.S_IFLNK | 0o777
_DEVICE = stat.S_IFBLK | 0o666


def _entry(name: str, content: str = "x", mode: int = 0o644) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        archive.writestr(entry, content)
    return buffer.getvalue()


@cache
def _swelling() -> bytes:
    """260 KB that become 262,144,000 bytes."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("zeros", "w") as target,
    ):
        for _ in range(250):
            target.write(bytes(1_048_576))
    return buffer.getvalue()


def _lying() -> bytes:
    """An entry that is longer than both of its headers say."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(1_000_000))
    return buffer.getvalue().replace(struct.pack("<L", 1_000_000), struct.pack("<L", 10))


ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "a name above the folder": (lambda: _entry("../../../../tmp/out.py"), _UNREADABLE),
    "a name above the folder, on a detour": (lambda: _entry("lib/../../out.py"), _UNREADABLE),
    "an absolute name": (lambda: _entry("/tmp/out.py"), _UNREADABLE),
    "a link to a file of the machine": (lambda: _entry("passwd", "/etc/passwd", _LINK), _UNREADABLE),
    "a link out of the folder": (lambda: _entry("lib/up", "../../..", _LINK), _UNREADABLE),
    "bytes that swell": (_swelling, _TOO_LARGE),
    "an entry longer than it says": (_lying, _UNREADABLE),
}


WAYS = ("CreateFunction", "UpdateFunctionCode", "PublishLayerVersion")


@pytest.fixture
def functions(aws: ClientFactory) -> Any:  # Any: a boto3 client
    return aws("lambda")


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.parametrize("way", WAYS)
def test_a_hostile_archive_is_refused_with_lambdas_words(
    role: str,
    functions: Any,  # Any: as above
    way: str,
    name: str,
) -> None:
    make, message = ARCHIVES[name]
    with pytest.raises(ClientError) as refused:
        _bring(role, functions, way, make())
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert refused.value.response["Error"]["Message"] == message


def test_a_device_in_an_archive_becomes_a_plain_file(role: str, functions: Any) -> None:  # Any: as above
    _bring(role, functions, "CreateFunction", _entry("sda", mode=_DEVICE))
    assert functions.get_function(FunctionName="f")["Configuration"]["CodeSize"] > 0


def _bring(role: str, functions: Any, way: str, archive: bytes) -> None:  # Any: a boto3 client
    if way == "PublishLayerVersion":
        functions.publish_layer_version(LayerName="l", Content={"ZipFile": archive})
        return
    first = archive if way == "CreateFunction" else zip_of({"handler.py": "x"})
    functions.create_function(
        FunctionName="f",
        Runtime="python3.13",
        Handler="handler.handler",
        Role=role,
        Code={"ZipFile": first},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.02, "MaxAttempts": 500})
    if way == "UpdateFunctionCode":
        functions.update_function_code(FunctionName="f", ZipFile=archive)
