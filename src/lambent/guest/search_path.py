"""Where Python finds modules in an environment, and what else `site` gives it, as on AWS.

Of its own accord our interpreter leaves `site` out (-S): the packages installed beside it are none of a function's.
What follows is what `site` does all the same on AWS, and then AWS's /var/runtime/bootstrap.py.
"""

from __future__ import annotations

import contextlib
import os
import site
import sys
from importlib.machinery import PathFinder

# What AWS's client has imported, itself or by Python's start, when it looks for the function; of every Python we know.
LOADED_BY_CLIENT = frozenset(
    {
        "abc", "awslambdaric", "codecs", "collections", "contextlib", "copyreg", "decimal", "encodings", "enum",
        "functools", "genericpath", "importlib", "io", "json", "keyword", "linecache", "logging", "math", "numbers",
        "operator", "os", "posixpath", "re", "reprlib", "runtime_client", "simplejson", "site", "sre_compile",
        "sre_constants", "sre_parse", "stat", "string", "textwrap", "threading", "token", "tokenize", "traceback",
        "types", "warnings", "weakref", "zipimport",
    }
)  # fmt: skip
# The registry of SnapStart's hooks, which the client asks for them: there must be one.
_ONE_FOR_BOTH = frozenset({"snapshot_restore_py"})


def add_builtins() -> None:
    """Let there be `exit`, `quit`, `help`, `copyright`, `credits` and `license`."""
    site.setquit()
    site.setcopyright()
    site.sethelper()


def customize() -> None:
    """Do what `site` does last: import what a folder in PYTHONPATH may have, which is how instrumentation gets in."""
    add_builtins()
    site.execsitecustomize()
    site.execusercustomize()


def add_folders(layers: str, *, keeps_loaded: bool) -> None:
    """Look for modules in the code, then in the layers, and read the .pth files there.

    Unless it `keeps_loaded` what we have loaded ahead of the function, a module of its own replaces that. Expects
    `sys.path` to begin with the runtime's own folder, as it does where a script was executed from there. Whoever sets
    PYTHONPATH names the layers' folders in it, or goes without.
    """
    folders = [os.environ["LAMBDA_TASK_ROOT"]]
    if "PYTHONPATH" not in os.environ:
        # The runtime's name counts, whichever Python stands for it: layers are laid out for that.
        version = os.environ["AWS_EXECUTION_ENV"].rpartition("_")[2]
        python = os.path.join(layers, "python")
        folders += [os.path.join(python, "lib", version, "site-packages"), python]
        os.environ["PYTHONPATH"] = os.environ["LAMBDA_RUNTIME_DIR"]
    sys.path[:0] = folders
    if not keeps_loaded:
        _forget_what_is_brought(folders)
    for folder in folders:
        site.addsitedir(folder)


def _forget_what_is_brought(folders: list[str]) -> None:
    """Let the function find its own module of a name that is loaded here, and would not be on AWS."""
    brought: set[str] = set()
    for folder in folders:
        with contextlib.suppress(OSError):  # few functions have layers
            brought.update(name.partition(".")[0] for name in os.listdir(folder))
    loaded = {name.partition(".")[0] for name in sys.modules}
    for name in (brought & loaded) - LOADED_BY_CLIENT - _ONE_FOR_BOTH:
        spec = PathFinder.find_spec(name, folders)
        if spec is not None and spec.origin is not None:  # else it is a folder without code, which yields to a module
            for each in [each for each in sys.modules if each == name or each.startswith(name + ".")]:
                del sys.modules[each]
