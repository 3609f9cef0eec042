"""Builds the platform from `Settings`: the one place where concrete classes meet."""

from __future__ import annotations

from lambent.assembly.diagnosis import Diagnosis, diagnose
from lambent.assembly.platform import Platform
from lambent.assembly.running import run
from lambent.assembly.settings import Settings, StartError
from lambent.dataplane import IsolationFinding, RuntimeInfo

__all__ = [
    "Diagnosis",
    "IsolationFinding",
    "Platform",
    "RuntimeInfo",
    "Settings",
    "StartError",
    "diagnose",
    "run",
]
