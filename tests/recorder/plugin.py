"""`--target aws`: behaviour tests asked of AWS, their answers kept, and compared with ours ever after.

A test that fails is not kept: whatever AWS answered, the test does not describe it yet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lambent.base.clock import SystemClock
from tests.recorder.cloud import LOCAL_REGION, Cloud
from tests.recorder.recording import Call, Comparison, compare, kept
from tests.recorder.store import Entry, Recordings
from tests.recorder.target import PATIENCE_S, Target, TargetError, find_target
from tests.waiting import PACE

_TEST_TIMEOUT_S = 1800
_SERVICES = Path("tests", "services")
# Of the others, the recorder knows neither how to keep their names apart nor how to undo what they make.
_ASKED_FOLDERS = frozenset({"lambda_"})
_MARKS = (
    "local_only(reason): the test cannot be asked of AWS, or must not be.",
    "not_kept(reason): what the test is answered differs from run to run, so it is not kept.",
    "differs_from_aws(path, because): what AWS is recorded to say at and below this path differs deliberately.",
)
_REASONS: Mapping[str, Callable[[pytest.Mark], object]] = {
    "local_only": lambda mark: mark.args,
    "not_kept": lambda mark: mark.args,
    "differs_from_aws": lambda mark: mark.args and mark.kwargs.get("because"),
}


@dataclass(frozen=True, slots=True)
class Run:
    """What this run of pytest asks, and where answers are kept."""

    target: Target | None
    recordings: Recordings

    def hears(self, item: pytest.Item) -> bool:
        """Whether the calls of a test are wanted: to be kept, or to be compared."""
        return self.target is not None or self.recordings.of(item.path, item.name) is not None


RUN = pytest.StashKey[Run]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("recorder")
    group.addoption("--target", choices=["aws"], help="ask AWS, with the default credentials, and keep the answers")
    group.addoption("--stand-in", metavar="URL", help="with --target aws: ask this address in place of AWS")
    group.addoption("--recordings", type=Path, metavar="DIR", help="keep and find answers here, not beside the tests")


def pytest_configure(config: pytest.Config) -> None:
    for mark in _MARKS:
        config.addinivalue_line("markers", mark)
    folder = config.getoption("recordings")
    recordings = Recordings(config.rootpath, folder)
    if config.getoption("target") is None:
        if config.getoption("stand_in"):
            raise pytest.UsageError("--stand-in is for --target aws.")
        config.stash[RUN] = Run(None, recordings)
        return
    target = _target(config)
    config.stash[RUN] = Run(target, recordings)
    PACE.patience_s, PACE.look_every_s = PATIENCE_S, target.look_every_s


def _target(config: pytest.Config) -> Target:
    stand_in = config.getoption("stand_in")
    if stand_in and config.getoption("recordings") is None:
        raise pytest.UsageError("--stand-in needs --recordings: what is kept beside the tests is AWS's alone.")
    if config.getoption("numprocesses", None):
        raise pytest.UsageError("--target aws runs in one process: leave out -n.")
    try:
        return find_target(stand_in)
    except TargetError as error:
        raise pytest.UsageError(f"--target aws: {error}") from error


def pytest_report_header(config: pytest.Config) -> str | None:
    target = config.stash[RUN].target
    return None if target is None else f"target: {target}"


def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers():
            if mark.name in _REASONS and not _REASONS[mark.name](mark):
                raise pytest.UsageError(f"{item.nodeid}: the mark {mark.name} needs its reason")
    if config.stash[RUN].target is None:
        return
    for item in items:
        if reason := _why_not_on_aws(item):
            item.add_marker(pytest.mark.skip(reason=f"not on AWS: {reason}"))
        else:
            # Before a mark of the test's own, which tells how long it may take here.
            item.add_marker(pytest.mark.timeout(_TEST_TIMEOUT_S), append=False)


def _why_not_on_aws(item: pytest.Item) -> str | None:
    if mark := item.get_closest_marker("local_only"):
        return str(mark.args[0])
    if folder := folder_not_asked(item.path.relative_to(item.config.rootpath)):
        return f"the recorder does not know what the tests of {folder} make (_ASKED_FOLDERS in {Path(__file__).name})"
    fixtures = getattr(item, "fixturenames", ())
    if "platform" in fixtures:
        return "it reaches into the platform (fixture `platform`)"
    return None if "cloud" in fixtures else "it has no client of AWS (fixture `aws`)"


def folder_not_asked(module: Path) -> str | None:
    """Return the folder of a test module, given from the root, if it is of services that must not be asked on AWS."""
    if not module.is_relative_to(_SERVICES):
        return None
    folder = module.relative_to(_SERVICES).parts[0]
    return None if folder in _ASKED_FOLDERS else str(_SERVICES / folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    yield  # a test that fails is neither kept nor compared
    cloud: Cloud | None = getattr(item, "funcargs", {}).get("cloud")
    if cloud is None or cloud.tape is None:
        return
    run = item.config.stash[RUN]
    if item.get_closest_marker("not_kept"):
        return
    calls = kept(cloud.tape.heard, cloud.place)
    if run.target is not None:
        _refuse_a_region_of_ours(item, run.target, calls)
        _keep(run, run.target, item, calls)
    elif (entry := run.recordings.of(item.path, item.name)) is not None:
        accepted = [str(mark.args[0]) for mark in item.iter_markers("differs_from_aws")]
        if told := _told(item, entry, compare(entry.calls, calls, accepted)):
            pytest.fail(told, pytrace=False)


def _refuse_a_region_of_ours(item: pytest.Item, target: Target, calls: list[Call]) -> None:
    # Here it becomes a placeholder, there it does not: the two could never be compared.
    if target.place.region != LOCAL_REGION and any(LOCAL_REGION in json.dumps(call.request) for call in calls):
        pytest.fail(
            f"not kept: {item.name} names {LOCAL_REGION} itself; take it from the fixture `region`", pytrace=False
        )


def _keep(run: Run, target: Target, item: pytest.Item, calls: list[Call]) -> None:
    today = datetime.fromtimestamp(SystemClock().now(), UTC).date().isoformat()
    run.recordings.keep(item.path, item.name, Entry(target.source, target.place.region, today, calls))


def _told(item: pytest.Item, entry: Entry, found: Comparison) -> str:
    """Return what to say of a comparison, "" where all is as recorded."""
    lines = [each.told(entry.source) for each in found.differences]
    if lines:
        lines.insert(0, f"answers are not those recorded of {entry.source} on {entry.date} ({len(lines)}):")
    if found.stale:
        again = f'pytest "{item.nodeid}" --target aws'
        lines.append(f"the recording of {entry.date} is of another test: {found.stale}. Record it again:\n    {again}")
    lines += [f'differs_from_aws("{path}") covers no difference: remove the mark' for path in found.unused]
    return "\n".join(lines)
