"""A function is run under both compute types: planted hazards are found, and functions without any are cleared."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lambent.cli.errors import CommandError
from lambent.cli.migration_proof import ProofOptions, managed_settings, prove, run_proof
from lambent.cli.proving.deployment import Deployer
from lambent.cli.proving.events import sample_events
from lambent.cli.proving.private_platform import PrivatePlatform, private_platform
from lambent.cli.proving.processes import can_watch
from lambent.cli.views import proof as view
from lambent.insight.migration.candidate import Candidate, CodePlace, Compute, Source, SourceKind
from lambent.insight.migration.findings import FindingSeverity
from lambent.insight.migration.proof import ProofReport, Verdict, WrongKind
from tests.journeys import proof_functions as functions
from tests.requirements import ROOT, require_tool
from tests.waiting import eventually

EVENTS = '{"user": "alice"}\n{"user": "bobby"}\n{"user": "carol"}\n'
Prove = Callable[..., ProofReport]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePlatform]:
    with pytest.MonkeyPatch.context() as surroundings:
        surroundings.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        with private_platform() as running:
            yield running


@pytest.fixture(scope="module")
def deployer(platform: PrivatePlatform) -> Deployer:
    return Deployer(platform)


def candidate_of(folder: Path, code: str, runtime: str = "python3.13") -> Candidate:
    """Write a function, and return it as a source might describe it."""
    name = "index.mjs" if runtime.startswith("node") else "handler.py"
    (folder / "src").mkdir()
    (folder / "src" / name).write_text(code)
    return Candidate(
        "f", Source(SourceKind.TERRAFORM, "main.tf", "aws_lambda_function.f"), runtime=runtime,
        handler=f"{name.partition('.')[0]}.handler", code=CodePlace(folder / "src"), memory_mb=1769,
    )  # fmt: skip


@pytest.fixture
def proven(deployer: Deployer, tmp_path: Path) -> Prove:
    def act(code: str, *, events: str = EVENTS, runtime: str = "python3.13", seconds: float = 1.2) -> ProofReport:
        file = tmp_path / "events.jsonl"
        file.write_text(events)
        options = ProofOptions((file,), concurrency=4, seconds=seconds)
        return prove(deployer, candidate_of(tmp_path, code, runtime), options, sample_events((file,)))

    return act


def grave(report: ProofReport) -> list[str]:
    """Return the rules of what is more than advice."""
    return sorted({one.rule for one in report.findings() if one.severity is not FindingSeverity.ADVICE})


def managed(report: ProofReport) -> list[int]:
    return [one.concurrency for one in report.levels if one.compute is Compute.MANAGED_INSTANCES]


ANSWER, COLLISION, HISTORY = "proof-wrong-answer", "proof-tmp-collision", "proof-history"


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("file race", {ANSWER, COLLISION}),
        ("request id mix-up", {ANSWER, COLLISION}),
        ("counter file", {HISTORY, COLLISION}),
        ("module state", {HISTORY}),
        ("crash beside others", {ANSWER}),
        ("download on first use", {COLLISION}),
        ("program that writes", {ANSWER, COLLISION}),
        ("only on Managed Instances", {ANSWER}),
    ],
)
def test_planted_hazard_is_found(name: str, rules: set[str], proven: Prove) -> None:
    if name == "program that writes" and not can_watch():
        pytest.skip("needs inotify and /proc")
    report = proven(functions.HAZARDS[name])
    assert report.verdict is Verdict.HAZARDS
    assert rules <= set(grave(report)), report.findings()


@pytest.mark.parametrize("name", functions.CLEAN)
def test_function_without_hazards_is_cleared(name: str, proven: Prove) -> None:
    report = proven(functions.CLEAN[name])
    assert (grave(report), report.verdict) == ([], Verdict.CLEARED), report.findings()
    assert managed(report) == [1, 2, 4]
    assert all(one.requests and not one.errors and not one.throttles for one in report.levels)


def test_wrong_answer_says_which_event_what_was_expected_how_often_and_why(proven: Prove) -> None:
    report = proven(functions.HAZARDS["file race"])
    wrong = next(one for one in report.wrong_answers if one.kind is WrongKind.FOREIGN)
    assert wrong.event.startswith("events.jsonl:")
    assert wrong.path == ".body.user"
    assert {wrong.expected, wrong.got} < {'"alice"', '"bobby"', '"carol"'}
    assert wrong.concurrency > 1
    assert 0 < wrong.times <= wrong.of
    assert "/tmp/request.json" in wrong.cause
    (collision,) = report.collisions
    assert (collision.path, collision.seen_by) == ("/tmp/request.json", "trace")
    assert report.varying == (".body.at",)


def test_answers_that_are_never_the_same_are_said_to_prove_nothing(proven: Prove) -> None:
    report = proven(functions.RANDOM)
    assert report.verdict is Verdict.UNPROVEN
    assert len(report.incomparable) == 3


def test_events_that_fail_alone_prove_nothing(proven: Prove) -> None:
    report = proven(functions.FAILING)
    assert (report.verdict, len(report.failing), report.wrong_answers) == (Verdict.UNPROVEN, 3, ())


def test_flag_of_cold_starts_is_advice(proven: Prove) -> None:
    report = proven(functions.COLD_START_FLAG)
    assert report.verdict is Verdict.CLEARED
    (effect,) = report.history
    assert (effect.path, effect.is_first_only) == (".cold", True)


def test_memory_of_each_worker_is_measured_at_rest_and_at_its_peak(proven: Prove) -> None:
    if not can_watch():
        pytest.skip("needs /proc")
    report = proven(functions.GREEDY, events='{"n": 1}')
    own = next(one for one in report.memory if one.compute is Compute.MANAGED_INSTANCES)
    assert own.workers == 4
    assert own.worker_rest_mb < 20
    assert 48 <= own.worker_peak_mb < 70
    assert report.recommendation is not None
    assert report.recommendation.memory_mb == 2048
    assert any("One event alone" in one for one in report.notices)


def test_memory_that_grows_with_each_request_is_told(proven: Prove) -> None:
    if not can_watch():
        pytest.skip("needs /proc")
    report = proven(functions.KEEPING, seconds=2.0)
    assert 150 < report.growth_kb < 260
    assert "proof-memory-growth" in {one.rule for one in report.findings()}


def test_state_of_node_that_requests_share_is_found_where_they_meet(proven: Prove) -> None:
    require_tool("node")
    report = proven(functions.NODE_STATE, runtime="nodejs22.x", seconds=2.0)
    if any("serves one at a time here" in one for one in report.not_observed):
        assert report.verdict is Verdict.UNPROVEN  # nothing has met: then nothing is cleared
    else:
        assert ANSWER in grave(report)


def test_function_of_a_manifest_finds_what_it_is_declared_with(deployer: Deployer, tmp_path: Path) -> None:
    candidate = replace(candidate_of(tmp_path, functions.WITH_TABLE), name="shop-orders")
    manifest = tmp_path / "lambent.yaml"
    manifest.write_text(functions.MANIFEST)
    candidate = replace(candidate, source=Source(SourceKind.MANIFEST, str(manifest), "orders"))
    events = tmp_path / "events.jsonl"
    events.write_text('{"id": "order-1"}\n{"id": "order-2"}\n')
    options = ProofOptions((events,), concurrency=2, seconds=1.0, environment={"GREETING": "hello"})
    report = prove(deployer, candidate, options, sample_events((events,)))
    assert (grave(report), report.verdict, report.failing) == ([], Verdict.CLEARED, ())


def test_function_whose_manifest_names_what_is_not_here_is_proved_without(deployer: Deployer, tmp_path: Path) -> None:
    manifest = tmp_path / "lambent.yaml"
    manifest.write_text(functions.MANIFEST.replace("stack: shop", "stack: elsewhere").replace("orders}", "none}"))
    candidate = replace(
        candidate_of(tmp_path, functions.CLEAN["waits"]), source=Source(SourceKind.MANIFEST, str(manifest), "orders")
    )
    subject = deployer.subject(candidate, {})
    assert subject.parameters["Runtime"] == "python3.13"
    assert subject.notices[0].startswith("Its stack cannot be deployed here, so it was proved without: ")


def test_report_is_shown_and_is_a_document(proven: Prove, capsys: pytest.CaptureFixture[str]) -> None:
    report = proven(functions.HAZARDS["request id mix-up"])
    view.show(report)
    shown = capsys.readouterr().out
    assert "managed-instances  4" in shown
    assert "/tmp/state/current" in shown
    assert shown.splitlines()[-1].startswith("f is not ready for Managed Instances: ")
    told = json.loads(json.dumps(view.document(report)))
    assert told["verdict"] == "hazards"
    assert told["levels"][0]["per_second"] > 0


def test_settings_of_managed_instances_are_the_least_that_aws_takes_unless_others_are_asked_for(tmp_path: Path) -> None:
    old = candidate_of(tmp_path, "", "python3.9")
    settings = managed_settings(old, ProofOptions(concurrency=3))
    assert (settings.runtime, settings.memory_mb, settings.max_concurrency) == ("python3.13", 2048, 3)
    wider = managed_settings(old, ProofOptions(memory_per_vcpu=4.0))
    assert wider.memory_mb == 4096
    assert managed_settings(old, ProofOptions(runtime="python3.14", memory_mb=8192)).runtime == "python3.14"


@pytest.mark.parametrize("content", ["", "{"])
def test_events_that_are_none_are_refused(content: str, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(content)
    with pytest.raises(CommandError):
        sample_events([file])


def test_events_come_from_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text('{"n": 1}')
    (tmp_path / "a.jsonl").write_text('{"n": 2}\n\n{"n": 3}\n')
    (tmp_path / "c.txt").write_text("no event")
    assert [(one.name, one.value) for one in sample_events([tmp_path])] == [
        ("a.jsonl:1", {"n": 2}),
        ("a.jsonl:3", {"n": 3}),
        ("b.json", {"n": 1}),
    ]


def test_function_whose_runtime_is_not_here_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"java21 does not run on this machine"):
        run_proof(candidate_of(tmp_path, "", "java21"), ProofOptions())


_PROGRAM = """
import sys
from pathlib import Path
from lambent.cli.migration_proof import ProofOptions, run_proof
from tests.journeys.test_migration_proof import candidate_of

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    slow = "import time\\ndef handler(event, context):\\n    time.sleep(0.2)\\n    return event\\n"
    run_proof(candidate_of(folder, slow), ProofOptions(seconds=60, say=lambda text: print(text, flush=True)))
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_proof_that_is_interrupted_leaves_no_process_behind(ending: signal.Signals, tmp_path: Path) -> None:
    if not can_watch():
        pytest.skip("needs /proc")
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path / "cache")}  # noqa: TID251 - for a program
    with subprocess.Popen(
        [sys.executable, str(program), str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if b"learning" in line:
                break
        children = [int(one) for one in _children(running.pid)]
        assert children
        running.send_signal(ending)
        running.communicate(timeout=30)
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


def _children(pid: int) -> list[str]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    found = [child for task in tasks for child in (task / "children").read_text().split()]
    return [*found, *(deeper for child in found for deeper in _children(int(child)))]
