"""The file system a function sees: prepared once per fork server, finished per environment.

The base is a small tmpfs in the fork server's own mount namespace. Every environment's namespace is a copy of that one,
so that only what differs (code, layers, /tmp, /proc) is mounted at a cold start.
"""

from __future__ import annotations

import os

from lambent.guest import kernel, network

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambent.guest.framing import ServerConfig

TASK_ROOT = "/var/task"
RUNTIME_DIR = "/var/runtime"
LAYERS = "/opt"
USER_NAME = "sbx_user1051"  # as in AWS's environments

_INODES_PER_MB = 64  # as many as ext4, which AWS has there, makes for that size

_DEVICES = ("null", "zero", "full", "random", "urandom")
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix")
_ETC_FOLDERS = ("alternatives", "ca-certificates", "crypto-policies", "pki", "ssl")
_ETC_FILES = (
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "protocols",
    "resolv.conf",
    "services",
    "timezone",
)


def prepare(config: ServerConfig) -> None:
    """Build the base of a fork server's sandboxes in its empty folder; the caller has a mount namespace of its own.

    Returns nothing; raises OSError where the kernel forbids a mount.
    """
    base = config["base"]
    kernel.mount("", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    flags = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("tmpfs", base, "tmpfs", flags, "mode=755,size=8m")
    for folder in ("dev", "etc", "opt", "proc", "tmp", "usr", "var/task", "var/runtime"):
        os.makedirs(base + "/" + folder)
    _show_system(base)
    _show_etc(base, config["user_id"])
    if config["endpoint_port"]:
        _write(base + "/etc/hosts", network.HOSTS)
        _write(base + "/etc/resolv.conf", network.RESOLVER)
    _show_devices(base)
    _show_programs(base, config["prefixes"])
    _show_runtime(base, config["runtime_dir"])
    kernel.mount("", base, None, kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | flags)


def show_processes(base: str) -> None:
    """Show the processes of one environment; the caller is the first of its pid namespace."""
    kernel.mount("proc", base + "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)


def enter(base: str, task_root: str, layers: str, storage_mb: int) -> None:
    """Finish the tree for one environment and make it the root of every process in the mount namespace."""
    kernel.bind(task_root, base + TASK_ROOT)
    if layers:
        kernel.bind(layers, base + LAYERS)
    flags = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount(
        "tmpfs", base + "/tmp", "tmpfs", flags, f"mode=1777,size={storage_mb}m,nr_inodes={storage_mb * _INODES_PER_MB}"
    )
    kernel.change_root(base)


def _show_system(base: str) -> None:
    kernel.bind("/usr", base + "/usr", recursive=True)
    for name in _SYSTEM:
        path = "/" + name
        if os.path.islink(path):
            os.symlink(os.readlink(path), base + path)
        elif os.path.isdir(path):
            os.mkdir(base + path)
            kernel.bind(path, base + path, recursive=True)


def _show_etc(base: str, user_id: int) -> None:
    for name in _ETC_FOLDERS:
        if os.path.isdir("/etc/" + name):
            os.mkdir(base + "/etc/" + name)
            kernel.bind("/etc/" + name, base + "/etc/" + name, recursive=True)
    for name in _ETC_FILES:
        try:
            with open("/etc/" + name, "rb") as source, open(base + "/etc/" + name, "wb") as target:
                target.write(source.read())
        except OSError:  # not every system has every one
            continue
    with open(base + "/etc/hosts", "a", encoding="utf-8") as hosts:
        hosts.write(f"\n{network.SANDBOX}")
    entry = f"{USER_NAME}:x:{user_id}:{user_id}::/home/{USER_NAME}:/sbin/nologin"
    _write(base + "/etc/passwd", f"root:x:0:0:root:/root:/sbin/nologin\n{entry}\n")
    _write(base + "/etc/group", f"root:x:0:\n{USER_NAME}:x:{user_id}:\n")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _show_devices(base: str) -> None:
    # No /dev/shm, as in AWS: POSIX semaphores answer ENOSYS there, too.
    for name in _DEVICES:
        path = "/dev/" + name
        _write(base + path, "")
        kernel.mount(path, base + path, None, kernel.MS_BIND)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink("/proc/self/fd" + target, base + "/dev/" + name)


def _show_programs(base: str, prefixes: list[str]) -> None:
    for prefix in prefixes:
        if os.path.commonpath((prefix, "/usr")) != "/usr":
            os.makedirs(base + prefix, exist_ok=True)
            kernel.bind(prefix, base + prefix)
    # AWS's own runtime lies here, and PATH names it.
    os.symlink(prefixes[0], base + "/var/lang")


def _show_runtime(base: str, runtime_dir: str) -> None:
    for name in os.listdir(runtime_dir):
        if name == "node_modules":
            # ES modules look for packages in the folders above them, whatever NODE_PATH says.
            os.symlink(RUNTIME_DIR + "/" + name, base + "/" + name)
            if not os.path.isabs(os.readlink(runtime_dir + "/" + name)):
                os.symlink(os.readlink(runtime_dir + "/" + name), base + RUNTIME_DIR + "/" + name)
                continue
        source = os.path.realpath(runtime_dir + "/" + name)
        target = base + RUNTIME_DIR + "/" + name
        if os.path.isdir(source):
            os.mkdir(target)
        else:
            _write(target, "")
        kernel.bind(source, target)
