"""What was deployed last, kept on this machine: so that a project that has not changed is not read again.

A shortcut and no more: what is remembered says which template to compare with the stack's own. Where anything differs,
or nothing is remembered, everything is done in full.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from lambent import __version__
from lambent.compiler.result import ArchiveKind, ArchiveWanted, BundleWanted, CompiledSystem, VersionWanted
from lambent.deploy.packaging.pruning import used


def key_of(*parts: str) -> str:
    """Return the name under which a compiled system is kept: a digest of all that it was compiled from."""
    return sha256("\0".join([__version__, *parts]).encode()).hexdigest()


def remember(cache: Path, key: str, compiled: CompiledSystem, region: str | None) -> None:
    """Keep a compiled system that was deployed to a region (None: the surroundings' own)."""
    target = cache / "deployed" / f"{key}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    kept = {"region": region, "compiled": asdict(compiled)}
    # A temporary file is its owner's alone to read: what functions are configured with stands in it.
    with NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, suffix=".building", delete=False) as building:
        building.write(json.dumps(kept, default=lambda kind: kind.value))
    Path(building.name).replace(target)


def recall(cache: Path, key: str) -> tuple[CompiledSystem, str | None] | None:
    """Return what was kept under a key, with its region, or None."""
    try:
        file = cache / "deployed" / f"{key}.json"
        kept = json.loads(file.read_text(encoding="utf-8"))
        used(file)
        return _compiled(kept["compiled"]), kept["region"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # also where an older version kept it in another shape


def _compiled(body: dict[str, Any]) -> CompiledSystem:  # Any: what JSON makes of its fields
    return CompiledSystem(
        **{
            **body,
            "capabilities": tuple(body["capabilities"]),
            "included": tuple(body["included"]),
            "archives": tuple(_archive(one) for one in body["archives"]),
            "versions": tuple(VersionWanted(**one) for one in body["versions"]),
        }
    )


def _archive(kept: dict[str, Any]) -> ArchiveWanted:  # Any: what JSON makes of its fields
    bundle = kept["bundle"]
    wanted = None if bundle is None else BundleWanted(**{**bundle, "options": tuple(bundle["options"])})
    return ArchiveWanted(**{**kept, "kind": ArchiveKind(kept["kind"]), "bundle": wanted})
