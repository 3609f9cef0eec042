"""What a function's settings and packages have against the other compute type, and what it becomes."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambent.insight.migration.candidate import Candidate, CapacityUse, CodePlace, Compute, Network, Source, SourceKind
from lambent.insight.migration.findings import Finding, FindingSeverity, has_blockers
from lambent.insight.migration.readiness import readiness
from lambent.insight.migration.wanted import Asked, Goal, Provider, goal_of

SUBNETS = Provider(subnets=("subnet-0a", "subnet-0b"))
TO_MANAGED = Asked(provider=SUBNETS)


def candidate(code: Path | None = None, **more: Any) -> Candidate:  # Any: fields by name
    place = (
        None
        if code is None
        else CodePlace(code, code / "requirements.txt" if (code / "requirements.txt").is_file() else None)
    )
    made = Candidate(
        "f",
        Source(SourceKind.MANIFEST, "lambent.yaml", "f"),
        "python3.13",
        "app.handler",
        place,
        log_format="JSON",
        memory_mb=2048,
    )
    return replace(made, **more)


def found(one: Candidate, asked: Asked = TO_MANAGED) -> dict[str, Finding]:
    return {finding.rule: finding for finding in readiness(one, goal_of(one, asked)).findings}


def code(folder: Path, files: dict[str, str]) -> Path:
    for name, text in {"app.py": "def handler(event, context):\n    return event\n", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_function_that_fits_is_ready(tmp_path: Path) -> None:
    one = candidate(code(tmp_path, {}))
    judged = readiness(one, goal_of(one, TO_MANAGED))
    assert [finding.rule for finding in judged.findings] == ["network"]
    assert judged.is_ready


@pytest.mark.parametrize(
    ("changes", "rule", "is_settled"),
    [
        ({"runtime": "python3.11"}, "runtime", True),
        ({"runtime": "nodejs20.x"}, "runtime", True),
        ({"runtime": "java17"}, "runtime", True),
        ({"runtime": "dotnet6"}, "runtime", True),
        ({"runtime": "provided.al2"}, "runtime", True),
        ({"runtime": "ruby3.3"}, "runtime", False),
        ({"runtime": None, "image": "x.dkr.ecr.eu-west-1.amazonaws.com/y"}, "image", False),
        ({"memory_mb": 128}, "memory", True),
        ({"memory_mb": 3000}, "memory", True),
        ({"snap_start": True}, "snap-start", True),
        ({"provisioned_concurrency": 5}, "provisioned-concurrency", True),
        ({"reserved_concurrency": 50}, "reserved-concurrency", True),
        ({"vpc": Network(("subnet-1",), ("sg-1",))}, "vpc", True),
        ({"log_format": "Text"}, "text-logs", True),
        ({"file_systems": ("arn:aws:elasticfilesystem:x",)}, "file-system", False),
        ({"ephemeral_storage_mb": 20_000}, "ephemeral-storage", False),
        ({"durable": True}, "durable", False),
        ({"tenancy": True}, "tenancy", False),
    ],
)
def test_settings_that_block_are_told_and_settled_where_the_manifest_can(
    changes: dict[str, Any],  # Any: fields of a candidate
    rule: str,
    *,
    is_settled: bool,
) -> None:
    one = found(candidate(**changes))[rule]
    assert one.severity is FindingSeverity.BLOCKER
    assert one.is_settled is is_settled
    assert has_blockers([one]) is not is_settled
    assert one.remedy


def test_aws_s_own_words_are_told() -> None:
    told = found(candidate(runtime="python3.12", memory_mb=128))
    assert (
        told["runtime"].what == "Runtime Enum python3.12 does not support specified feature: Lambda Managed Instances"
    )
    assert told["memory"].what.startswith(
        "Lambda Managed Instance functions must have memory size greater than or equal to 2048"
    )
    ratio = found(candidate(), Asked(provider=SUBNETS, memory_mb=2048, memory_per_vcpu=4))
    assert ratio["memory"].what == "Memory ratio of 4096.0MB per CPU exceeds function's total memory"
    assert not ratio["memory"].is_settled


@pytest.mark.parametrize(
    ("changes", "asked", "memory", "concurrency"),
    [
        ({"memory_mb": 128}, {}, 2048, 16),
        ({"memory_mb": 512}, {}, 2048, 8),
        ({"memory_mb": 2049}, {}, 4096, 4),
        ({"memory_mb": 3008}, {"memory_per_vcpu": 4}, 4096, 2),
        ({"memory_mb": 128}, {"memory_per_vcpu": 8}, 8192, 16),
        ({"memory_mb": 128, "runtime": "nodejs22.x"}, {}, 2048, None),
        ({"memory_mb": 128}, {"memory_mb": 6144, "max_concurrency": 40}, 6144, 40),
    ],
)
def test_memory_and_concurrency_are_recommended(
    changes: dict[str, Any],  # Any: fields of a candidate
    asked: dict[str, int],
    memory: int,
    concurrency: int | None,
) -> None:
    goal = goal_of(candidate(**changes), Asked(provider=SUBNETS, **asked))  # type: ignore[arg-type]  # by name
    assert (goal.memory_mb, goal.max_concurrency) == (memory, concurrency)
    assert memory % (goal.memory_per_vcpu * 1024) == 0


def test_reserved_and_provisioned_concurrency_become_bounds() -> None:
    def bounds(**changes: Any) -> tuple[int | None, int | None]:  # Any: fields of a candidate
        goal: Goal = goal_of(candidate(memory_mb=128, **changes), TO_MANAGED)
        return goal.min_environments, goal.max_environments

    assert bounds() == (None, None)
    assert bounds(reserved_concurrency=160) == (3, 10)
    assert bounds(reserved_concurrency=0) == (0, 0)
    assert bounds(provisioned_concurrency=80) == (5, 20)


def test_the_way_back_has_limits_of_its_own() -> None:
    capacity = CapacityUse("x", 2, 16)
    one = candidate(capacity=capacity, timeout_s=3600, memory_mb=16_384)
    told = found(one, Asked(Compute.ON_DEMAND))
    assert told["managed-timeout"].severity is FindingSeverity.BLOCKER
    assert told["managed-memory"].is_settled
    assert goal_of(one, Asked(Compute.ON_DEMAND)).memory_mb == 10_240
    assert goal_of(replace(one, name="f-managed"), Asked(Compute.ON_DEMAND)).name == "f"


def wheel(*tags: str) -> str:
    return "Wheel-Version: 1.0\n" + "".join(f"Tag: {tag}\n" for tag in tags)


@pytest.mark.parametrize(
    ("files", "is_found"),
    [
        ({"numpy-1.26.4.dist-info/WHEEL": wheel("cp311-cp311-manylinux_2_17_x86_64")}, True),
        ({"numpy-1.26.4.dist-info/WHEEL": wheel("cp313-cp313-manylinux_2_17_aarch64")}, True),
        ({"numpy-1.26.4.dist-info/WHEEL": wheel("cp313-cp313-macosx_11_0_arm64")}, True),
        ({"numpy-1.26.4.dist-info/WHEEL": wheel("cp313-cp313-manylinux_2_17_x86_64")}, False),
        ({"cryptography-44.0.dist-info/WHEEL": wheel("cp39-abi3-manylinux_2_28_x86_64")}, False),
        ({"requests-2.32.dist-info/WHEEL": wheel("py3-none-any")}, False),
        ({"six-1.0.dist-info/WHEEL": wheel("py2-none-any", "py3-none-any")}, False),
        ({"ujson.cpython-311-x86_64-linux-gnu.so": ""}, True),
        ({"pkg/_fast.cpython-313-aarch64-linux-gnu.so": ""}, True),
        ({"pkg/_fast.cpython-313-x86_64-linux-gnu.so": ""}, False),
        ({"pkg/_fast.abi3.so": ""}, False),
        ({"pkg/libz.so": ""}, False),
    ],
)
def test_wheels_of_another_python_or_machine_block(tmp_path: Path, files: dict[str, str], *, is_found: bool) -> None:
    told = found(candidate(code(tmp_path, files), runtime="python3.11"))
    assert ("wheel" in told) is is_found
    if is_found:
        assert told["wheel"].severity is FindingSeverity.BLOCKER
        assert "python3.13 on x86_64" in told["wheel"].remedy


def test_vendored_packages_are_not_examined(tmp_path: Path) -> None:
    vendored = {
        "lib.py": 'open("/tmp/fixed", "w")\n',
        "lib-1.0.dist-info/RECORD": "lib.py,,\n",
        "app.py": "import lib\ndef handler(event, context):\n    return lib\n",
    }
    assert "fixed-tmp-name" not in found(candidate(code(tmp_path, vendored)))


def test_requirements_are_asked_for_only_when_it_is_wanted(tmp_path: Path) -> None:
    one = candidate(code(tmp_path, {"requirements.txt": "# packages\nrequests==2\nold-package==1\n"}))
    goal = goal_of(one, TO_MANAGED)
    unasked = {finding.rule: finding for finding in readiness(one, goal).findings}
    assert "2 requirements" in unasked["requirement-unproved"].what
    asked: list[tuple[str, str]] = []

    def resolver(runtime: str, architecture: str) -> str | None:
        asked.append((runtime, architecture))
        return "No matching distribution found for old-package==1"

    told = {finding.rule: finding for finding in readiness(one, goal, resolver).findings}
    assert asked == [("python3.13", "x86_64")]
    assert told["no-wheel"].where is not None
    assert told["no-wheel"].where.line == 3
    assert not readiness(one, goal, resolver).is_ready
    assert "no-wheel" not in {finding.rule for finding in readiness(one, goal, lambda *_: None).findings}


def test_code_in_a_zip_is_examined_and_found_by_its_path(tmp_path: Path) -> None:
    archive = tmp_path / "f.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app.py", 'def handler(event, context):\n    open("/tmp/x", "w")\n')
    one = candidate()
    told = found(replace(one, code=CodePlace(archive)))
    assert str(told["fixed-tmp-name"].where) == f"{archive}/app.py:2:5"


def test_code_that_is_not_there_or_has_no_handler_is_told(tmp_path: Path) -> None:
    assert "code-unknown" in found(candidate())
    assert "code-unknown" in found(replace(candidate(), code=CodePlace(tmp_path / "nope")))
    assert "handler" in found(candidate(code(tmp_path, {}), handler="other.handler"))
    assert "code-syntax" in found(candidate(code(tmp_path, {"app.py": "def handler(:\n"})))
    assert "code-not-examined" in found(candidate(code(tmp_path, {}), runtime="java21"))


def test_modules_that_python_no_longer_has_block(tmp_path: Path) -> None:
    text = "import cgi\nfrom distutils.version import LooseVersion\ntry:\n    import imp\nexcept ImportError:\n    imp = None\ndef handler(event, context):\n    return cgi, LooseVersion\n"  # noqa: E501 - a function
    one = candidate(code(tmp_path, {"app.py": text}), runtime="python3.11")
    told = [
        finding for finding in readiness(one, goal_of(one, TO_MANAGED)).findings if finding.rule == "removed-module"
    ]
    assert [finding.where.line for finding in told if finding.where is not None] == [1, 2]


def test_extensions_that_register_for_invoke_block(tmp_path: Path) -> None:
    text = 'import json\nURL = "/2020-01-01/extension/register"\nBODY = {"events": ["INVOKE", "SHUTDOWN"]}\n'
    assert (
        found(candidate(code(tmp_path, {"extension.py": text})))["extension-invoke"].severity is FindingSeverity.BLOCKER
    )
    shutdown = text.replace('"INVOKE", ', "")
    assert "extension-invoke" not in found(candidate(code(tmp_path, {"extension.py": shutdown})))


def test_layers_of_the_old_runtime_are_told() -> None:
    layers = ("arn:aws:lambda:eu-west-1:1:layer:numpy:3", "arn:aws:lambda:eu-west-1:1:layer:LambdaInsightsExtension:14")
    told = found(candidate(layers=layers, runtime="python3.11"))
    assert told["layer-runtime"].severity is FindingSeverity.HAZARD
    assert "LambdaInsightsExtension" in told["layer-extension"].what
