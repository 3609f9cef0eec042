"""`lambent dev` as people work with it: a real process, files that are saved, and what the next invocation runs."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from lambent.testing.platform import LocalPlatform
from tests.journeys.commands import Commands
from tests.unit.deploy.packaging.making import wheel
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(120)
MANIFEST = """\
stack: shop
defaults: {runtime: python3.11, timeout: 10s}
functions:
  front:
    code: front
    handler: app.handler
    alias: live
  back:
    code: back
    handler: app.handler
"""
FRONT = """\
def handler(event, context):
    if event.get("fail"):
        raise ValueError("as asked")
    print("front runs")
    return "first"
"""
BACK = "def handler(event, context):\n    return 'back'\n"


class Session:
    """A `lambent dev --json` beside the test, and the events that it told."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child
        self.events: list[dict[str, Any]] = []  # Any: JSON
        assert child.stdout is not None
        # How long it takes to be ready is the machine's affair: it ends with the test, at the latest.
        while not self._find("ready", {}):
            self.events.append(json.loads(child.stdout.readline()))
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def told(self, event: str, **wanted: object) -> dict[str, Any]:  # Any: as above
        """Return the first event of a kind with these members, once there is one."""
        return eventually(lambda: self._find(event, wanted))

    def ends(self) -> int:
        """Press Ctrl-C, and return the exit code when everything has been told."""
        self._child.send_signal(signal.SIGINT)
        code = self._child.wait(20)
        self._reader.join(20)
        return code

    def _find(self, event: str, wanted: dict[str, object]) -> dict[str, Any] | None:  # Any: as above
        return next((one for one in self.events if one["event"] == event and wanted.items() <= one.items()), None)

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self.events.append(json.loads(line))


class Shop:
    """A project in a folder, and its functions on the platform."""

    def __init__(self, folder: Path, platform: LocalPlatform) -> None:
        self.folder = folder
        self.commands = Commands(folder, platform.port)
        self._functions = platform.client("lambda")
        self.save("lambent.yaml", MANIFEST)
        self.save("front/app.py", FRONT)
        self.save("back/app.py", BACK)

    def save(self, path: str, text: str) -> None:
        """Write a file of the project."""
        file = self.folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def answer(self, name: str, event: str = "{}", **more: str) -> Any:  # Any: JSON
        """Invoke a function of the project and return what it answered."""
        told = self._functions.invoke(FunctionName=f"shop-{name}", Payload=event, **more)
        return json.loads(told["Payload"].read())

    def answers(self, name: str, wanted: object, **more: str) -> bool:
        """Wait until a function answers so."""
        return eventually(lambda: bool(self.answer(name, **more) == wanted))

    @contextmanager
    def session(self, *arguments: str) -> Iterator[Session]:
        """Run `lambent dev` until the test leaves."""
        with self.commands.begun("dev", "--json", *arguments) as child:
            yield Session(child)


@pytest.fixture
def shop(tmp_path: Path, platform: LocalPlatform) -> Iterator[Shop]:
    """A project of two functions; its stack is gone afterwards."""
    made = Shop(tmp_path, platform)
    yield made
    made.commands.run("down", "--stack", "shop", "--yes")


def test_what_is_saved_runs_with_the_next_invocation_by_name_and_by_alias(shop: Shop) -> None:
    with shop.session() as session:
        assert shop.answer("front") == "first"
        shop.save("front/app.py", FRONT.replace("first", "second"))
        assert session.told("updated", function="shop-front")["files"] == ["front/app.py"]
        assert (shop.answer("front"), shop.answer("front", Qualifier="live")) == ("second", "second")
        shop.save("front/app.py", FRONT.replace("first", "third"))
        assert shop.answers("front", "third", Qualifier="live")
        assert session._find("updated", {"function": "shop-back"}) is None
        assert session.ends() == 0
        assert session.events[-1] == {"event": "ended", "stack": "shop", "removed": False}
    assert shop.answer("front") == "third"


def test_a_file_that_is_no_code_is_told_with_its_line_and_what_ran_before_goes_on(shop: Shop) -> None:
    with shop.session() as session:
        shop.save("back/app.py", BACK + "def (\n")
        told = session.told("syntax-error")
        assert (told["file"], told["line"], told["text"]) == ("back/app.py", 3, "def (")
        assert shop.answer("back") == "back"
        shop.save("back/app.py", BACK.replace("'back'", "'mended'"))
        assert shop.answers("back", "mended")
        session.ends()


def test_the_logs_of_all_functions_come_in_one_stream_with_the_line_an_error_comes_from(shop: Shop) -> None:
    with shop.session() as session:
        shop.answer("back")
        shop.answer("front")
        shop.answer("front", '{"fail": true}')
        failed = session.told("log", function="shop-front", kind="error")
        assert failed["source"] == {"file": "front/app.py", "line": 3, "text": '        raise ValueError("as asked")'}
        assert 'File "front/app.py", line 3' in failed["message"]
        assert session.told("log", message="front runs")["kind"] == "output"
        session.told("log", function="shop-back", kind="platform")
        session.ends()
    shown = [one["message"] for one in session.events if one["event"] == "log"]
    assert sum(text.startswith("REPORT") for text in shown) == 3


def test_a_change_of_the_manifest_is_deployed_and_told(shop: Shop, platform: LocalPlatform) -> None:
    with shop.session() as session:
        shop.save("lambent.yaml", MANIFEST.replace("timeout: 10s", "timeout: 11s"))
        told = eventually(lambda: [one for one in session.events if one["event"] == "deployed"][1:])
        assert {"action": "change", "logicalId": "FrontFunction", "type": "AWS::Lambda::Function"} in told[0]["changes"]
        functions = platform.client("lambda")
        assert functions.get_function_configuration(FunctionName="shop-front")["Timeout"] == 11
        shop.save("lambent.yaml", MANIFEST.replace("handler: app.handler", "handle: app.handler"))
        assert "lambent.yaml has" in session.told("failed")["message"]
        shop.save("lambent.yaml", MANIFEST.replace("back:", "rear:"))
        eventually(lambda: [one for one in session.events if one["event"] == "deployed"][2:])
        assert shop.answer("rear") == "back"
        shop.save("back/app.py", BACK.replace("'back'", "'rear'"))
        assert shop.answers("rear", "rear")
        session.ends()


def test_a_package_that_is_added_to_the_requirements_is_there(shop: Shop) -> None:
    wheel(shop.folder / "wheels", "tiny", files={"tiny_data/answer.txt": "42"})
    with shop.session() as session:
        shop.save("back/requirements.txt", "--no-index\n--find-links ../wheels\ntiny==1.0\n")
        session.told("updated", function="shop-back")
        shop.save("back/app.py", "import tiny\n\ndef handler(event, context):\n    return tiny.__name__\n")
        assert shop.answers("back", "tiny")
        session.ends()


@pytest.mark.parametrize("back_to", [FRONT, FRONT.replace("first", "newest")], ids=["what was", "something new"])
def test_up_makes_straight_what_a_session_left(shop: Shop, platform: LocalPlatform, back_to: str) -> None:
    wanted = "first" if back_to is FRONT else "newest"
    with shop.session() as session:
        shop.save("front/app.py", FRONT.replace("first", "second"))
        session.told("updated", function="shop-front")
        session.ends()
    shop.save("front/app.py", back_to)
    shop.commands.run("up", "--json")
    assert (shop.answer("front"), shop.answer("front", Qualifier="live")) == (wanted, wanted)
    assert "Everything is as it was deployed" in shop.commands.run("diff").stdout
    kept = platform.client("lambda").list_versions_by_function(FunctionName="shop-front")["Versions"]
    assert len(kept) == (2 if back_to is FRONT else 3)


def test_a_session_that_is_killed_is_made_straight_too(shop: Shop) -> None:
    with shop.session() as session:
        shop.save("front/app.py", FRONT.replace("first", "second"))
        session.told("updated", function="shop-front")
    shop.save("front/app.py", FRONT)
    shop.commands.run("up")
    assert shop.answer("front", Qualifier="live") == "first"


def test_down_removes_the_stack_at_the_end(tmp_path: Path, platform: LocalPlatform) -> None:
    shop = Shop(tmp_path, platform)
    with shop.session("--down") as session:
        assert session.ends() == 0
        assert session.told("ended")["removed"] is True
    assert "There is no stack shop" in shop.commands.run("outputs", "--stack", "shop", expect=1).stderr


def test_people_read_one_line_for_each_thing_that_happens(shop: Shop) -> None:
    with shop.commands.begun("dev") as child:
        lines: list[str] = []
        assert child.stdout is not None
        while not any("Watching" in line for line in lines):
            lines.append(child.stdout.readline())
        reader = Thread(target=lines.extend, args=(child.stdout,), daemon=True)
        reader.start()

        def shown(words: str) -> None:
            eventually(lambda: [one for one in lines if words in one])

        shop.save("front/app.py", FRONT.replace("first", "second"))
        shown("shop-front runs front/app.py")
        shop.answer("front", '{"fail": true}')
        shown('→ front/app.py:3 raise ValueError("as asked")')
        child.send_signal(signal.SIGINT)
        assert child.wait(20) == 0
        reader.join(20)
    assert lines[-1] == "Stack shop stays deployed; `lambent down` removes it.\n"


def test_it_is_refused_for_aws(shop: Shop) -> None:
    shop.commands.run("up")
    assert "on the platform here alone" in shop.commands.run("dev", "--target", "aws", expect=2).stderr
