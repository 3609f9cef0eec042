"""What the tests of packaging make: folders, wheels, packages."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lambent.compiler.result import ArchiveWanted
from lambent.deploy.packaging.package import Neighbours, Package, Packager


def write(base: Path, *files: str, text: str = "x") -> None:
    """Write files by their paths beneath `base`."""
    for name in files:
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


# Any: fields of what is wanted
def packaged(base: Path, source: str = "src", neighbours: Neighbours | None = None, **more: Any) -> Package:
    """Package a folder beneath `base` for python3.12, or what else is said."""
    fields = {"runtime": "python3.12", **more}
    wanted = ArchiveWanted("F", "Code", source, **fields)
    return Packager(base, base / "cache", neighbours).package(wanted)


def names(package: Package) -> list[str]:
    """Return the names in a package."""
    with zipfile.ZipFile(package.path) as archive:
        return archive.namelist()


def text_of(package: Package, name: str) -> str:
    """Return the text of a file in a package."""
    with zipfile.ZipFile(package.path) as archive:
        return archive.read(name).decode()


def wheel(
    folder: Path,
    name: str,
    tag: str = "py3-none-any",
    *,
    files: Mapping[str, str] | None = None,
    metadata: Sequence[str] = (),
) -> Path:
    """Make a wheel of version 1.0 whose module says its tag, and return its file."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-1.0.dist-info"
    content = {
        f"{name}.py": f"TAG = {tag!r}\n",
        **(files or {}),
        f"{info}/METADATA": "\n".join(["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *metadata, ""]),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = [f"{path},sha256={_digest(text)},{len(text.encode())}" for path, text in content.items()]
    content[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    path = folder / f"{name}-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for one, text in content.items():
            archive.writestr(zipfile.ZipInfo(one), text)
    return path


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
