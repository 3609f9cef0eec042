"""What services are made of, which is there before any of them is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.fallback import Fallback
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.services.lambda_.dependencies import Plane
from lambent.cloud.services.lambda_.managed.system_log import SystemLog
from lambent.cloud.services.lambda_.reporting import Reporting
from lambent.cloud.store.blobs import Blobs
from lambent.cloud.store.files import Files
from lambent.cloud.store.sqlite_store import SqliteStore


@dataclass(frozen=True, slots=True)
class Foundation:
    """What services are made of; `port` is where the platform listens."""

    store: SqliteStore
    blobs: Blobs
    files: Files
    client: InternalClient
    clock: Clock
    ids: IdSource
    plane: Plane
    fallback: Fallback
    reporting: Reporting
    system_log: SystemLog
    packages: Path
    port: int

    @property
    def endpoint_url(self) -> str:
        """Where AWS clients find the platform."""
        return f"http://127.0.0.1:{self.port}"
