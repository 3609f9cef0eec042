"""The look for what a run left behind sees what there is to see."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from tests.leftovers import leftovers

_WAITS = [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"]


def test_a_child_a_port_and_a_file_are_seen_and_then_gone(tmp_path: Path) -> None:
    file = tmp_path / "forgotten"
    file.touch()
    with subprocess.Popen(_WAITS, stdin=subprocess.PIPE) as child, socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = leftovers([], tmp_path, patience_s=0)
    file.unlink()
    assert [line for line in found if line.startswith(f"process {child.pid}:")]
    assert f"listening port {port}" in found
    assert f"file {file}" in found
    assert not [
        line for line in leftovers([], tmp_path) if str(child.pid) in line or str(port) in line or str(file) in line
    ]


def test_a_process_that_is_no_child_is_seen_by_the_folder_it_works_in(tmp_path: Path) -> None:
    # The middle one ends, so that the last is an orphan with nothing of ours in its environment.
    options = f"stdin=0, stdout=2, env={{}}, cwd={str(tmp_path)!r}"
    orphan = f"import subprocess; print(subprocess.Popen({_WAITS!r}, {options}).pid)"
    with subprocess.Popen(
        [sys.executable, "-c", orphan], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as middle:
        assert middle.stdout is not None
        pid = int(middle.stdout.readline())
        found = leftovers([str(tmp_path)], tmp_path, patience_s=0)
    assert [line for line in found if line.startswith(f"process {pid}:")]
