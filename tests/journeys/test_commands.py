"""The `lambent` command as people use it: real processes, what they print, and the codes they end with."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lambent.cli.connection import is_alive
from lambent.cli.main import COMMANDS
from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.prepared.program import LAMBENT
from tests.requirements import ROOT, process_environment

OK, FAILED, USAGE, NOT_RUNNING, FUNCTION_ERROR = 0, 1, 2, 3, 4
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def lambent(tmp_path: Path) -> Run:
    """Runs one `lambent` command in surroundings of its own; its exit code must be `expect`."""
    environment = process_environment(
        XDG_DATA_HOME=str(tmp_path / "share"), XDG_STATE_HOME=str(tmp_path / "state"), LAMBENT_PORT=None, NO_COLOR=None
    )

    def run(*arguments: str, expect: int = OK, **changes: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*LAMBENT.command(), *arguments],
            env={**environment, **changes},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == expect, f"lambent {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture(scope="module")
def platform() -> Iterator[LocalPlatform]:
    """A platform with the functions that these tests invoke."""
    with local_platform() as running:
        running.create_function("double", zip_of({"handler.py": "def handler(e, c): return e['n'] * 2\n"}))
        running.create_function("broken", zip_of({"handler.py": "def handler(e, c): raise ValueError('no')\n"}))
        yield running


def test_the_help_shows_the_first_steps_a_line_each(lambent: Run) -> None:
    lines = [line.split("   ")[0].strip() for line in lambent("--help").stdout.splitlines()]
    assert {"lambent init shop && cd shop", "lambent up", "lambent up --target aws"} <= set(lines)


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_has_help_with_an_example(lambent: Run, command: str) -> None:
    text = " ".join(lambent(command, "--help").stdout.split())
    assert f"lambent {command}" in text
    assert "Examples:" in text


def test_a_detached_platform_starts_answers_and_stops_leaving_nothing(lambent: Run, free_port: int) -> None:
    port = str(free_port)
    started = json.loads(lambent("start", "--detach", "--memory", "--port", port, "--json").stdout)
    try:
        health = json.loads(lambent("status", "--port", port, "--json").stdout)
        assert (health["pid"], health["status"]) == (started["pid"], "ready")
        again = lambent("start", "--detach", "--memory", "--port", port, expect=FAILED)
        assert "already runs" in again.stderr
    finally:
        lambent("stop", "--port", port)
    assert not is_alive(started["pid"])
    lambent("status", "--port", port, expect=NOT_RUNNING)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_in_the_foreground_it_ends_cleanly_on_a_signal(tmp_path: Path, free_port: int, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "lambent", "start", "--data", str(tmp_path / "data"), "--port", str(free_port)]
    with subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["port"] == free_port
        child.send_signal(number)
        _, errors = child.communicate(timeout=20)
    assert child.returncode == OK, errors
    assert "Traceback" not in errors


def test_a_port_in_use_gets_one_clear_error(lambent: Run) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        for detach in ([], ["--detach"]):
            refused = lambent("start", "--memory", "--port", port, *detach, expect=FAILED)
            assert f"Port {port} of 127.0.0.1 is in use." in refused.stderr
            assert "Traceback" not in refused.stderr


def test_two_platforms_cannot_share_a_data_directory(lambent: Run, tmp_path: Path, free_port: int) -> None:
    data, port = str(tmp_path / "data"), str(free_port)
    lambent("start", "--detach", "--data", data, "--port", port)
    try:
        refused = lambent("start", "--data", data, "--port", "0", expect=FAILED)
        assert data in refused.stderr
        assert "Traceback" not in refused.stderr
    finally:
        lambent("stop", "--port", port)


def test_env_prints_what_every_shell_and_program_can_read(lambent: Run) -> None:
    printed = lambent("env", "--port", "4567", "--account", "123456789012").stdout.splitlines()
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:4567" in printed
    assert "export AWS_ACCESS_KEY_ID=123456789012" in printed
    assert "set -gx AWS_REGION us-east-1" in lambent("env", "--shell", "fish").stdout
    assert json.loads(lambent("env", "--json").stdout)["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    lambent("env", "--account", "twelve", expect=USAGE)


def test_invoke_prints_the_answer_and_tells_function_errors_by_its_exit_code(
    lambent: Run, platform: LocalPlatform, tmp_path: Path
) -> None:
    port = str(platform.port)
    good = lambent("invoke", "double", "--event", '{"n": 21}', "--port", port)
    assert good.stdout == "42\n"
    assert "REPORT RequestId:" in good.stderr
    event = tmp_path / "event.json"
    event.write_text('{"n": 4}', encoding="utf-8")
    assert lambent("invoke", "double", "--event", f"@{event}", "--port", port).stdout == "8\n"

    bad = lambent("invoke", "broken", "--json", "--port", port, expect=FUNCTION_ERROR)
    # Any: JSON of the command
    answer: dict[str, Any] = json.loads(bad.stdout)
    assert (answer["FunctionError"], answer["Payload"]["errorType"]) == ("Unhandled", "ValueError")

    missing = lambent("invoke", "nobody", "--port", port, expect=FAILED)
    assert "Function not found" in missing.stderr
    assert "ResourceNotFoundException" in missing.stderr
    assert "is not JSON" in lambent("invoke", "double", "--event", "{n: 1}", "--port", port, expect=USAGE).stderr


def test_logs_prints_what_a_function_wrote_and_follows_it(lambent: Run, platform: LocalPlatform) -> None:
    port = str(platform.port)
    platform.create_function("talker", zip_of({"handler.py": "def handler(e, c): print('said', e)\n"}))
    lambent("invoke", "talker", "--event", '"one"', "--port", port)
    command = [sys.executable, "-m", "lambent", "logs", "talker", "--follow", "--json", "--port", port]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None
        seen = ""
        while "said one" not in seen:
            seen = json.loads(follower.stdout.readline())["message"]
        lambent("invoke", "talker", "--event", '"two"', "--port", port)
        while "said two" not in seen:
            seen = json.loads(follower.stdout.readline())["message"]
        follower.send_signal(signal.SIGINT)
    listed = lambent("logs", "talker", "--since", "5m", "--port", port).stdout
    assert listed.index("said one") < listed.index("said two")
    assert "is no span of time" in lambent("logs", "talker", "--since", "soon", "--port", port, expect=USAGE).stderr


def test_doctor_names_runtimes_isolation_and_what_is_bridged(lambent: Run) -> None:
    found = json.loads(lambent("doctor", "--json").stdout)
    ours = f"python3.{sys.version_info.minor}"
    assert any(runtime["runtime"] == ours and runtime["is_exact"] for runtime in found["runtimes"])
    assert found["isolation"] in {"namespace", "process"}
    assert {"cloudformation", "dynamodb", "events", "iam", "lambda", "s3", "sqs"} < {*found["services"]}
    shown = lambent("doctor").stdout
    assert ours in shown
    assert "kms" in found["bridge"]
    assert "\x1b[" not in shown


def test_commands_without_a_platform_say_how_to_start_one(lambent: Run, free_port: int) -> None:
    for command in (["status"], ["stop"], ["invoke", "f"], ["logs", "f"]):
        refused = lambent(*command, "--port", str(free_port), expect=NOT_RUNNING)
        assert f"lambent start --detach --port {free_port}" in refused.stderr


def test_wrong_usage_ends_with_two_and_no_traceback(lambent: Run) -> None:
    for command in (["nonsense"], ["start", "--port", "70000"], ["start", "--memory", "--data", "x"], ["invoke"]):
        assert "Traceback" not in lambent(*command, expect=USAGE).stderr
    assert "LAMBENT_PORT" in lambent("status", expect=USAGE, LAMBENT_PORT="many").stderr


@pytest.mark.timeout(120)
def test_the_demo_tells_its_story_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "fibonacci" / "demo.py")],
        env=process_environment(XDG_STATE_HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == OK, done.stdout + done.stderr
    assert "[0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55]" in done.stdout
    assert "must be a non-negative integer" in done.stdout
    assert "REPORT RequestId:" in done.stdout
    assert "Lambent's own share" in done.stdout.splitlines()[-1]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
