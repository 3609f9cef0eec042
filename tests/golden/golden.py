"""Golden pairs: `case.yaml` compiles to `case.template.yaml`, or is refused with `case.errors.txt`.

Regenerate after a wanted change, then read the difference:

    python -m tests.golden.golden
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from lambent.compiler.compile import compile_system
from lambent.compiler.errors import CompileError
from lambent.compiler.intrinsics import Value
from lambent.compiler.result import ArchiveWanted, CompiledSystem, DiscoveredVpc, ProviderNetwork
from lambent.compiler.versions import with_version_digests
from lambent.manifest.system import System

CASES = Path(__file__).parent / "cases"
VPCS = {
    "vpc-0123456789abcdef0": DiscoveredVpc(
        ("subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"), ("sg-0dddddddddddddddd",)
    )
}
NETWORKS = {
    key: ProviderNetwork("vpc-0123456789abcdef0", ("subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"))
    for key in ("found", "usual", "named", "vpcs_own")
}
SETTINGS = {"token": "open sesame"}


def cases() -> list[Path]:
    """Return the manifests of all cases, in order."""
    return sorted(path for path in CASES.glob("*.yaml") if not path.name.endswith(".template.yaml"))


def compiled(case: Path) -> CompiledSystem:
    """Return the case's system, compiled. Raises CompileError."""
    system = System.model_validate(yaml.safe_load(case.read_text()))
    return compile_system(system, vpcs=VPCS, networks=NETWORKS, settings=SETTINGS)


def expected_files(case: Path) -> dict[Path, str]:
    """Return what the case's golden file is and what it has to say."""
    try:
        system = compiled(case)
    except CompileError as error:
        return {case.with_suffix(".errors.txt"): f"{error.message}\n{error.advice}\n"}
    return {case.with_suffix(".template.yaml"): "".join(_summary(system)) + as_yaml(system.template)}


def as_yaml(template: Mapping[str, Value]) -> str:
    """Return a template as text, in its own order, in long form."""
    return yaml.dump(template, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def deployable(system: CompiledSystem) -> dict[str, Value]:
    """Return the template with some place in S3 for every archive, as deployment fills it."""
    resources = dict(system.template["Resources"])
    for archive in system.archives:
        place = {archive.bucket_key: "artifacts-bucket", archive.key_key: f"{archive.logical_id}.zip"}
        resource = resources[archive.logical_id]
        properties = {**resource["Properties"], archive.property_name: place}
        resources[archive.logical_id] = {**resource, "Properties": properties}
    return with_version_digests({**system.template, "Resources": resources}, system.versions, system.parameters)


def _summary(system: CompiledSystem) -> Iterator[str]:
    """Yield what goes with the template, as comments above it."""
    yield f"# stack: {system.stack_name}\n"
    for title, values in (
        ("capabilities", list(system.capabilities)),
        ("parameters", [f"{name}={value}" for name, value in system.parameters.items()]),
        ("tags", [f"{name}={value}" for name, value in system.tags.items()]),
        ("archives", [_archive(archive) for archive in system.archives]),
        ("versions", [f"{version.logical_id} of {version.function_logical_id}" for version in system.versions]),
        ("outputs", [f"{key} is {name}" for key, name in system.output_names.items()]),
    ):
        yield from (f"# {title}: {value}\n" for value in values)


def _archive(archive: ArchiveWanted) -> str:
    parts = [archive.kind.value, archive.runtime, archive.architecture, archive.requirements]
    source = archive.source or "requirements alone"
    return f"{archive.logical_id}.{archive.property_name} from {source} ({', '.join(filter(None, parts))})"


class _Dumper(yaml.SafeDumper):
    """YAML without anchors: a list used twice is written twice."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def main() -> int:
    """Write every golden file anew; say which changed."""
    wanted = {path: text for case in cases() for path, text in expected_files(case).items()}
    for path in sorted({*CASES.glob("*.template.yaml"), *CASES.glob("*.errors.txt")} - set(wanted)):
        path.unlink()
        sys.stdout.write(f"removed {path.name}\n")
    for path, text in wanted.items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            sys.stdout.write(f"wrote {path.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
