from __future__ import annotations

from pathlib import Path

from tests.recorder.recording import Call
from tests.recorder.store import Entry, Recordings, faults

ENTRY = Entry("AWS", "eu-west-1", "2026-11-21", [Call("lambda.GetFunction", {"FunctionName": "f"}, {"State": None})])


def test_an_entry_is_found_beside_its_module(tmp_path: Path) -> None:
    module = tmp_path / "tests" / "test_x.py"
    file = Recordings(tmp_path).keep(module, "test_a[1]", ENTRY)
    assert file == tmp_path / "tests" / "recorded" / "test_x.json"
    assert Recordings(tmp_path).of(module, "test_a[1]") == ENTRY
    assert Recordings(tmp_path).of(module, "test_a[2]") is None
    assert [each.name for each in file.parent.iterdir()] == ["test_x.json"]


def test_an_entry_replaces_its_older_one_and_leaves_the_others(tmp_path: Path) -> None:
    module = tmp_path / "test_x.py"
    Recordings(tmp_path).keep(module, "test_b", ENTRY)
    Recordings(tmp_path).keep(module, "test_a", ENTRY)
    newer = Entry("AWS", "eu-west-1", "2026-12-01", [])
    file = Recordings(tmp_path).keep(module, "test_b", newer)
    assert Recordings(tmp_path).of(module, "test_a") == ENTRY
    assert Recordings(tmp_path).of(module, "test_b") == newer
    assert file.read_text().index("test_a") < file.read_text().index("test_b")


def test_a_folder_of_ones_own_keeps_the_modules_paths(tmp_path: Path) -> None:
    file = Recordings(tmp_path, tmp_path / "own").keep(tmp_path / "tests" / "a" / "test_x.py", "test_a", ENTRY)
    assert file == tmp_path / "own" / "tests" / "a" / "test_x.json"


def test_what_may_not_stay_is_told(tmp_path: Path) -> None:
    recordings, module = Recordings(tmp_path), tmp_path / "test_x.py"
    recordings.keep(module, "test_a", ENTRY)
    recordings.keep(module, "test_b", Entry("http://127.0.0.1:1", "eu-west-1", "2026-11-21", []))
    recordings.keep(module, "test_gone[1]", ENTRY)
    key = [Call("sts.AssumeRole", {}, {"Credentials": {"AccessKeyId": "ASIAABCDEFGHIJKLMNOP"}})]
    file = recordings.keep(module, "test_c", Entry("AWS", "eu-west-1", "2026-11-21", key))
    told = '{"AWS_ACCESS_KEY_ID":"ASIAABCDEFGHIJKLMNOP"}', '{"AWS_SECRET_ACCESS_KEY": "abc/DEF+123="}', "<secret>"
    said = [Call("lambda.Invoke", {}, {"Payload": text}) for text in told]
    recordings.keep(module, "test_d", Entry("AWS", "eu-west-1", "2026-11-21", said))
    assert list(faults(file, ["test_a", "test_b", "test_c", "test_d"])) == [
        "test_b was asked of http://127.0.0.1:1, which is not AWS",
        "test_c keeps ASIAABCD…, an access key",
        "test_d keeps a secret access key or a token",
        "test_d keeps ASIAABCD…, an access key",
        "test_gone[1] is no test of the module: delete the entry",
    ]
