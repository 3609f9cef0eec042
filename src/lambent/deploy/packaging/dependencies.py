"""Third-party packages for a function: the wheels of its runtime and architecture, whatever runs here.

https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-native-libraries
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lambent.deploy.errors import DeployError

# Amazon Linux 2023 (Python 3.12 and later) has glibc 2.34, Amazon Linux 2 has 2.26.
_PLATFORMS = {
    "al2023": ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014"),
    "al2": ("manylinux_2_26", "manylinux_2_17", "manylinux2014"),
}
_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
_PATIENCE_S = 600


def installed(requirements: Path, runtime: str, architecture: str, cache: Path) -> Path:
    """Return a folder with what the requirements file names, made once for each content, runtime and architecture.

    Raises DeployError with pip's own words where a package has no wheel for the runtime.
    """
    version = _python_version(runtime)
    text = requirements.read_text(encoding="utf-8")
    key = hashlib.sha256(f"{text}\0{version}\0{architecture}".encode()).hexdigest()
    target = cache / "wheels" / key[:32]
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix="building-", dir=target.parent))
    try:
        _install(requirements, version, architecture, building)
        for folder in building.rglob("__pycache__"):
            shutil.rmtree(folder, ignore_errors=True)
        try:
            building.rename(target)
        except OSError:  # another deployment was quicker
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target


def is_empty(requirements: Path) -> bool:
    """Return whether a requirements file names nothing."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    return all(not line.strip() or line.strip().startswith("#") for line in lines)


def _python_version(runtime: str) -> str:
    match = re.match(r"python(3\.\d+)\Z", runtime)
    if match is None:
        raise DeployError(
            f"requirements are installed for Python runtimes, not for {runtime or 'none'}.",
            "Name a Python runtime, or put what the function needs into its folder.",
        )
    return match[1]


def _install(requirements: Path, version: str, architecture: str, target: Path) -> None:
    generation = "al2023" if int(version.split(".")[1]) >= 12 else "al2"
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-compile",
        "--only-binary=:all:", "--implementation", "cp", "--python-version", version, "--target", str(target),
        "-r", str(requirements),
    ]  # fmt: skip
    for platform in _PLATFORMS[generation]:
        command += ["--platform", f"{platform}_{_MACHINES[architecture]}"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False, cwd=requirements.parent
    )
    if done.returncode != 0:
        words = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise DeployError(
            f"{requirements} cannot be installed for python{version} on {architecture}: "
            f"{' '.join(words) or done.stderr.strip()[-400:]}",
            "Packages without a wheel for it have to be built elsewhere and put into the folder or a layer.",
        )
