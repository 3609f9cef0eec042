"""The CPU time that a control group counts."""

from __future__ import annotations

from pathlib import Path

from lambent.dataplane.sandbox.cgroups import CpuCount


def test_time_is_read_as_each_version_of_control_groups_writes_it(tmp_path: Path) -> None:
    (tmp_path / "cpuacct.usage").write_text("1500000000\n")
    (tmp_path / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 2000000\n")
    assert CpuCount(tmp_path, 1).used_s() == 1.5
    assert CpuCount(tmp_path, 2).used_s() == 2.5
    assert CpuCount(tmp_path / "gone", 1).used_s() is None
