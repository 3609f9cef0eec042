"""AWS's client, compiled once in the fork server; what of it reads the environment is executed in each environment.

That cannot be imported before the fork, but read and compiled; the rest is imported there. All of it keeps the file
names that it has inside the sandbox.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import sys
import time

from lambent.guest import runtime_client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

_CLIENT = "awslambdaric"
_IMPORTED_EARLY = ("simplejson", "snapshot_restore_py")
CLIENT_IMPORTED_EARLY = (
    "lambda_context",
    "lambda_runtime_exception",
    "lambda_runtime_hooks_runner",
    "lambda_runtime_log_utils",
    "lambda_runtime_marshaller",
)
"""What of the client reads nothing of the environment when it is imported."""

# What AWS's client, boto3 and ordinary handlers import; none of it reads the environment when imported.
_STANDARD = [
    "abc",
    "argparse",
    "ast",
    "base64",
    "binascii",
    "bisect",
    "calendar",
    "collections.abc",
    "concurrent.futures",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "email.message",
    "email.parser",
    "email.utils",
    "enum",
    "fnmatch",
    "functools",
    "gzip",
    "hashlib",
    "heapq",
    "hmac",
    "http.client",
    "importlib.metadata",
    "inspect",
    "io",
    "itertools",
    "json",
    "keyword",
    "linecache",
    "logging",
    "math",
    "mimetypes",
    "numbers",
    "operator",
    "pathlib",
    "pickle",
    "platform",
    "pprint",
    "queue",
    "random",
    "re",
    "secrets",
    "select",
    "shutil",
    "signal",
    "socket",
    "ssl",
    "stat",
    "string",
    "struct",
    "subprocess",
    "tempfile",
    "textwrap",
    "threading",
    "time",
    "tokenize",
    "traceback",
    "types",
    "typing",
    "unicodedata",
    "urllib.parse",
    "urllib.request",
    "uuid",
    "warnings",
    "weakref",
    "xml.etree.ElementTree",
    "zipfile",
    "zlib",
]


class Compiled:
    """Finds and executes modules from code compiled earlier: a finder and a loader to the import system."""

    def __init__(self) -> None:
        self._modules: dict[str, tuple[CodeType, str]] = {}
        self._folders: dict[str, str] = {}

    def add_package(self, folder: str, name: str, shown_folder: str) -> None:
        """Compile every module of package `name` found in `folder`, to be known by its path in `shown_folder`."""
        package = os.path.join(folder, name)
        if not os.path.isdir(package):
            self._add(package + ".py", name, os.path.join(shown_folder, name + ".py"))
            return
        self._folders[name] = package
        for entry in os.listdir(package):
            stem, extension = os.path.splitext(entry)
            if extension == ".py":
                full = name if stem == "__init__" else name + "." + stem
                self._add(os.path.join(package, entry), full, os.path.join(shown_folder, name, entry))

    def stands_in(self, shown_folder: str, name: str) -> None:
        """Let a package look for what we do not hold in `shown_folder`: it will be imported inside the sandbox."""
        self._folders[name] = os.path.join(shown_folder, name)

    def _add(self, path: str, name: str, shown: str) -> None:
        with open(path, "rb") as file:
            self._modules[name] = (compile(file.read(), shown, "exec", dont_inherit=True), shown)

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module we hold; the import system's question."""
        if name not in self._modules:
            return None
        shown = self._modules[name][1]
        # The folder as it is here and now: an extension built for this interpreter is found beside its package.
        places = [self._folders[name]] if name in self._folders else None
        return importlib.util.spec_from_file_location(
            name,
            shown,
            loader=self,  # type: ignore[arg-type]  # the stubs ask for load_module, which nobody calls any more
            submodule_search_locations=places,
        )

    def create_module(self, _spec: ModuleSpec) -> None:
        """Leave making the module to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Execute a module's code."""
        exec(self._modules[module.__name__][0], module.__dict__)  # noqa: S102 - this is how modules are loaded


def preload(runtime_dir: str, shown_dir: str) -> Compiled:
    """Import what does not depend on the environment and return AWS's client, compiled, for what does."""
    for name in _STANDARD:
        try:
            importlib.import_module(name)
        except ImportError:  # an interpreter built without it
            continue
    early, client = Compiled(), Compiled()
    for name in _IMPORTED_EARLY:
        early.add_package(runtime_dir, name, shown_dir)
    client.add_package(runtime_dir, _CLIENT, shown_dir)
    client.stands_in(shown_dir, _CLIENT)
    sys.meta_path.insert(0, early)
    for name in _IMPORTED_EARLY:
        module = importlib.import_module(name)
        if hasattr(module, "__path__"):
            module.__path__ = [os.path.join(shown_dir, name)]
    sys.meta_path.remove(early)
    _import_early(client)
    return client


def rehearse(client: Compiled) -> None:
    """Go once through what a start does.

    A fork shares its memory until it writes to it. What a start writes to is a process's own after that, and the
    start itself is spared the copying.
    """
    before = set(sys.modules)
    sys.meta_path.insert(0, client)
    importlib.import_module(f"{_CLIENT}.bootstrap")
    sys.meta_path.remove(client)
    for name in {name for name in sys.modules if name.startswith(f"{_CLIENT}.")} - before:
        del sys.modules[name]
        sys.modules[_CLIENT].__dict__.pop(name.rpartition(".")[2], None)
    compile(json.loads(json.dumps("def handler(event, context):\n    return event")), "", "exec")
    time.tzset()
    gc.collect()


def _import_early(client: Compiled) -> None:
    sys.modules["runtime_client"] = runtime_client  # the client would import its own
    sys.meta_path.insert(0, client)
    for name in CLIENT_IMPORTED_EARLY:
        with contextlib.suppress(ImportError):  # releases for older Pythons have not all of them
            importlib.import_module(f"{_CLIENT}.{name}")
    sys.meta_path.remove(client)
