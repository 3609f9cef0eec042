"""`lambent init`: a new project that runs as it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.options import Json
from lambent.cli.views import human
from lambent.cli.views import json as json_view

app = typer.Typer(add_completion=False)

_MANIFEST = """\
# yaml-language-server: $schema=./.lambent/lambent.schema.json
stack: {name}

defaults:
  runtime: python3.13
  memory: 128
  timeout: 10s

functions:
  hello:
    code: src
    handler: app.handler
    alias: live
    environment:
      GREETING: Hello

outputs:
  function_name: ${{functions.hello.name}}
  function_arn: ${{functions.hello.arn}}
"""

_HANDLER = '''\
"""A function to begin with."""

import os


def handler(event, context):
    """Greet whoever the event names."""
    name = event.get("name")
    if not name:
        raise ValueError("the event has no name")
    return {"message": f"{os.environ['GREETING']}, {name}!"}
'''

_IGNORED = """\
# What is not packaged with a function: patterns as in .gitignore, one a line.
tests/
*.md
"""


@app.command(epilog="Examples: lambent init · lambent init shop · lambent init shop --name shop-backend")
def init(
    folder: Annotated[Path, typer.Argument(help="The folder to fill; it is made where it is missing.")] = Path(),
    name: Annotated[str | None, typer.Option(help="The stack's name.", show_default="the folder's name")] = None,
    as_json: Json = False,
) -> None:
    """Make a project with one function that runs as it is; files that exist are never overwritten."""
    stack = name or _stack_name(folder.resolve().name)
    if not re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]{0,127}", stack):
        raise CommandError(
            f"{stack!r} is no stack name.",
            "Begin with a letter and use letters, digits and hyphens, 128 at most.",
            ExitCode.USAGE,
        )
    files = {
        "lambent.yaml": _MANIFEST.format(name=stack),
        "src/app.py": _HANDLER,
        ".lambdaignore": _IGNORED,
        ".lambent/lambent.schema.json": _schema(),
    }
    taken = [path for path in files if (folder / path).exists()]
    if taken:
        raise CommandError(
            f"{', '.join(taken)} {'is' if len(taken) == 1 else 'are'} there already.",
            "Choose another folder, or move what is there out of the way.",
        )
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    if as_json:
        json_view.document({"stack": stack, "folder": str(folder), "files": sorted(files)})
        return
    for path in files:
        human.line(f"made {folder / path}")
    change = "" if folder == Path() else f"cd {folder} && "
    human.note(f'Now: {change}lambent up, then lambent invoke {stack}-hello --event \'{{"name": "you"}}\'')


def _stack_name(folder: str) -> str:
    return re.sub(r"[^a-zA-Z0-9]+", "-", folder).strip("-").lower()


def _schema() -> str:
    from importlib.resources import files

    return files("lambent.manifest").joinpath("lambent.schema.json").read_text(encoding="utf-8")
