"""Tells, from within a function's processes, which request uses which file beneath /tmp, and when.

Imported by a .pth file beside the handler, before the handler; nothing of the function is changed. An audit hook
(https://docs.python.org/3/library/audit_events.html) sees every file that Python opens, renames or removes; the
runtime's calls say where a request begins and ends. Each process tells over a connection of its own, one JSON array a
line: kind, moment (monotonic seconds), process id, request id, what more there is.
"""

from __future__ import annotations

import _socket
import _thread
import json
import os
import sys
import time

PORT = 0  # written here for each proof
_FOLDERS = tuple({"/tmp", os.environ.get("TMPDIR", "/tmp").rstrip("/")})
_WRITES = os.O_WRONLY | os.O_RDWR
_LOCK_EX, _LOCK_UN = 2, 8  # of flock(2)

_own: dict[str, object] = {"pid": 0, "socket": None, "request": ""}
_busy: set[int] = set()  # threads that are telling just now
_locks: dict[int, str] = {}
_made: set[str] = set()


def _tell(kind: str, *more: object) -> None:
    if _own["pid"] != os.getpid():
        _connect()
    line = json.dumps([kind, time.monotonic(), _own["pid"], _own["request"], *more]) + "\n"
    connection = _own["socket"]
    if isinstance(connection, _socket.socket):
        try:
            connection.sendall(line.encode("utf-8", "backslashreplace"))
        except OSError:
            _own["socket"] = None  # nobody listens any more: the function goes on


def _connect() -> None:
    _own["pid"], _own["socket"] = os.getpid(), None
    _locks.clear()
    _made.clear()
    connection = _socket.socket(_socket.AF_INET)
    try:
        connection.connect(("127.0.0.1", PORT))
        connection.sendall(json.dumps(["process", time.monotonic(), _own["pid"], _own["request"]]).encode() + b"\n")
    except OSError:
        connection.close()
        return
    _own["socket"] = connection


def _path(value: object) -> str:
    """Return an absolute path beneath a folder that requests share, "" for any other."""
    if isinstance(value, (str, bytes)) or hasattr(value, "__fspath__"):
        text = os.fsdecode(value)
        text = os.path.normpath(text if text.startswith("/") else os.path.join(os.getcwd(), text))
        for folder in _FOLDERS:
            if text.startswith(folder + "/"):
                return "/tmp" + text[len(folder) :]
    return ""


def _held() -> list[str]:
    """Return the locks that this process holds now: those whose files are still open, and files that are locks."""
    held = []
    for descriptor, path in list(_locks.items()):
        try:
            if os.readlink(f"/proc/self/fd/{descriptor}") == path:
                held.append(_path(path) or path)
                continue
        except OSError:
            pass
        del _locks[descriptor]
    return held + sorted(_made)


def _opened(arguments: tuple[object, ...]) -> None:
    path = _path(arguments[0])
    if not path:
        return
    mode, flags = arguments[1], arguments[2]
    number = flags if isinstance(flags, int) else 0
    if number & os.O_EXCL and number & os.O_CREAT:
        if not os.path.lexists(os.fsdecode(arguments[0])):  # type: ignore[arg-type]  # a path, as `_path` found
            _made.add(path)  # whoever makes it has it to itself, until it is removed
        return
    if isinstance(mode, str) and mode:
        use = "append" if "a" in mode else "write" if any(one in mode for one in "wx+") else "read"
    else:
        use = "append" if number & os.O_APPEND else "write" if number & _WRITES else "read"
    _tell("file", use, path, _held())


def _renamed(arguments: tuple[object, ...]) -> None:
    for value, use in ((arguments[0], "remove"), (arguments[1], "replace")):
        path = _path(value)
        _made.discard(path)
        if path:
            _tell("file", use, path, _held())


def _removed(arguments: tuple[object, ...]) -> None:
    path = _path(arguments[0])
    if path in _made:
        _made.discard(path)
    elif path:
        _tell("file", "remove", path, _held())


def _folder_made(arguments: tuple[object, ...]) -> None:
    # To make a folder that others make as well is no harm, unless one of them removes it.
    path = _path(arguments[0])
    if path:
        _tell("file", "read", path, _held())


def _tree_removed(arguments: tuple[object, ...]) -> None:
    path = _path(arguments[0])
    if path:
        _tell("file", "remove-tree", path, _held())


def _flocked(arguments: tuple[object, ...]) -> None:
    descriptor, operation = arguments[0], arguments[1]
    if not isinstance(descriptor, int) or not isinstance(operation, int):
        return
    if operation & _LOCK_UN:
        _locks.pop(descriptor, None)
    elif operation & _LOCK_EX:
        try:
            path = _locks[descriptor] = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            return
        _tell("lock", _path(path) or path)


def _started(arguments: tuple[object, ...]) -> None:
    _tell("program", str(arguments[0])[:200])


_HANDLED = {
    "open": _opened,
    "os.truncate": lambda arguments: _opened((arguments[0], "w", 0)),
    "os.rename": _renamed,
    "os.remove": _removed,
    "os.mkdir": _folder_made,
    "os.rmdir": _removed,
    "shutil.rmtree": _tree_removed,
    "fcntl.flock": _flocked,
    "fcntl.lockf": _flocked,
    "subprocess.Popen": _started,
    "os.posix_spawn": _started,
    "os.system": _started,
}


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    handle = _HANDLED.get(event)
    thread = _thread.get_ident()
    if handle is None or thread in _busy:
        return
    _busy.add(thread)
    try:
        handle(arguments)
    except Exception:  # noqa: BLE001, S110 - whatever it is, it is no concern of the function's
        pass
    finally:
        _busy.discard(thread)


def _bound(kind: str, value: str) -> None:
    thread = _thread.get_ident()
    _busy.add(thread)
    try:
        _own["request"] = value if kind == "begin" else _own["request"]
        _tell(kind)
        if kind == "end":
            _own["request"] = ""
    finally:
        _busy.discard(thread)


def _watch_requests() -> None:
    client = sys.modules.get("runtime_client")
    if client is None:
        return
    following, answering, failing = client.next, client.post_invocation_result, client.post_error

    def begin(*arguments: object) -> object:
        _bound("ready", "")
        received = following(*arguments)
        _bound("begin", str(received[1].get("Lambda-Runtime-Aws-Request-Id") or ""))
        return received

    def answer(*arguments: object) -> object:
        _bound("end", "")
        return answering(*arguments)

    def fail(*arguments: object) -> object:
        _bound("end", "")
        return failing(*arguments)

    vars(client).update(next=begin, post_invocation_result=answer, post_error=fail)


_watch_requests()
sys.addaudithook(_hook)
