"""What this machine offers to a platform."""

from __future__ import annotations

import importlib.util
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lambent.assembly.names import NAMES
from lambent.cloud.bridge.coverage import Coverage
from lambent.dataplane import DataPlaneSettings, IsolationFinding, RuntimeInfo
from lambent.dataplane import diagnose as diagnose_data_plane


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What this machine offers: what runs functions, in which isolation, and which services there are."""

    isolation: str
    findings: tuple[IsolationFinding, ...]
    runtimes: tuple[RuntimeInfo, ...]
    services: tuple[str, ...]
    bridge: str


def diagnose() -> Diagnosis:
    """Return what this machine offers, without starting anything that stays."""
    found = diagnose_data_plane(
        DataPlaneSettings(scratch=Path(tempfile.gettempdir()) / "lambent-doctor", endpoint_url="http://127.0.0.1:4566")
    )
    bridged = Coverage().bridged_services
    is_there = importlib.util.find_spec("moto") is not None
    return Diagnosis(
        isolation="none" if found.isolation is None else found.isolation.value,
        findings=found.findings,
        runtimes=found.runtimes,
        services=NAMES,
        bridge=", ".join(bridged) if is_there else "none: moto is not installed (pip install 'lambent[bridge]')",
    )
