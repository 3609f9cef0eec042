"""`make soak`: a million invocations and twenty thousand environment starts, after which nothing may have piled up.

    python bench/soak.py --invocations 1000000 --starts 20000

The work comes in parts, ten of them unless told otherwise. Each is its share of the invocations (of a warm function,
one in ten of them asynchronous) beside its share of the starts, of every kind: by fork, by exec, a crash, a timeout, a
want of memory, a failing init, a function that is made and deleted, provisioned concurrency. Each start is of a
function that was just changed, so that as many environments are retired. After each part all environments are let go
and everything that could leak is counted. What the last count has more of than the first has leaked; memory may grow by
a twentieth in between. At last the platform is stopped, and nothing of it may be left.
"""

from __future__ import annotations

import argparse
import collections
import functools
import itertools
import json
import os
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import execution
import invocations
import load
import rate
import servers
from recording import record

PARTS = 10
CLIENTS = 4
CONNECTIONS = 8
GROWTH = 0.05
PATIENCE_S = 30
CODE = """
import os, time

KIND = os.environ.get("KIND")
if KIND == "init error":
    raise RuntimeError("never initializes")


def handler(event, context):
    if KIND == "crash":
        os._exit(3)
    if KIND == "timeout":
        time.sleep(60)
    if KIND == "memory":
        return len(bytearray(300_000_000))
    return {"n": event["n"]}
"""
# How often each kind comes in twenty starts, and what its caller is told.
KINDS = {
    "fork": (9, None),
    "exec": (3, None),
    "crash": (2, "Runtime.ExitError"),
    "memory": (1, "Runtime.OutOfMemory"),
    "timeout": (1, "Sandbox.Timedout"),
    "init error": (2, "RuntimeError"),
}
MADE_AND_DELETED = 1
PROVISIONED = 1


@dataclass(frozen=True, slots=True)
class Count:
    """What there is of everything that could leak, and the memory in use, while no environment is there."""

    things: dict[str, int]
    memory_mb: float

    @classmethod
    def of(cls, server: servers.Server, data: Path) -> Count:
        """Count what the platform and its fork servers hold now."""
        # Keepers that stand by are as many as were lately wanted at once.
        members = [pid for pid in (server.pid, *servers.descendants(server.pid)) if not servers.is_spare(pid)]
        things: collections.Counter[str] = collections.Counter(processes=len(members))
        for member in members:
            things["threads"] += len(list(Path(f"/proc/{member}/task").iterdir()))
            things["mounts"] += len(Path(f"/proc/{member}/mountinfo").read_text(encoding="ascii").splitlines())
            for descriptor in Path(f"/proc/{member}/fd").iterdir():
                things[_kind_of(descriptor)] += 1
        things["control groups"] = sum(len(inside) for _, inside in _control_groups(server.pid))
        things["scratch entries"] = len(list((data / "scratch").rglob("*")))
        things["tasks"] = int(_asked(server, "health")["tasks"])
        return cls(dict(things), sum(map(servers.anonymous_memory_mb, members)))


def _control_groups(platform: int) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder of a platform's control groups, with the names of those inside; others come and go."""
    for folder, inside, _ in os.walk("/sys/fs/cgroup"):
        if Path(folder).name.startswith(f"lambent-{platform}-"):
            yield folder, inside


def _kind_of(descriptor: Path) -> str:
    try:
        kind, _, _ = str(descriptor.readlink()).partition(":")
    except FileNotFoundError:  # closed meanwhile
        return "files"
    return {"socket": "sockets", "pipe": "pipes"}.get(kind, "files")


def _asked(server: servers.Server, view: str) -> dict[str, Any]:  # Any: the platform's own JSON
    with urllib.request.urlopen(f"{server.url}/_lambent/{view}", timeout=60) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


@dataclass(slots=True)
class Work:
    """The functions under load and what has been done to them."""

    server: servers.Server
    package: bytes
    starts: int = 0
    invocations: int = 0
    by_kind: collections.Counter[str] = field(default_factory=collections.Counter)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    turns: tuple[Iterator[int], ...] = field(default_factory=lambda: tuple(itertools.count(c) for c in range(CLIENTS)))

    @property
    def functions(self) -> Any:  # Any: boto3's clients are classes made at run time
        """The Lambda client, which threads may share."""
        return invocations.client(self.server, "lambda")

    def make_all(self) -> None:
        """Make the function of each kind for each client, and the one that stays warm.

        So many at once that every thread the platform may have is there afterwards.
        """
        self.make("warm", "fork")
        places = [(kind, client) for kind in KINDS for client in range(CLIENTS)]
        with ThreadPoolExecutor(len(places)) as threads:
            list(threads.map(lambda place: self.make(_name(*place), place[0]), places))
            # What a thread of the common pool looks for: some of the pool's are rarely wanted at once otherwise.
            list(threads.map(lambda _: _asked(self.server, "runtimes"), places))

    def make(self, name: str, kind: str) -> None:
        """Make one function."""
        # With its share of a CPU, a function of 128 MB needs seconds to fill that memory on a busy machine.
        timeout_s = 1 if kind == "timeout" else 60
        invocations.make_function(
            self.server, name, self.package, variables=_variables(kind), MemorySize=128, Timeout=timeout_s
        )

    def retire(self, name: str, kind: str) -> None:
        """Change a function, so that its environments end and the next invocation starts one."""
        variables = {**_variables(kind), "NUMBER": str(next(self.numbers))}
        self.functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        self.functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.01})

    def start(self, kind: str, client: int) -> None:
        """Start one environment of a kind, and check what its caller is told."""
        name = _name(kind, client)
        self.retire(name, kind)
        self.check(name, kind, KINDS[kind][1])

    def check(self, name: str, kind: str, expected: str | None) -> None:
        """Invoke a function and end the run where it is not answered as it should be."""
        answer = self.functions.invoke(FunctionName=name, Payload=invocations.EVENT)
        body = json.loads(answer["Payload"].read())
        if (body != {"n": 10}) if expected is None else (expected != body.get("errorType")):
            raise SystemExit(f"{kind}: {body}")

    def make_and_delete(self, _: int) -> None:
        """Make a function, invoke it, delete it."""
        name = f"made-{next(self.numbers)}"
        self.make(name, "fork")
        self.check(name, "fork", None)
        self.functions.delete_function(FunctionName=name)

    def provision(self, client: int) -> None:
        """Keep an environment of a new version for a while."""
        name = _name("fork", client)
        self.retire(name, "fork")
        version = self.functions.publish_version(FunctionName=name)["Version"]
        place = {"FunctionName": name, "Qualifier": version}
        self.functions.put_provisioned_concurrency_config(**place, ProvisionedConcurrentExecutions=1)
        config = functools.partial(self.functions.get_provisioned_concurrency_config, **place)
        _eventually(lambda: config()["Status"] == "READY", config)
        self.check(f"{name}:{version}", "provisioned", None)
        self.functions.delete_provisioned_concurrency_config(**place)
        self.functions.delete_function(**place)

    def starts_of(self, client: int, count: int) -> None:
        """Start environments of all kinds in turn, as one of the clients."""
        once: dict[str, Callable[[int], None]] = {"made": self.make_and_delete, "provisioned": self.provision}
        pattern = [kind for kind, (often, _) in KINDS.items() for _ in range(often)]
        pattern += ["made"] * MADE_AND_DELETED + ["provisioned"] * PROVISIONED
        for _ in range(count):
            # In an order that mixes them: 7 and 20 have no divisor in common.
            kind = pattern[next(self.turns[client]) * 7 % len(pattern)]
            once[kind](client) if kind in once else self.start(kind, client)
            self.by_kind[kind] += 1
            self.starts += 1

    def part(self, calls: int, starts: int) -> None:
        """Do one part of the work: invocations and starts side by side."""
        with ThreadPoolExecutor(CLIENTS + 1) as threads:
            warm = threads.submit(self.invoke_warm, calls)
            share = [starts // CLIENTS + (client < starts % CLIENTS) for client in range(CLIENTS)]
            jobs = [threads.submit(self.starts_of, client, count) for client, count in enumerate(share)]
            for job in (warm, *jobs):
                job.result()

    def invoke_warm(self, calls: int) -> None:
        """Invoke the warm function as fast as it goes; one call in ten is an event."""
        for share, headers in ((calls - calls // 10, ()), (calls // 10, ("X-Amz-Invocation-Type: Event",))):
            request = rate.invoke_request(self.server.port, "warm", invocations.EVENT, invocations.ACCOUNT, *headers)
            # A rate that nothing reaches: the next request is always due.
            seen = rate.run(self.server.port, request, 1e6, share / 1e6, CONNECTIONS)
            if seen.failures:
                raise SystemExit(f"{seen.failures} of {seen.requests} invocations failed")
            self.invocations += seen.requests

    def let_go(self) -> None:
        """Have every environment end, and return when all are gone; an event still under way may start another."""

        def is_empty() -> bool:
            idle = {
                each["function_name"]
                for each in _asked(self.server, "environments")["environments"]
                if each["state"] == "idle"
            }
            for name in idle:
                self.retire(name, name.rpartition("-")[0].replace("-", " ") or "fork")
            return not _asked(self.server, "environments")["environments"]

        _eventually(is_empty, functools.partial(_asked, self.server, "environments"))


def _variables(kind: str) -> dict[str, str]:
    return {"KIND": kind, **(execution.BY_EXEC if kind == "exec" else {})}


def _name(kind: str, client: int) -> str:
    return f"{kind.replace(' ', '-')}-{client}"


def _eventually(holds: Callable[[], bool], otherwise: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"it did not come to rest: {otherwise()}")
        time.sleep(0.02)


def counted(work: Work, data: Path) -> Count:
    """Return the count once it has come to rest: what has just ended may still be ending."""
    work.let_go()
    found = Count.of(work.server, data)
    for _ in range(50):
        time.sleep(0.1)
        before, found = found, Count.of(work.server, data)
        if found.things == before.things:
            break
    return found


def leaks(first: Count, last: Count, growth: float) -> list[str]:
    """Return what there is more of than there was."""
    more = [
        f"{name}: {first.things.get(name, 0)} after the first part, {number} after the last"
        for name, number in sorted(last.things.items())
        if number > first.things.get(name, 0)
    ]
    if last.memory_mb > first.memory_mb * (1 + growth):
        more.append(f"memory: {first.memory_mb:.1f} MB after the first part, {last.memory_mb:.1f} MB after the last")
    return more


def left(pids: list[int], platform: int, data: Path) -> list[str]:
    """Return what a platform that was stopped has left."""
    found = [f"process {pid}" for pid in pids if servers.is_alive(pid)]
    found += [f"control group {path}" for path, _ in _control_groups(platform)]
    mounts = Path("/proc/self/mountinfo").read_text(encoding="ascii").splitlines()
    found += [f"mount {line}" for line in mounts if str(data) in line]
    return found + [f"folder {path}" for path in (data / "scratch" / "sandboxes").glob("*")]


def soak(calls: int, starts: int, growth: float, parts: int = PARTS) -> tuple[str, list[str]]:
    """Do all of the work; return what is to be shown, and what leaked."""
    counts, began = [], time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        code = load.handler_folder(Path(folder))
        (code / "handler.py").write_text(CODE, encoding="utf-8")
        package = invocations.package(code)
    with servers.lambent_with_data() as (server, data):
        work = Work(server, package)
        work.make_all()
        # Everything once, so that the first count has what is loaded at first use.
        work.part(1000, CLIENTS * 20)
        work.starts, work.invocations, work.by_kind = 0, 0, collections.Counter()
        for part in range(1, parts + 1):
            done_calls, done_starts = work.invocations, work.starts
            work.part(calls * part // parts - done_calls, starts * part // parts - done_starts)
            counts.append(counted(work, data))
            print(f"{part * 100 // parts} %: {counts[-1].memory_mb:.1f} MB {counts[-1].things}", flush=True)
        pids, took = [server.pid, *servers.descendants(server.pid)], time.monotonic() - began
        servers.stop(server)
        found = leaks(counts[0], counts[-1], growth) + left(pids, server.pid, data)
    return _told(work, counts, took, found), found


def _told(work: Work, counts: list[Count], took: float, found: list[str]) -> str:
    first, last = counts[0], counts[-1]
    names = sorted({*first.things, *last.things})
    return "\n".join(
        [
            f"{work.invocations} invocations of a warm function and {work.starts} environment starts in {took:.0f} s",
            "starts: " + ", ".join(f"{count} {kind}" for kind, count in work.by_kind.most_common()),
            "",
            f"{'':<24}{f'after 1/{len(counts)}':>12}{'after all':>12}",
            *(f"{name:<24}{first.things.get(name, 0):>12}{last.things.get(name, 0):>12}" for name in names),
            f"{'memory (MB)':<24}{first.memory_mb:>12.1f}{last.memory_mb:>12.1f}",
            f"memory after each part: {', '.join(f'{each.memory_mb:.1f}' for each in counts)}",
            "",
            "leaked: " + ("; ".join(found) if found else "nothing"),
        ]
    )


def main() -> None:
    """Work, print, record; exit with 1 where something leaked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--invocations", type=int, default=1_000_000)
    parser.add_argument("--starts", type=int, default=20_000)
    parser.add_argument("--growth", type=float, default=GROWTH, help="by what share memory may grow")
    parser.add_argument("--parts", type=int, default=PARTS, help="how often all environments are let go, and counted")
    parser.add_argument("--no-record", action="store_true", help="leave the documents as they are")
    options = parser.parse_args()
    text, found = soak(options.invocations, options.starts, options.growth, options.parts)
    print(text)
    if not options.no_record:
        record("soak", text)
    if found:
        raise SystemExit("leaked: " + "; ".join(found))


if __name__ == "__main__":
    main()
