"""Where Python finds modules in an environment, and what else `site` gives it, as on AWS.

Of its own accord our interpreter leaves `site` out (-S): the packages installed beside it are none of a function's.
What follows is what `site` does all the same on AWS, and then AWS's /var/runtime/bootstrap.py.
"""

from __future__ import annotations

import os
import site
import sys


def add_builtins() -> None:
    """Let there be `exit`, `quit`, `help`, `copyright`, `credits` and `license`."""
    site.setquit()
    site.setcopyright()
    site.sethelper()


def add_folders(layers: str) -> None:
    """Look for modules in the code, then in the layers, and read the .pth files there.

    Expects `sys.path` to begin with the runtime's own folder, as it does where a script was executed from there.
    Whoever sets PYTHONPATH names the layers' folders in it, or goes without.
    """
    folders = [os.environ["LAMBDA_TASK_ROOT"]]
    if "PYTHONPATH" not in os.environ:
        # The runtime's name counts, whichever Python stands for it: layers are laid out for that.
        version = os.environ["AWS_EXECUTION_ENV"].rpartition("_")[2]
        python = os.path.join(layers, "python")
        folders += [os.path.join(python, "lib", version, "site-packages"), python]
        os.environ["PYTHONPATH"] = os.environ["LAMBDA_RUNTIME_DIR"]
    sys.path[:0] = folders
    for folder in folders:
        site.addsitedir(folder)
