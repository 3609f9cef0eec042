"""Handlers as runtimes read them."""

from __future__ import annotations


def node_module(handler: str) -> str:
    """Return the module of a Node.js handler: what its file is called, without a suffix.

    >>> node_module("src/app.handlers.create")
    'src/app'
    """
    folder, slash, name = handler.rpartition("/")
    return f"{folder}{slash}{name.partition('.')[0]}"
