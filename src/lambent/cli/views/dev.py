"""What happens while a project is worked on → one stream: coloured lines for people, or a JSON record each."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from lambent.cli.errors import CommandError
from lambent.cli.settings import wants_colour
from lambent.cli.views import human
from lambent.cli.views import json as json_view
from lambent.deploy.dev.log_lines import LineKind, LogLine
from lambent.deploy.dev.syntax import SyntaxFault
from lambent.deploy.dev.tracebacks import Located
from lambent.deploy.plan import Change

# Those that can be read on dark and on light; red is for errors.
_COLOURS = (36, 32, 33, 35, 34, 96, 92, 95, 94)
_MARKS = {"add": "+", "change": "~", "replace": "±", "remove": "-"}


@dataclass(frozen=True, slots=True)
class Saved:
    """A function that runs what was saved, and how long after it was heard of."""

    function_name: str
    files: Sequence[str]
    took_ms: float


class DevView:
    """Prints what happens; called from the watch and from the logs, one at a time."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._lock = threading.Lock()
        self._width = 0

    def deployed(self, stack: str, changes: Sequence[Change], outputs: Mapping[str, str]) -> None:
        """The stack is what the project says; `changes` are what was done for it."""
        told = [{"action": one.action.value, "logicalId": one.logical_id, "type": one.type} for one in changes]
        lines = [f"  {_MARKS[one.action.value]} {one.logical_id}  {self._style(one.type, '2')}" for one in changes]
        what = "is deployed" if changes else "is deployed as the project says"
        self._tell(
            {"event": "deployed", "stack": stack, "changes": told, "outputs": dict(outputs)},
            [*lines, f"{self._style('✓', '32')} Stack {self._style(stack, '1')} {what}."],
        )

    def ready(self, folders: Sequence[Path], functions: Sequence[str]) -> None:
        """From now on nothing that is saved is missed."""
        where = ", ".join(str(one) for one in folders)
        self._tell(
            {"event": "ready", "folders": [str(one) for one in folders], "functions": list(functions)},
            [self._style(f"Watching {where}; what is saved runs with the next invocation. Ctrl-C ends.", "2")],
        )

    def saved(self, saved: Saved) -> None:
        """A function runs what was saved."""
        took = self._style(f"({saved.took_ms:.0f} ms)", "2")
        self._tell(
            {
                "event": "updated",
                "function": saved.function_name,
                "files": list(saved.files),
                "tookMs": round(saved.took_ms, 1),
            },
            [f"{self._style('↻', '32')} {self._name(saved.function_name)} runs {', '.join(saved.files)} {took}"],
        )

    def syntax(self, fault: SyntaxFault, shown: Path) -> None:
        """A file that was saved is no code; what ran before goes on."""
        caret = " " * max(fault.column - 1, 0) + "^"
        number = str(fault.line)
        where = self._style(f"{shown}:{fault.line}:{fault.column}", "1")
        self._tell(
            {
                "event": "syntax-error",
                "file": str(shown),
                "line": fault.line,
                "column": fault.column,
                "message": fault.message,
                "text": fault.text,
            },
            [
                f"{self._style('✗', '31')} {where}: {self._style(fault.message, '31')}",
                f"    {self._style(f'{number} |', '2')} {fault.text.rstrip()}",
                f"    {self._style(' ' * len(number) + ' |', '2')} {self._style(caret, '31')}",
                self._style("    Not deployed: what ran before goes on.", "2"),
            ],
        )

    def failed(self, error: CommandError) -> None:
        """A change could not be deployed; what ran before goes on."""
        advice = [f"    {error.advice}"] if error.advice else []
        self._tell(
            {"event": "failed", "message": error.message, "advice": error.advice},
            [
                f"{self._style('✗', '31')} {self._style(error.message, '31')}",
                *advice,
                self._style("    What ran before goes on.", "2"),
            ],
        )

    def log(self, line: LogLine, located: Located) -> None:
        """A function logged something."""
        record: dict[str, object] = {
            "event": "log",
            "function": line.function_name,
            "kind": line.kind.value,
            "timestamp": line.timestamp_ms,
            "logStreamName": line.stream,
            "message": located.message,
        }
        excerpt = located.excerpt if line.kind is LineKind.ERROR else None
        if excerpt is not None:
            record["source"] = {"file": str(excerpt.file), "line": excerpt.line, "text": excerpt.text}
        style = {LineKind.PLATFORM: "2", LineKind.ERROR: "31"}.get(line.kind)
        lines = [
            self._style(text, style) if style else text for text in located.message.replace("\r", "\n").split("\n")
        ]
        if excerpt is not None:
            where = f"{excerpt.file}:{excerpt.line}"
            lines.append(f"{self._style('→', '31')} {self._style(where, '1')} {excerpt.text.strip()}")
        self._width = max(self._width, len(line.function_name))
        self._tell(record, [f"{self._name(line.function_name, self._width)} │ {text}" for text in lines])

    def ended(self, stack: str, *, removed: bool) -> None:
        """The command is over."""
        words = f"Stack {stack} is gone." if removed else f"Stack {stack} stays deployed; `lambent down` removes it."
        self._tell({"event": "ended", "stack": stack, "removed": removed}, [words])

    def _tell(self, record: Mapping[str, object], lines: Sequence[str]) -> None:
        with self._lock:
            if self.as_json:
                json_view.record(record)
                return
            for line in lines:
                human.line(line.rstrip())
            sys.stdout.flush()

    def _name(self, name: str, width: int = 0) -> str:
        return self._style(name.ljust(width), str(_COLOURS[crc32(name.encode()) % len(_COLOURS)]))

    def _style(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if wants_colour(sys.stdout) else text
