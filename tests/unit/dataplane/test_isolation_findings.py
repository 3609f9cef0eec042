"""What doctor says of isolation, by what the machine's settings are."""

from __future__ import annotations

from pathlib import Path

from lambent.dataplane import DataPlaneSettings, IsolationLevel, diagnose
from lambent.dataplane.sandbox.namespaces import NamespaceMeans, namespace_finding, network_finding, process_weaknesses

_FORBIDDEN = NamespaceMeans(
    can_try=False, needs_user_namespace=True, reason="user.max_user_namespaces is 0", remedy="run as root"
)


def test_without_namespaces_there_is_no_closed_network() -> None:
    assert not namespace_finding(_FORBIDDEN, None).holds
    finding = network_finding(_FORBIDDEN, None)
    assert (finding.holds, finding.reason, finding.remedy) == (False, "needs namespaces", "run as root")


def test_each_weakness_of_process_isolation_is_a_line_with_its_reason_and_remedy(tmp_path: Path) -> None:
    settings = DataPlaneSettings(tmp_path, "http://127.0.0.1:1", isolation=IsolationLevel.PROCESS)
    weak = [finding for finding in diagnose(settings).findings if finding.name in _NAMES]
    assert [finding.name for finding in weak] == list(_NAMES)
    for finding in weak:
        assert not finding.holds
        assert finding.reason
        assert finding.remedy
    assert [finding.remedy for finding in process_weaknesses("run as root")] == ["run as root"] * len(weak)


_NAMES = (
    "hidden files",
    "read-only code",
    "size of /tmp",
    "hidden processes",
    "user of its own",
    "own shared memory",
)
