"""A platform whose functions try to get out: run as whoever runs the tests, and as an ordinary user."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lambent.testing.builders import create_function, zip_of
from lambent.testing.clients import Clients
from tests.requirements import process_environment, require_namespaces

ORDINARY_USER = 65534

# Evaluates what a test wants to try, and answers with its value or with the error's name: the kernel's, if it has one.
ATTACKER = """
import ctypes, errno, fcntl, glob, http.client, mmap, os, resource, signal, socket, struct, subprocess, sys, threading
import time
populated = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x8000
libc = ctypes.CDLL(None, use_errno=True)
kept = []
def call(name, *arguments):
    result = getattr(libc, name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result
def system_call(number, *arguments):
    return call("syscall", ctypes.c_long(number), *arguments)
def read(path, size=100):
    with open(path, "rb") as file:
        return file.read(size).decode("latin-1")
def write(path, text="x"):
    with open(path, "w") as file:
        file.write(text)
def status(name):
    return next(line.split()[1] for line in open("/proc/self/status") if line.startswith(name))
def in_child(attempt):
    \"\"\"Try something that changes the process in a process of its own.\"\"\"
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = str(attempt())
        except OSError as error:
            answer = errno.errorcode[error.errno]
        os.write(sink, answer.encode())
        os._exit(0)
    os.close(sink)
    with os.fdopen(source) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said
def by_link(target):
    os.symlink(target, "/tmp/link")
    try:
        return read("/tmp/link")
    finally:
        os.unlink("/tmp/link")
def processes():
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
def threads(most):
    \"\"\"Return how many threads could be started, which count as processes do.\"\"\"
    threading.stack_size(65536)
    end, made = threading.Event(), []
    try:
        for _ in range(most):
            made.append(threading.Thread(target=end.wait))
            made[-1].start()
        return "no end"
    except RuntimeError:
        return len(made) - 1
    finally:
        end.set()
        for each in made[:-1]:
            each.join()
def files(most):
    made = []
    try:
        for _ in range(most):
            made.append(os.open("/dev/null", os.O_RDONLY))
        return "no end"
    except OSError as error:
        return [errno.errorcode[error.errno], max(made) + 1]
    finally:
        for each in made:
            os.close(each)
def fill(size):
    try:
        with open("/tmp/filling", "wb", buffering=0) as file:
            os.posix_fallocate(file.fileno(), 0, size)
        return "no end"
    except OSError as error:
        return errno.errorcode[error.errno]
    finally:
        os.unlink("/tmp/filling")
def names(most):
    os.mkdir("/tmp/names")
    number = 0
    try:
        for number in range(most):
            os.close(os.open(f"/tmp/names/{number}", os.O_CREAT | os.O_WRONLY))
        return "no end"
    except OSError as error:
        return [errno.errorcode[error.errno], number > 10000]
    finally:
        import shutil
        shutil.rmtree("/tmp/names")
def ask(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path, body)
    return connection.getresponse().status
def handler(source, context):
    try:
        return eval(source)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    except BaseException as error:
        return type(error).__name__
"""
VICTIM = """
import os, socket
with open("/tmp/secret", "w") as file:
    file.write("the victim's")
def handler(event, context):
    return [os.environ["SECRET"], sorted(os.listdir("/tmp")), os.getpid()]
"""
CUSTOM = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  curl -sS -D /tmp/headers "$api/invocation/next" > /dev/null
  id=$(grep -i lambda-runtime-aws-request-id /tmp/headers | tr -d '[:space:]' | cut -d: -f2)
  curl -sS "$api/invocation/$id/response" -d "\\"$AWS_LAMBDA_RUNTIME_API\\"" > /dev/null
done
"""


@dataclass(frozen=True)
class Prison:
    """A running platform with the functions `attacker`, `victim` and `custom`, and what a test knows of it."""

    clients: Clients
    pid: int
    data: Path
    is_privileged: bool

    def invoke(self, function: str, event: object = None) -> object:
        """Invoke and return what the function answered, be it an error's JSON."""
        answer = self.clients.get("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        return json.load(answer["Payload"])

    def attempt(self, source: str) -> object:
        """Let the attacker try something."""
        return self.invoke("attacker", source)


@contextmanager
def prison(*, as_ordinary_user: bool) -> Iterator[Prison]:
    """Run a platform in namespace isolation, as whoever we are or as an ordinary user, with its three functions."""
    require_namespaces()
    if as_ordinary_user and os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    home = Path(tempfile.mkdtemp(prefix="lambent-prison-"))
    try:
        data = home / "data"
        command = [sys.executable, "-m", "lambent", "start", "--port", "0", "--data", str(data), "--json"]
        command += ["--isolation", "namespace"]
        if as_ordinary_user:
            os.chown(home, ORDINARY_USER, ORDINARY_USER)
            home.parent.chmod(home.parent.stat().st_mode | 0o011)  # the run's own folder, closed to others
            command = ordinary_user(command, home)
        environment = process_environment(HOME=str(home), TMPDIR=str(home), PRISON="the platform's")
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd="/") as platform:
            try:
                assert platform.stdout is not None
                started = platform.stdout.readline()
                if not started and as_ordinary_user:
                    pytest.skip("an ordinary user may not make namespaces here")
                clients = Clients(json.loads(started)["endpoint_url"])
                _populate(clients)
                yield Prison(clients, platform.pid, data, is_privileged=os.geteuid() == 0 and not as_ordinary_user)
                clients.close()
            finally:
                platform.terminate()
                platform.wait(20)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def ordinary_user(command: list[str], home: Path) -> list[str]:
    """Return a command that runs `command` as an ordinary user, who can reach our interpreter wherever it lies.

    In a mount namespace of its own, a closed folder on the way there (root's home, as a rule) is covered.
    """
    closed = [folder for folder in Path(sys.base_prefix).resolve().parents if not folder.stat().st_mode & 0o005]
    cover = []
    if closed:
        way, kept = Path(sys.base_prefix).resolve(), home / "interpreter"
        cover = [
            f"mkdir -p {kept}",
            f"mount --bind {way} {kept}",
            f"mount -t tmpfs -o mode=755 tmpfs {closed[-1]}",
            f"mkdir -p {way}",
            f"mount --bind {kept} {way}",
        ]
    become = f'exec setpriv --reuid={ORDINARY_USER} --regid={ORDINARY_USER} --clear-groups "$@"'
    script = "; ".join(["set -e", "mount --make-rprivate /", *cover, become])
    return ["unshare", "--mount", "sh", "-c", script, "sh", *command]


def _populate(clients: Clients) -> None:
    functions, iam = clients.get("lambda"), clients.get("iam")
    create_function(functions, iam, "attacker", zip_of({"handler.py": ATTACKER}), MemorySize=1769, Timeout=30)
    create_function(
        functions,
        iam,
        "victim",
        zip_of({"handler.py": VICTIM}),
        MemorySize=512,
        Environment={"Variables": {"SECRET": "of the victim"}},
    )
    archive = zip_of({"bootstrap": CUSTOM}, executable=frozenset({"bootstrap"}))
    create_function(functions, iam, "custom", archive, Runtime="provided.al2023", MemorySize=512, Timeout=10)
