"""AWS's client, compiled once in the fork server and executed anew in each environment.

Its modules read the environment when they are imported, so they cannot be imported before the fork; reading and
compiling them can be done there. They keep the file names they have inside the sandbox.
"""

import importlib
import importlib.util
import os
import sys

_CLIENT = ("awslambdaric",)
_IMPORTED_EARLY = ("simplejson", "snapshot_restore_py")

# What AWS's client, boto3 and ordinary handlers import; none of it reads the environment when imported.
_STANDARD = ["abc", "argparse", "ast", "base64", "binascii", "bisect", "calendar", "collections.abc", "concurrent.futures", "contextlib", "copy", "csv", "dataclasses", "datetime", "decimal", "email.message", "email.parser", "email.utils", "enum", "fnmatch", "functools", "gzip", "hashlib", "heapq", "hmac", "http.client", "importlib.metadata", "inspect", "io", "itertools", "json", "keyword", "linecache", "logging", "math", "mimetypes", "numbers", "operator", "pathlib", "pickle", "platform", "pprint", "queue", "random", "re", "secrets", "select", "shutil", "signal", "socket", "ssl", "stat", "string", "struct", "subprocess", "tempfile", "textwrap", "threading", "time", "tokenize", "traceback", "types", "typing", "unicodedata", "urllib.parse", "urllib.request", "uuid", "warnings", "weakref", "xml.etree.ElementTree", "zipfile", "zlib"]


class Compiled:
    """Finds and executes modules from code compiled earlier."""

    def __init__(self):
        self._modules = {}

    def add_package(self, folder, name, shown_folder):
        """Compile every module of package `name` found in `folder`, to be known by its path in `shown_folder`."""
        package = os.path.join(folder, name)
        if not os.path.isdir(package):
            self._add(package + ".py", name, os.path.join(shown_folder, name + ".py"))
            return
        for entry in os.listdir(package):
            stem, extension = os.path.splitext(entry)
            if extension == ".py":
                full = name if stem == "__init__" else name + "." + stem
                self._add(os.path.join(package, entry), full, os.path.join(shown_folder, name, entry))

    def _add(self, path, name, shown):
        with open(path, "rb") as file:
            self._modules[name] = (compile(file.read(), shown, "exec", dont_inherit=True), shown)

    def find_spec(self, name, _path=None, _target=None):
        """Return the spec of a module we hold; the import system's question."""
        if name not in self._modules:
            return None
        shown = self._modules[name][1]
        places = [os.path.dirname(shown)] if shown.endswith("/__init__.py") else None
        return importlib.util.spec_from_file_location(name, shown, loader=self, submodule_search_locations=places)

    def create_module(self, _spec):
        """Leave making the module to the import system."""

    def exec_module(self, module):
        """Execute a module's code."""
        exec(self._modules[module.__name__][0], module.__dict__)  # noqa: S102 - this is how modules are loaded


def preload(runtime_dir, shown_dir):
    """Import what does not depend on the environment and return AWS's client, compiled, for what does."""
    for name in _STANDARD:
        try:
            importlib.import_module(name)
        except ImportError:  # an interpreter built without it
            continue
    early, client = Compiled(), Compiled()
    for name in _IMPORTED_EARLY:
        early.add_package(runtime_dir, name, shown_dir)
    for name in _CLIENT:
        client.add_package(runtime_dir, name, shown_dir)
    sys.meta_path.insert(0, early)
    for name in _IMPORTED_EARLY:
        importlib.import_module(name)
    sys.meta_path.remove(early)
    return client
