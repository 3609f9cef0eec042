"""Modules of Python's library that newer runtimes no longer have.

https://docs.python.org/3/whatsnew/3.12.html#removed, https://docs.python.org/3/whatsnew/3.13.html#removed
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from lambent.insight.migration.python.modules import Module
from lambent.insight.migration.python.state import State

__all__ = ["State", "imports"]

_REMOVED = {
    12: frozenset({"asynchat", "asyncore", "distutils", "imp", "smtpd"}),
    13: frozenset({
        "aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib", "nis", "nntplib",
        "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "tkinter.tix", "uu", "xdrlib",
    }),
}  # fmt: skip


def imports(module: Module, runtime: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield the imports of modules that a runtime does not have, unless failing to import them is provided for."""
    match = re.match(r"python3\.(\d+)\Z", runtime)
    gone = {name for minor, names in _REMOVED.items() if match and minor <= int(match[1]) for name in names}
    tried = {id(inner) for one in ast.walk(module.tree) if isinstance(one, ast.Try) for inner in ast.walk(one)}
    for node in ast.walk(module.tree):
        if id(node) in tried or not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""] if not node.level else []
        else:
            names = [alias.name for alias in node.names]
        for name in names:
            if name in gone or name.partition(".")[0] in gone:
                yield name, node
