"""How moto's process reads the data files of botocore and moto: with orjson, and those that several sessions read once.

Reading them is most of what the first request for a service waits for. Loading moto's EC2 alone makes three boto3
sessions, which read the endpoints of all services and EC2's model anew each.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path
from typing import Any

import botocore.loaders
import moto
import orjson
from moto.utilities import utils

_MOTO = Path(moto.__file__).parent


class _Loader(botocore.loaders.JSONFileLoader):
    """botocore's own, but for the reader of JSON."""

    def load_file(self, file_path: str) -> Any:  # Any: JSON
        if file_path.endswith("/service-2"):
            return _model(file_path)
        content = _content_of(file_path)
        return None if content is None else orjson.loads(content)


def read_data_files_quickly() -> None:
    """From now on, in this process: to be said before moto's services are loaded."""
    botocore.loaders.Loader.FILE_LOADER_CLASS = _Loader
    setattr(utils, "load_resource", _resource)  # noqa: B010 - in place of a function, which no checker follows


@lru_cache(maxsize=2)
def _model(path: str) -> Any:  # Any: JSON
    """Return a service's model, the largest of the files, which sessions share.

    What botocore changes of it (its extras), it changes to the same each time.
    """
    content = _content_of(path)
    return None if content is None else orjson.loads(content)


@lru_cache(maxsize=16)
def _content_of(path: str) -> bytes | None:
    """Return a file of botocore's by its path without extension; None where there is none."""
    for extension, read in ((".json", Path.read_bytes), (".json.gz", _unpacked)):
        if (file := Path(path + extension)).is_file():
            return read(file)
    return None


def _unpacked(file: Path) -> bytes:
    return gzip.decompress(file.read_bytes())


def _resource(name: str) -> Any:  # Any: JSON
    """Return what a file of moto's says: the packed one, where there are two."""
    packed = _MOTO / (name if name.endswith(".gz") else f"{name}.gz")
    return orjson.loads(_unpacked(packed) if packed.is_file() else (_MOTO / name).read_bytes())
