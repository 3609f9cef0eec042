"""Write anew what the lock of the AWS SDK for Node.js says: the newest versions, and no host they come from.

The packages are those of src/lambent/dataplane/sandbox/node_sdk/package.json. Needs npm and its index.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent / "src/lambent/dataplane/sandbox/node_sdk"
COMMAND = ["npm", "install", "--package-lock-only", "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund"]
NOT_OURS = ("funding", "engines", "resolved")


def main() -> None:
    """Lock in an empty folder, and keep what npm needs to install the same again."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(HOME / "package.json", folder)
        subprocess.run(COMMAND, cwd=folder, check=True)
        lock = json.loads((Path(folder) / "package-lock.json").read_text(encoding="utf-8"))
    for package in lock["packages"].values():
        for name in NOT_OURS:
            package.pop(name, None)
    (HOME / "package-lock.json").write_text(json.dumps(lock, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
