"""What pip has installed, without the traces of the machine that did it: the same requirements, the same bytes.

https://packaging.python.org/en/latest/specifications/recording-installed-packages/
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from pathlib import Path

# A script begins with the Python that installed it; where its path is long, a shell finds it (distlib does so).
_SHEBANG = re.compile(rb"\A(#![^\n]*python[^\n]*|#!/bin/sh\n'''exec' [^\n]*\n' ''')(?=\r?\n)")
_ANY_PYTHON = b"#!/usr/bin/env python3"
# Says from which file on this machine a package came.
_ORIGIN = "direct_url.json"


def is_native(folder: Path) -> bool:
    """Return whether some package in the folder is for one kind of machine only: its wheel's tags say so."""
    return any(
        line.startswith("Tag:") and not line.rstrip().endswith("-any")
        for wheel in folder.glob("*.dist-info/WHEEL")
        for line in wheel.read_text(encoding="utf-8", errors="replace").splitlines()
    )


def made_portable(folder: Path) -> None:
    """Let scripts find their Python on PATH, forget where packages came from, and put the records right."""
    for script in sorted(path for path in (folder / "bin").glob("*") if path.is_file()):
        _find_python(script)
    for info in folder.glob("*.dist-info"):
        (info / _ORIGIN).unlink(missing_ok=True)
        if (info / "RECORD").is_file():
            _mend_record(info / "RECORD", folder)


def _find_python(script: Path) -> None:
    content = script.read_bytes()
    changed = _SHEBANG.sub(_ANY_PYTHON, content, count=1)
    if changed != content:
        script.write_bytes(changed)


def _mend_record(record: Path, folder: Path) -> None:
    rows = []
    for row in csv.reader(record.read_text(encoding="utf-8").splitlines()):
        if not row or row[0].endswith((f"/{_ORIGIN}", ".pyc")):
            continue
        # pip records scripts from where it first put them, beside a lib/python folder that --target does without.
        outside = row[0].startswith("../")
        name = re.sub(r"\A(\.\./)+", "", row[0])
        rows.append([name, *_measured(folder / name)] if outside and (folder / name).is_file() else row)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(sorted(rows))
    record.write_text(text.getvalue(), encoding="utf-8", newline="\n")


def _measured(file: Path) -> tuple[str, str]:
    digest = base64.urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest()).rstrip(b"=").decode()
    return f"sha256={digest}", str(file.stat().st_size)
