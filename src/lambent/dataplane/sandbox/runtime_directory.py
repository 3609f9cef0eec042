"""What functions find at /var/runtime: AWS's client and SDK from our own packages, our guest, and nothing else."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import lambent
from lambent import guest
from lambent.dataplane.sandbox.node_sdk.installation import modules_beneath

_GUEST: Final = Path(guest.__file__).parent
_PACKAGES: Final = (
    "awslambdaric",
    "boto3",
    "botocore",
    "dateutil",
    "jmespath",
    "s3transfer",
    "simplejson",
    "six",
    "snapshot_restore_py",
    "urllib3",
)


def minor_version(version: str) -> str:
    """Return a Python version's first two numbers.

    >>> minor_version("3.12.1")
    '3.12'
    """
    return ".".join(version.split(".")[:2])


def older_packages(minor: str) -> Path:
    """Return where packages for a Python lie that the newest boto3 no longer serves; it need not exist."""
    return Path(sys.prefix) / "share" / "lambent" / f"python{minor}"


def assemble_runtime(target: Path, family: str, minor: str, node_sdk: Path | None = None) -> None:
    """Make the folder `target` for runtimes of a family: what functions are offered, and what is ours.

    `node_sdk` is where the AWS SDK for Node.js is installed, or will be.
    Raises ModuleNotFoundError where a package is not installed.
    """
    target.mkdir(parents=True)
    if family == "nodejs":
        _assemble_node(target, node_sdk)
    else:
        {"python": _assemble_python, "provided": _assemble_provided}[family](target, minor)


def _assemble_python(target: Path, minor: str) -> None:
    """Make the folder for Python `minor`: links to the packages offered, copies of what is ours.

    The newest boto3 serves no Python that its makers have given up; where older packages lie beside ours for one, they
    are offered in place of the newest.
    """
    older = older_packages(minor)
    for name in _PACKAGES:
        place = next((each for each in (older / name, older / f"{name}.py") if each.exists()), None) or _place_of(name)
        (target / place.name).symlink_to(place)
    shutil.copyfile(_GUEST / "entry.py", target / "bootstrap.py")
    _copy_guest(target)


def _assemble_provided(_target: Path, _minor: str) -> None:
    """Leave the folder empty: the function brings its runtime."""


def _copy_guest(target: Path) -> None:
    package = target / "_guest" / "lambent"
    (package / "guest").mkdir(parents=True)
    shutil.copyfile(Path(lambent.__file__), package / "__init__.py")
    for module in _GUEST.glob("*.py"):
        shutil.copyfile(module, package / "guest" / module.name)


def node_packages() -> Path:
    """Return where packages lie that every function of Node.js finds in place of the SDK; it need not exist."""
    return Path(sys.prefix) / "share" / "lambent" / "nodejs" / "node_modules"


def _assemble_node(target: Path, node_sdk: Path | None) -> None:
    for module in (_GUEST / "node").glob("*.mjs"):
        shutil.copyfile(module, target / module.name)
    # For NODE_EXTRA_CA_CERTS: https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html#nodejs-ca-certificates
    (target / "ca-cert.pem").symlink_to(_place_of("botocore") / "cacert.pem")
    if node_packages().is_dir():
        (target / "node_modules").symlink_to(node_packages())
    elif node_sdk is not None and _is_made(node_sdk):
        # The link leads to nothing until the SDK is installed: it is the folder around it that functions are shown.
        (target / "sdk").symlink_to(node_sdk)
        (target / "node_modules").symlink_to(f"sdk/{modules_beneath()}")


def _is_made(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
    except OSError:
        return folder.is_dir()
    return True


def _place_of(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{name} is needed beside lambent, for functions to import")
    origin = Path(found.origin)
    return origin.parent if found.submodule_search_locations else origin


def merge_layers(layers: Sequence[Path], parent: Path) -> Path:
    """Return a folder under `parent` that holds the files of all `layers`, later ones over earlier ones, as at /opt.

    Made once per combination. Files are linked where the file system allows it, else copied.
    """
    name = hashlib.sha256("\0".join(map(str, layers)).encode()).hexdigest()[:32]
    merged = parent / name
    if merged.is_dir():
        return merged
    unfinished = parent / f"{name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    for layer in layers:
        shutil.copytree(layer, unfinished, symlinks=True, dirs_exist_ok=True, copy_function=_link_or_copy)
    unfinished.rename(merged)
    return merged


def _link_or_copy(source: str, target: str) -> str:
    Path(target).unlink(missing_ok=True)
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
    return target
