"""An archive that the compiler wants → a package on this machine, named by its content."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from lambent.aws.quotas import CODE_SIZE_UNZIPPED_BYTES
from lambent.compiler.result import ArchiveKind, ArchiveWanted
from lambent.deploy.errors import DeployError
from lambent.deploy.packaging import dependencies
from lambent.deploy.packaging.archive import Entry, digest_of, entries, write

# Packages beyond it start slowly; see docs/commands.md.
COLD_START_BUDGET_BYTES = 50 * 1024 * 1024
_LAYER_FOLDERS = frozenset({"python", "nodejs", "lib", "bin", "java", "ruby", "extensions"})


@dataclass(frozen=True, slots=True)
class Package:
    """A zip, its digest (which is its name in the bucket), its sizes in bytes, and what its user should know."""

    path: Path
    digest: str
    zipped: int
    unzipped: int
    notices: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its key in the artifact bucket."""
        return f"{self.digest}.zip"


class Packager:
    """Packages code beneath `base`, keeping what was built in `cache`; the same source is packaged once."""

    def __init__(self, base: Path, cache: Path) -> None:
        self._base = base
        self._cache = cache
        self._done: dict[tuple[str, ...], Package] = {}

    def package(self, wanted: ArchiveWanted) -> Package:
        """Return the package. Raises DeployError where its source is not there or it is too large for Lambda."""
        key = (wanted.source, wanted.requirements, wanted.runtime, wanted.architecture, wanted.kind.value)
        if key not in self._done:
            self._done[key] = self._checked(self._packaged(wanted), wanted)
        return self._done[key]

    def _packaged(self, wanted: ArchiveWanted) -> Package:
        source = self._base / wanted.source if wanted.source else None
        if source is not None and not source.exists():
            raise DeployError(f"There is no {source}.", "Paths are relative to the manifest's folder.")
        if source is not None and source.is_file() and zipfile.is_zipfile(source):
            return self._as_it_is(source)
        files = [] if source is None else self._files(source, wanted)
        requirements = self._requirements(wanted, source)
        if requirements is not None and not dependencies.is_empty(requirements):
            folder = dependencies.installed(requirements, wanted.runtime, wanted.architecture, self._cache)
            beneath = "python/" if wanted.kind is ArchiveKind.LAYER else ""
            files = _together(entries(folder, beneath=beneath), files)
        if not files:
            raise DeployError(f"{wanted.source or wanted.logical_id} has nothing to package.", "Look at .lambdaignore.")
        return self._written(files)

    def _files(self, source: Path, wanted: ArchiveWanted) -> list[Entry]:
        if source.is_file():
            return [Entry(source.name, source)]
        is_plain = wanted.kind is ArchiveKind.LAYER and not any((source / name).is_dir() for name in _LAYER_FOLDERS)
        beneath = "python/" if is_plain and wanted.runtime.startswith("python") else ""
        return entries(source, beneath=beneath)

    def _requirements(self, wanted: ArchiveWanted, source: Path | None) -> Path | None:
        if wanted.requirements:
            named = self._base / wanted.requirements
            if not named.is_file():
                raise DeployError(f"There is no {named}.", "Paths are relative to the manifest's folder.")
            return named
        own = None if source is None or not source.is_dir() else source / "requirements.txt"
        return own if own is not None and own.is_file() and wanted.runtime.startswith("python") else None

    def _as_it_is(self, source: Path) -> Package:
        content = source.read_bytes()
        with zipfile.ZipFile(source) as archive:
            unzipped = sum(info.file_size for info in archive.infolist())
        return Package(source, sha256(content).hexdigest(), len(content), unzipped)

    def _written(self, files: list[Entry]) -> Package:
        digest = digest_of(files)
        target = self._cache / "packages" / f"{digest}.zip"
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=target.parent, prefix="building-", delete=False) as building:
                path = Path(building.name)
            try:
                write(files, path)
                path.replace(target)
            finally:
                path.unlink(missing_ok=True)
        unzipped = sum(entry.file.stat().st_size for entry in files)
        return Package(target, digest, target.stat().st_size, unzipped)

    def _checked(self, package: Package, wanted: ArchiveWanted) -> Package:
        if package.unzipped > CODE_SIZE_UNZIPPED_BYTES:
            raise DeployError(
                f"{wanted.logical_id}: Unzipped size must be smaller than {CODE_SIZE_UNZIPPED_BYTES} bytes; it is "
                f"{package.unzipped}.",
                "Leave out what it does not need (.lambdaignore), or use a container image.",
            )
        if package.unzipped <= COLD_START_BUDGET_BYTES:
            return package
        megabytes = package.unzipped / 1024 / 1024
        notice = f"{wanted.logical_id} unpacks to {megabytes:.0f} MB; beyond 50 MB cold starts get slow."
        return Package(package.path, package.digest, package.zipped, package.unzipped, (notice,))


def _together(below: Iterable[Entry], above: Iterable[Entry]) -> list[Entry]:
    """Return the entries of both; the function's own files hide those of its packages."""
    found = {entry.name: entry for entry in below} | {entry.name: entry for entry in above}
    return [found[name] for name in sorted(found)]
