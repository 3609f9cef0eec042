"""Attempts of a function to get out of its environment, each with the refusal that it meets.

Every one is made as whoever runs the tests and, where those are root, as an ordinary user as well.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dataplane.escape_harness import Prison, prison
from tests.waiting import eventually

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000

HOST_FILES = {
    "the home of the platform's user": ("os.listdir({home!r})", "ENOENT"),
    "root's home": ("[name for name in os.listdir('/root') if not name.startswith('.')]", "nothing of it"),
    "the platform's data": ("os.listdir({data!r})", "ENOENT"),
    "the platform's database": ("read({data!r} + '/lambent.db')", "ENOENT"),
    "the code of another function": ("os.listdir({code!r})", "ENOENT"),
    "passwords": ("read('/etc/shadow')", "ENOENT"),
    "users of the machine": ("[line.split(':')[0] for line in open('/etc/passwd')]", ["root", "sbx_user1051"]),
    "a file of the machine": ("read({secret!r})", "ENOENT"),
    "temporary files of the machine": ("sorted(os.listdir('/tmp'))", []),
    "a file of the machine, by a link in /tmp": ("by_link({secret!r})", "ENOENT"),
    "a file of the machine, past the root": ("read('/../../../..' + {secret!r})", "ENOENT"),
    "a hard link to its code": ("os.link('/var/task/handler.py', '/tmp/linked')", "EXDEV"),
    "kernel interfaces of the machine": ("os.listdir('/sys')", "ENOENT"),
    "shared memory files": ("os.listdir('/dev/shm')", "ENOENT"),
    "control groups": ("glob.glob('/sys/fs/cgroup/*')", []),
}

PROCESSES = {
    "seeing the machine's processes": ("processes() == [1, os.getpid()]", True),
    "the platform's environment": ("read('/proc/{pid}/environ')", "ENOENT"),
    "the platform's memory": ("read('/proc/{pid}/mem')", "ENOENT"),
    "the platform's root": ("os.listdir('/proc/{pid}/root')", "ENOENT"),
    "the platform's files": ("os.listdir('/proc/{pid}/fd')", "ENOENT"),
    "signalling the platform": ("os.kill({pid}, 0)", "ESRCH"),
    "ending the platform": ("os.kill({pid}, 9)", "ESRCH"),
    "its keeper's environment": ("read('/proc/1/environ')", "EACCES"),
    "its keeper's memory": ("read('/proc/1/mem')", "EACCES"),
    "its keeper's root": ("os.listdir('/proc/1/root/')", "EACCES"),
    "its keeper's files": ("os.listdir('/proc/1/fd')", "EACCES"),
    "its keeper's working folder": ("os.listdir('/proc/1/cwd/')", "EACCES"),
    "tracing its keeper": ("call('ptrace', 16, 1, 0, 0)", "EPERM"),
    "reading its keeper across": ("call('process_vm_readv', 1, 0, 0, 0, 0, 0)", 0),
    "ending its keeper": ("os.kill(1, 9) or 'still here'", "still here"),
    "stopping its keeper": ("os.kill(1, signal.SIGSTOP) or read('/proc/1/stat').split()[2]", "S"),
    "a file of its keeper by pidfd": ("in_child(lambda: system_call(438, os.pidfd_open(1), 0, 0))", "EPERM"),
    "leaving its limits of memory": ("write('/proc/1/oom_score_adj', '-1000')", "EACCES"),
    "its own protection against want of memory": ("write('/proc/self/oom_score_adj', '-1000')", "EACCES"),
}

SYSTEM = {
    "writing its code": ("write('/var/task/handler.py')", "EROFS"),
    "a new file beside its code": ("write('/var/task/new')", "EROFS"),
    "writing layers": ("write('/opt/new')", "EROFS"),
    "writing the runtime": ("write('/var/runtime/bootstrap.py')", "EROFS"),
    "writing the SDK": ("write('/var/runtime/boto3/new.py')", "EROFS"),
    "writing programs": ("write('/usr/bin/new')", "EROFS"),
    "writing the interpreter": ("write(os.__file__)", "EROFS"),
    "writing the root": ("write('/new')", "EROFS"),
    "writing names of hosts": ("write('/etc/hosts')", "EROFS"),
    "a device node": ("os.mknod('/tmp/sda', 0o60666, os.makedev(8, 0))", "EPERM"),
    "memory of the machine": ("read('/dev/mem')", "ENOENT"),
    "the kernel's log device": ("read('/dev/kmsg')", "ENOENT"),
    "disks": (
        "sorted(name for name in os.listdir('/dev') if not name.startswith('std'))",
        ["fd", "full", "null", "random", "urandom", "zero"],
    ),
    "mounting anything": ("call('mount', b'none', b'/tmp', b'tmpfs', 0, None)", "EPERM"),
    "mounting processes": ("call('mount', b'proc', b'/tmp', b'proc', 0, None)", "EPERM"),
    "mounting its code read-write": ("call('mount', b'', b'/var/task', None, 4096 | 32, None)", "EPERM"),
    "showing its code elsewhere": ("call('mount', b'/var/task', b'/tmp', None, 4096, None)", "EPERM"),
    "taking its code away": ("call('umount2', b'/var/task', 2)", "EPERM"),
    "taking /tmp away": ("call('umount2', b'/tmp', 2)", "EPERM"),
    "taking /proc away": ("call('umount2', b'/proc', 2)", "EPERM"),
    "another root": ("os.chroot('/tmp')", "EPERM"),
    "another root by pivot": ("system_call(155, b'/tmp', b'/tmp')", "EPERM"),
    "a handle of the tree of mounts": ("system_call(428, -100, b'/', 1)", "EPERM"),
    "a file by its handle": ("system_call(304, -100, 0, 0)", "EPERM"),
    "its keeper's mounts": ("in_child(lambda: call('setns', os.pidfd_open(1), 0x20000))", "EPERM"),
    "becoming root": ("os.setuid(0)", {"EPERM", "EINVAL"}),
    "becoming another user": ("os.setresuid(1000, 1000, 1000)", {"EPERM", "EINVAL"}),
    "becoming another group": ("os.setgid(0)", {"EPERM", "EINVAL"}),
    "further groups": ("os.setgroups([0])", "EPERM"),
    "who it is": ("[os.getuid(), os.geteuid(), os.getgid()]", [993, 993, 993]),
    "capabilities": ("[status(name) for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')]", ["0" * 16] * 5),
    "a capability": ("call('capset', struct.pack('=II', 0x20080522, 0), b'\\xff' * 24)", "EPERM"),
    "new privileges": ("[status('NoNewPrivs'), status('Seccomp')]", ["1", "2"]),
    "set-user-id programs": (
        "[os.path.exists('/usr/bin/su'), os.statvfs('/usr/bin').f_flag & os.ST_NOSUID > 0]",
        [True, True],
    ),
    "a set-user-id program of its own": ("os.statvfs('/tmp').f_flag & os.ST_NOSUID > 0", True),
    "a user namespace": (f"in_child(lambda: call('unshare', {CLONE_NEWUSER}))", "EPERM"),
    "a user namespace with mounts": (f"in_child(lambda: call('unshare', {CLONE_NEWUSER | CLONE_NEWNS}))", "EPERM"),
    "a process in a user namespace": (f"in_child(lambda: system_call(56, {CLONE_NEWUSER | 17}, 0, 0, 0, 0))", "EPERM"),
    "a process in a user namespace by the newer call": ("system_call(435, 0, 0)", "ENOSYS"),
    "more namespaces": (f"in_child(lambda: call('unshare', {CLONE_NEWNS}))", "EPERM"),
    "another name of the host": ("socket.sethostname('mine')", "EPERM"),
    "another time": ("time.clock_settime(time.CLOCK_REALTIME, 0)", "EPERM"),
    "restarting the machine": ("call('reboot', 0x1234567)", "EPERM"),
    "a module of the kernel": ("system_call(313, 0, b'', 0)", "EPERM"),
    "another kernel": ("system_call(246, 0, 0, 0, 0)", "EPERM"),
    "a program in the kernel": ("system_call(321, 0, 0, 0)", "EPERM"),
    "watching the machine": ("system_call(298, 0, 0, -1, -1, 0)", "EPERM"),
    "handling faults of the kernel": ("system_call(323, 0)", "EPERM"),
    "rings into the kernel": ("system_call(425, 1, 0)", "ENOSYS"),
    "keys of its user id": ("system_call(248, b'user', b'name', b'value', 5, -4)", "EPERM"),
    "a list of keys": ("system_call(250, 11, -4, 0, 0)", "EPERM"),
    "swap": ("call('swapon', b'/tmp/swap', 0)", "EPERM"),
    "accounting": ("call('acct', b'/tmp/log')", "EPERM"),
    "ports of the machine's hardware": ("call('iopl', 3)", {"EPERM", "ENOSYS"}),
    "system requests": ("write('/proc/sysrq-trigger', 'b')", {"EACCES", "ENOENT"}),
    "settings of the kernel": ("write('/proc/sys/kernel/core_pattern', '|/tmp/x')", "EACCES"),
    "a core dump": ("resource.getrlimit(resource.RLIMIT_CORE)", [0, 0]),
    "raising its limits": ("resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))", "ValueError"),
    "a higher priority": ("in_child(lambda: os.nice(-10))", "EPERM"),
    "real-time priority": ("os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))", "EPERM"),
    "raw packets": ("socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", "EPERM"),
    "inherited descriptors": (
        "sorted(int(n) for n in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + n) or int(n) < 5)",
        [0, 1, 2, 3, 4],
    ),
    "the platform's variables": ("[name for name in os.environ if 'PRISON' in name or 'PYTEST' in name]", []),
}

USE = {
    "more files than allowed": ("files(3000)", ["EMFILE", 1024]),
    "more in /tmp than fits": ("fill(600 << 20)", "ENOSPC"),
    "more names in /tmp than fit": ("names(60000)", ["ENOSPC", True]),
    "memory locked for good": ("call('mlockall', 3)", "ENOMEM"),
}


@pytest.fixture(scope="module", params=["as we are", "as an ordinary user"])
def place(request: pytest.FixtureRequest) -> Iterator[Prison]:
    with prison(as_ordinary_user=request.param == "as an ordinary user") as running:
        yield running


@pytest.fixture(scope="module")
def facts(place: Prison) -> Iterator[dict[str, object]]:
    """What a function is told, so that it cannot fail for want of knowledge."""
    assert place.invoke("victim") == ["of the victim", ["secret"], 2]
    code = next((place.data / "scratch" / "packages").iterdir())
    with tempfile.NamedTemporaryFile(prefix="lambent-secret-") as secret:
        secret.write(b"the host's")
        secret.flush()
        Path(secret.name).chmod(0o644)
        yield {
            "home": str(place.data.parent),
            "data": str(place.data),
            "code": str(code),
            "secret": secret.name,
            "pid": place.pid,
        }


@pytest.mark.parametrize("name", HOST_FILES)
def test_files_of_the_machine_are_not_there(place: Prison, facts: dict[str, object], name: str) -> None:
    source, expected = HOST_FILES[name]
    found = place.attempt(source.format(**facts))
    if expected == "nothing of it":
        # Where an interpreter is installed there, the way to it can be seen.
        assert found in ([], "ENOENT", "EACCES")
    else:
        assert found == expected


@pytest.mark.parametrize("name", PROCESSES)
def test_processes_are_out_of_reach(place: Prison, facts: dict[str, object], name: str) -> None:
    source, expected = PROCESSES[name]
    assert place.attempt(source.format(**facts)) == expected


@pytest.mark.parametrize("name", SYSTEM)
def test_the_system_cannot_be_changed(place: Prison, name: str) -> None:
    source, expected = SYSTEM[name]
    found = place.attempt(source)
    if isinstance(expected, set):  # by how the kernel was built, or which users its namespace knows
        assert found in expected
    else:
        assert found == expected


@pytest.mark.parametrize("name", USE)
def test_no_more_than_its_share_can_be_used(place: Prison, name: str) -> None:
    source, expected = USE[name]
    assert place.attempt(source) == expected
    assert place.attempt("1 + 1") == 2


def test_a_flood_of_processes_ends_at_their_number(place: Prison) -> None:
    found = place.attempt("threads(3000)")
    assert isinstance(found, int)
    assert 900 < found <= 1024
    assert place.attempt("os.waitpid(os.spawnlp(os.P_NOWAIT, 'true', 'true'), 0)[1]") == 0
    assert place.invoke("victim") == ["of the victim", ["secret"], 2]


def test_an_environment_that_ends_all_its_processes_ends_alone(place: Prison) -> None:
    answer = place.attempt("in_child(lambda: os.kill(-1, signal.SIGKILL))")
    assert isinstance(answer, dict)
    assert answer["errorType"] == "Runtime.ExitError"
    assert place.attempt("1 + 1") == 2
    assert place.invoke("victim") == ["of the victim", ["secret"], 2]


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param("ask({port}, 'GET', '/2018-06-01/runtime/invocation/next')", id="taking its next invocation"),
        pytest.param(
            "ask({port}, 'POST', '/2018-06-01/runtime/invocation/any/response', '1')", id="answering in its stead"
        ),
        pytest.param("ask({port}, 'POST', '/2018-06-01/runtime/init/error', '{{}}')", id="failing its init"),
    ],
)
def test_the_runtime_api_of_another_environment_refuses(place: Prison, attempt: str) -> None:
    address = str(place.invoke("custom"))
    port = address.rpartition(":")[2]
    assert place.attempt(attempt.format(port=port)) == 403
    assert place.invoke("custom") == address


def test_shared_memory_of_the_machine_is_not_there(place: Prison) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    key = os.getpid() | 0x4C000000
    segment = libc.shmget(key, 4096, 0o1666)
    assert segment >= 0
    try:
        assert place.attempt(f"call('shmget', {key}, 0, 0)") == "ENOENT"
    finally:
        libc.shmctl(segment, 0, None)


def test_what_a_function_leaves_running_sees_nothing_of_what_comes_after(place: Prison) -> None:
    # A daemon in a session of its own outlives the invocation, and not the environment.
    mark = f"{4000 + os.getpid()}"
    left = f"subprocess.Popen(['setsid', 'setsid', 'sleep', '{mark}']).pid > 0"
    assert place.attempt(left) is True
    eventually(lambda: _sleeps(mark))
    assert isinstance(place.attempt("os._exit(3)"), dict)
    eventually(lambda: not _sleeps(mark))


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("b'GET / HTTP/1.1'", id="no frame"),
        pytest.param("struct.pack('>BI', 255, 0)", id="an unknown kind"),
        pytest.param("struct.pack('>BI', 18, 0xFFFFFFFF)", id="an error of 4 GB"),
        pytest.param("struct.pack('>BI', 16, 0)", id="a second start"),
        pytest.param("struct.pack('>BI', 17, 2) + b'\\xff1'", id="an answer without its content type"),
        pytest.param("struct.pack('>BI', 17, 3) + b'\\x001' * 1 + b'1' + struct.pack('>BI', 20, 0)", id="two answers"),
        pytest.param("struct.pack('>BI', 22, 1) + b'x'", id="a part of no stream"),
    ],
)
def test_nonsense_to_the_platform_ends_its_environment_alone(place: Prison, frame: str) -> None:
    answer = place.attempt(f"os.write(3, {frame}) and time.sleep(2)")
    if frame.endswith("struct.pack('>BI', 20, 0)"):
        assert answer == 11  # the first was one
    else:
        assert isinstance(answer, dict)
        assert answer["errorType"] == "Runtime.ExitError"
    assert place.attempt("1 + 1") == 2
    assert place.invoke("victim") == ["of the victim", ["secret"], 2]


def test_an_answer_of_gigabytes_is_refused_and_never_held(place: Prison) -> None:
    answer = place.attempt("os.write(3, struct.pack('>BI', 17, 0xFFFFFFFF) + bytes(100_000)) and time.sleep(2)")
    assert isinstance(answer, dict)
    assert answer["errorType"] == "Function.ResponseSizeTooLarge"
    assert place.attempt("1 + 1") == 2


def test_too_much_memory_ends_the_environment_alone(place: Prison) -> None:
    answer = place.attempt("kept.append(mmap.mmap(-1, 2500 << 20, populated)) or time.sleep(2)")
    assert isinstance(answer, dict)
    assert answer["errorType"] in {"Runtime.OutOfMemory", "Runtime.ExitError"}
    assert place.attempt("1 + 1") == 2


def _sleeps(mark: str) -> bool:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                if (folder / "cmdline").read_bytes() == f"sleep\0{mark}\0".encode():
                    return True
            except OSError:
                continue
    return False
