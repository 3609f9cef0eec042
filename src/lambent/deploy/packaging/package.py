"""An archive that the compiler wants → a package on this machine, named by its content."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from lambent.aws.quotas import CODE_SIZE_UNZIPPED_BYTES
from lambent.compiler.result import ArchiveWanted, BundleWanted
from lambent.deploy.errors import DeployError
from lambent.deploy.packaging.archive import NOTHING_IGNORED, Contents, Entry, entries, examine, first_changed, write
from lambent.deploy.packaging.bundling import Bundle, bundle, find_esbuild
from lambent.deploy.packaging.parts import Parts, Place, gathered
from lambent.deploy.packaging.pruning import used
from lambent.deploy.packaging.wheels import Neighbour

# Packages beyond it start slowly; see docs/commands.md.
COLD_START_BUDGET_BYTES = 50 * 1024 * 1024
_AT_ONCE = 4
Neighbours = Callable[[str, str], Neighbour | None]


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
    """Packages code beneath `base`, keeping what was built in `cache`; the same source is packaged once.

    `neighbours` says for a target on this machine which Python runs a runtime on an architecture where that is not the
    declared one itself; AWS needs none, and what it is given does not depend on it.
    """

    def __init__(self, base: Path, cache: Path, neighbours: Neighbours | None = None) -> None:
        self._place = Place(base, cache.absolute())
        self._neighbours = neighbours
        self._done: dict[ArchiveWanted, Package] = {}

    def package(self, wanted: ArchiveWanted) -> Package:
        """Return the package. Raises DeployError where its source is not there or it is too large for Lambda."""
        return self.packages([wanted])[0]

    def packages(self, wanted: Sequence[ArchiveWanted]) -> list[Package]:
        """Return the packages of these in their order, several of them made at the same time; raises as `package`."""
        missing = {_same(one): one for one in reversed(wanted) if _same(one) not in self._done}
        firsts = list(reversed(missing.values()))
        with ThreadPoolExecutor(min(_AT_ONCE, max(len(firsts), 1))) as pool:
            try:
                made = list(pool.map(lambda one: _checked(self._packaged(one), one), firsts))
            except DeployError:
                pool.shutdown(cancel_futures=True)
                raise
        self._done |= {_same(one): package for one, package in zip(firsts, made, strict=True)}
        return [self._done[_same(one)] for one in wanted]

    def _packaged(self, wanted: ArchiveWanted) -> Package:
        source = self._place.path(wanted.source) if wanted.source else None
        if source is not None and source.is_file() and _claims_to_be_zip(source):
            return self._as_it_is(source, wanted)
        if wanted.bundle is not None:
            return self._bundled(wanted, wanted.bundle)
        parts = gathered(wanted, self._place)
        package = _fit_for_one(self._written(parts, wanted), parts, wanted)
        if not parts.is_native or self._neighbours is None:
            return package
        here = self._neighbours(wanted.runtime, wanted.architecture)
        return package if here is None else self._for_here(package, wanted, here)

    def _for_here(self, package: Package, wanted: ArchiveWanted, here: Neighbour) -> Package:
        """Return the package for the Python that runs the function here; the declared one was made all the same."""
        declared = f"{wanted.runtime} on {wanted.architecture}"
        try:
            own = self._written(gathered(wanted, self._place, here), wanted)
        except DeployError as error:
            notice = f"{wanted.logical_id} is packaged for {declared}, and may not run by {here}: {error.message}"
            return replace(package, notices=(*package.notices, notice))
        if own.digest == package.digest:
            return package
        notice = f"{wanted.logical_id} has machine code: it is packaged apart for {here}, which runs {declared} here."
        return replace(own, notices=(*package.notices, notice))

    def _bundled(self, wanted: ArchiveWanted, how: BundleWanted) -> Package:
        folder = self._place.path(wanted.source)
        if not folder.is_dir():
            raise DeployError(f"{folder} is no folder to bundle from.", "Name the folder that the handler is in.")
        esbuild = find_esbuild(folder)
        self._place.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._place.cache, prefix="bundle-") as target:
            bundle(Bundle(folder, how, wanted.runtime), esbuild, Path(target))
            return self._written(Parts(tuple(entries(Path(target), ignored=NOTHING_IGNORED))), wanted)

    def _as_it_is(self, source: Path, wanted: ArchiveWanted) -> Package:
        """Return a zip that somebody else made: a copy, so that what is sent later is what was read now."""
        if wanted.requirements:
            raise DeployError(
                f"{wanted.logical_id}: {source} is packaged already; nothing of {wanted.requirements} is put into it.",
                "Name the folder that it is made of, or take `requirements` out.",
            )
        content = source.read_bytes()
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                unzipped = sum(info.file_size for info in archive.infolist())
        except zipfile.BadZipFile as error:
            raise DeployError(
                f"{source}: Could not unzip uploaded file. Please check your file, then try to upload again.",
                "It is no zip, or not all of one.",
            ) from error
        digest = sha256(content).hexdigest()
        target = self._place.cache / "packages" / f"{digest}.zip"
        if not used(target):
            _put(target, lambda path: path.write_bytes(content))
        return Package(target, digest, len(content), unzipped)

    def _written(self, parts: Parts, wanted: ArchiveWanted) -> Package:
        files = parts.files
        if not files:
            raise DeployError(f"{wanted.source or wanted.logical_id} has nothing to package.", "Look at .lambdaignore.")
        contents = examine(files)
        target = self._place.cache / "packages" / f"{contents.digest}.zip"
        if not used(target):
            _put(target, lambda path: _write(files, contents, path))
        return Package(target, contents.digest, target.stat().st_size, contents.size, parts.notices)


def _same(wanted: ArchiveWanted) -> ArchiveWanted:
    """Return what is the same for all who want the same code."""
    return replace(wanted, logical_id="", property_name="", bucket_key="", key_key="")


def _claims_to_be_zip(source: Path) -> bool:
    return source.suffix in {".zip", ".jar"} or zipfile.is_zipfile(source)


def _fit_for_one(package: Package, parts: Parts, wanted: ArchiveWanted) -> Package:
    """Return a layer's package with a notice where its packages do not fit all the Pythons that it says it is for."""
    if not (parts.is_native and wanted.runtime.startswith("python") and "python" in wanted.more_runtimes):
        return package
    notice = (
        f"{wanted.logical_id} has machine code for {wanted.runtime} alone; make a layer of its own for "
        f"{', '.join(wanted.more_runtimes.split())}."
    )
    return replace(package, notices=(*package.notices, notice))


def _put(target: Path, make: Callable[[Path], object]) -> None:
    """Make a file, all or nothing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix="building-", delete=False) as building:
        path = Path(building.name)
    try:
        make(path)
        path.replace(target)
    finally:
        path.unlink(missing_ok=True)


def _write(files: Sequence[Entry], contents: Contents, path: Path) -> None:
    """Write an archive; where a file has changed since it was examined, it would be another one."""
    written = write(files, path)
    if written != contents:
        raise first_changed(files, contents, written)


def _checked(package: Package, wanted: ArchiveWanted) -> Package:
    if package.unzipped >= CODE_SIZE_UNZIPPED_BYTES:
        raise DeployError(
            f"{wanted.logical_id}: Unzipped size must be smaller than {CODE_SIZE_UNZIPPED_BYTES} bytes; it is "
            f"{package.unzipped}.",
            "Leave out what it does not need (.lambdaignore), or use a container image.",
        )
    if package.unzipped <= COLD_START_BUDGET_BYTES:
        return package
    megabytes = package.unzipped / 1024 / 1024
    notice = f"{wanted.logical_id} unpacks to {megabytes:.0f} MB; beyond 50 MB cold starts get slow."
    return replace(package, notices=(*package.notices, notice))
