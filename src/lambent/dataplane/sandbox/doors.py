"""The two sockets at which the workers of one sandbox knock: for a channel of their own, and for their output.

They are listening sockets in the file system, which the sandbox does not see: it is given a descriptor of each, and
reaches it as /proc/self/fd/N, whatever its root. So nobody else can, and the files are removed at once.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lambent.guest import kernel, runtime, workers

# A worker connects three times, and all of them do so at once.
_BACKLOG = 4096


@dataclass(slots=True)
class Door:
    """One listening socket, and how it is found from within: by a descriptor, or else by its path."""

    listener: socket.socket
    path: str
    descriptor: int | None

    def passed(self) -> None:
        """Close the descriptor that was passed on; idempotent."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def close(self) -> None:
        """Close everything; idempotent."""
        self.passed()
        self.listener.close()
        if self.path.startswith("/proc/"):
            return
        Path(self.path).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):  # closed before
            Path(self.path).parent.rmdir()


@dataclass(frozen=True, slots=True)
class Doors:
    """The doors of one sandbox, by name: "workers" and "logs"."""

    by_name: dict[str, Door]

    @classmethod
    def open(cls, folder: Path) -> Doors:
        """Return listening sockets made in `folder`; raises OSError."""
        doors: dict[str, Door] = {}
        try:
            for name, number in runtime.DOORS.items():
                doors[name] = _by_descriptor(folder, name, number) if kernel.IS_LINUX else _by_path(folder, name)
        except OSError:
            cls(doors).close()
            raise
        return cls(doors)

    def descriptors(self) -> dict[str, int]:
        """Return what is to be passed into the sandbox."""
        return {name: door.descriptor for name, door in self.by_name.items() if door.descriptor is not None}

    def variables(self) -> dict[str, str]:
        """Return the variables by which the runtime finds the doors; the second is AWS's own."""
        return {
            workers.DOOR_VARIABLE: self.by_name["workers"].path,
            "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": self.by_name["logs"].path,
        }

    def passed(self) -> None:
        """Close what has been passed into the sandbox."""
        for door in self.by_name.values():
            door.passed()

    def close(self) -> None:
        """Close everything; idempotent."""
        for door in self.by_name.values():
            door.close()


def _by_descriptor(folder: Path, name: str, number: int) -> Door:
    listener = socket.socket(socket.AF_UNIX)
    # By descriptors, because a socket's path may have no more than 107 bytes.
    directory = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        place = f"/proc/self/fd/{directory}/{name}"
        listener.bind(place)
        Path(place).chmod(0o666)  # functions run as another user; the file is gone before anybody could connect
        descriptor = os.open(name, os.O_PATH | os.O_CLOEXEC, dir_fd=directory)
        os.unlink(name, dir_fd=directory)
    except OSError:
        listener.close()
        raise
    finally:
        os.close(directory)
    return _listening(Door(listener, f"/proc/self/fd/{number}", descriptor))


def _by_path(folder: Path, name: str) -> Door:
    listener = socket.socket(socket.AF_UNIX)
    # Here the file stays for as long as the door: each has a folder of its own, since every sandbox has the same names.
    own = tempfile.mkdtemp(prefix="", dir=folder)
    path = f"{own}/{name}"
    try:
        listener.bind(path)
    except OSError:
        listener.close()
        Path(own).rmdir()
        raise
    return _listening(Door(listener, path, None))


def _listening(door: Door) -> Door:
    door.listener.setblocking(False)  # noqa: FBT003 - the socket's own interface
    door.listener.listen(_BACKLOG)
    return door
