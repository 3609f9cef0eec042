"""Archives: the same bytes from every checkout, links kept within, and what cannot be packaged told by its name."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lambent.deploy.errors import DeployError
from lambent.deploy.packaging.archive import ChangedMeanwhileError, Entry, entries, examine, first_changed, write
from tests.requirements import process_environment
from tests.unit.deploy.packaging.making import names, packaged
from tests.unit.deploy.packaging.making import write as put


def test_the_same_content_is_the_same_package_whatever_its_times_and_order(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    put(one, "src/a.py", "src/sub/b.py")
    put(other, "src/sub/b.py", "src/a.py")
    os.utime(other / "src" / "a.py", (0, 0))
    first, second = packaged(one), packaged(other)
    assert first.digest == second.digest
    assert first.path.read_bytes() == second.path.read_bytes()
    assert names(first) == ["a.py", "sub/b.py"]


@pytest.mark.parametrize(("umask", "locale"), [("022", "C"), ("077", "C.UTF-8"), ("000", "de_DE.UTF-8")])
def test_a_checkout_with_any_umask_and_locale_is_the_same_package(tmp_path: Path, umask: str, locale: str) -> None:
    made = (
        f"import os; os.umask(0o{umask})\n"
        "from pathlib import Path\n"
        "from tests.unit.deploy.packaging.making import packaged, write\n"
        f"base = Path({str(tmp_path)!r})\n"
        "write(base, 'src/b.py', 'src/B.py', 'src/ä.py', 'src/run.sh', 'src/deep/z.py')\n"
        "(base / 'src/run.sh').chmod(0o700)\n"
        "print(packaged(base).digest)\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", made],
        env=process_environment(LC_ALL=locale, PYTHONPATH=str(Path.cwd())),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.strip() == "9eccc8d283948aa083beabc261e8455af3c66eaecb5f6cc884224150215b753b"


def test_a_change_of_content_or_of_the_executable_bit_is_another_package(tmp_path: Path) -> None:
    put(tmp_path, "src/a.py")
    first = packaged(tmp_path).digest
    (tmp_path / "src" / "a.py").chmod(0o755)
    second = packaged(tmp_path).digest
    (tmp_path / "src" / "a.py").write_text("2")
    assert len({first, second, packaged(tmp_path).digest}) == 3


def test_modes_become_plain_or_executable(tmp_path: Path) -> None:
    put(tmp_path, "src/plain", "src/run")
    (tmp_path / "src" / "plain").chmod(0o666)
    (tmp_path / "src" / "run").chmod(0o750)
    with zipfile.ZipFile(packaged(tmp_path).path) as archive:
        found = {one.filename: one.external_attr >> 16 for one in archive.infolist()}
    assert found == {"plain": 0o100644, "run": 0o100755}


def test_line_ends_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_bytes(b"a\r\nb\n")
    with zipfile.ZipFile(packaged(tmp_path).path) as archive:
        assert archive.read("a.py") == b"a\r\nb\n"


def test_what_is_ignored_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, *(f"src/{name}" for name in ("a.py", "notes.md", "tests/t.py", "keep.md", "__pycache__/c.py")))
    (tmp_path / "src" / ".lambdaignore").write_text("*.md\r\n!keep.md\n# a comment\n/tests/\n")
    assert names(packaged(tmp_path)) == ["a.py", "keep.md"]


def test_a_link_within_the_folder_stays_a_link_wherever_the_folder_stands(tmp_path: Path) -> None:
    for base in (tmp_path / "one", tmp_path / "other" / "deeper"):
        put(base, "src/lib/real.py", "src/sub/x.py")
        (base / "src" / "sub" / "relative.py").symlink_to("../lib/real.py")
        (base / "src" / "absolute.py").symlink_to(base / "src" / "lib" / "real.py")
        (base / "src" / "folder").symlink_to("lib")
        (base / "src" / "through.py").symlink_to(f"../{(base / 'src').name}/lib/real.py")
    package = packaged(tmp_path / "one")
    assert package.digest == packaged(tmp_path / "other" / "deeper").digest
    with zipfile.ZipFile(package.path) as archive:
        links = {
            one.filename: archive.read(one).decode()
            for one in archive.infolist()
            if stat.S_ISLNK(one.external_attr >> 16)
        }
    assert links == {
        "absolute.py": "lib/real.py",
        "folder": "lib",
        "sub/relative.py": "../lib/real.py",
        "through.py": "lib/real.py",
    }


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "src/a.py", "secret.py")
    (tmp_path / "src" / "out.py").symlink_to(tmp_path / "secret.py")
    with pytest.raises(DeployError, match="leads out of"):
        packaged(tmp_path)
    (tmp_path / "src" / ".lambdaignore").write_text("out.py\n")
    assert names(packaged(tmp_path)) == ["a.py"]


@pytest.mark.parametrize("target", ["nowhere.py", "circle.py"])
def test_a_link_to_nothing_is_refused(tmp_path: Path, target: str) -> None:
    put(tmp_path, "src/a.py")
    (tmp_path / "src" / "circle.py").symlink_to(target)
    with pytest.raises(DeployError, match=r"circle\.py is a link that points to nothing"):
        packaged(tmp_path)


def test_a_link_to_what_is_not_packaged_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "src/a.py", "src/data/big.bin")
    (tmp_path / "src" / "small.bin").symlink_to("data/big.bin")
    (tmp_path / "src" / ".lambdaignore").write_text("data/\n")
    with pytest.raises(DeployError, match=r"small\.bin is a link to data/big\.bin, which is not packaged"):
        packaged(tmp_path)


def test_a_folder_that_links_to_its_parent_is_walked_once(tmp_path: Path) -> None:
    put(tmp_path, "src/a.py", "src/sub/b.py")
    (tmp_path / "src" / "sub" / "up").symlink_to("..")
    assert names(packaged(tmp_path)) == ["a.py", "sub/b.py", "sub/up"]


def test_a_name_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    put(tmp_path, "src/a.py")
    Path(os.fsdecode(os.fsencode(tmp_path / "src") + b"/caf\xe9.py")).write_text("")
    with pytest.raises(DeployError, match=r"The name of caf\\xe9\.py in .* is not UTF-8"):
        packaged(tmp_path)


@contextmanager
def as_nobody() -> Iterator[Path]:
    """Give up root's right to read everything, where we are root; yields a folder that is open to everybody."""
    was_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # its parents, too, are open to everybody
        Path(folder).chmod(0o777)
        if was_root:
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if was_root:
                os.seteuid(0)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_cannot_be_read_is_told(what: str) -> None:
    with as_nobody() as base:
        put(base, "src/a.py", "src/sub/b.py")
        closed = base / "src" / ("a.py" if what == "file" else "sub")
        closed.chmod(0)
        try:
            with pytest.raises(DeployError, match=rf"{closed.name} cannot be read: Permission denied"):
                examine(entries(base / "src"))
        finally:
            closed.chmod(0o700)


def test_a_file_that_changes_while_it_is_packaged_is_told(tmp_path: Path) -> None:
    put(tmp_path, "a.py", "b.py", "c.py")
    files = entries(tmp_path)
    before = examine(files)
    (tmp_path / "b.py").write_text("another")
    after = write(files, tmp_path / "out.zip")
    assert after != before
    assert str(first_changed(files, before, after)) == f"{tmp_path / 'b.py'} changes while it is packaged."


def test_a_file_that_goes_away_while_it_is_packaged_is_told(tmp_path: Path) -> None:
    put(tmp_path, "a.py")
    files = entries(tmp_path)
    (tmp_path / "a.py").unlink()
    with pytest.raises(ChangedMeanwhileError, match=r"a\.py changes while it is packaged"):
        examine(files)


def test_what_is_neither_file_nor_folder_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, "src/a.py")
    os.mkfifo(tmp_path / "src" / "pipe")
    assert names(packaged(tmp_path)) == ["a.py"]


def test_an_empty_folder_has_nothing_to_package(tmp_path: Path) -> None:
    (tmp_path / "src" / "sub").mkdir(parents=True)
    with pytest.raises(DeployError, match="src has nothing to package"):
        packaged(tmp_path)


def test_the_mode_of_one_file_counts_too(tmp_path: Path) -> None:
    put(tmp_path, "run.sh")
    (tmp_path / "run.sh").chmod(0o755)
    assert Entry.of("run.sh", tmp_path / "run.sh").mode == 0o100755
