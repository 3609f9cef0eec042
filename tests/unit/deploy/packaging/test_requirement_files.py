"""Requirements files: includes are read, what is on this machine counts by its content, source is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambent.deploy.errors import DeployError
from lambent.deploy.packaging.requirement_files import read
from tests.unit.deploy.packaging.making import wheel, write


def file(folder: Path, text: str, name: str = "requirements.txt") -> Path:
    """Write a requirements file and return it."""
    write(folder, name, text=text)
    return folder / name


@pytest.mark.parametrize("text", ["", "\n# only a remark\n", "--index-url https://example.org/simple\n", "-c c.txt\n"])
def test_a_file_that_names_nothing_is_empty(tmp_path: Path, text: str) -> None:
    write(tmp_path, "c.txt", text="requests<3")
    assert read(file(tmp_path, text)).is_empty


@pytest.mark.parametrize("option", ["-r ", "-r", "--requirement ", "--requirement=", "-c ", "--constraint="])
def test_what_an_include_says_counts(tmp_path: Path, option: str) -> None:
    write(tmp_path, "sub/more.txt", text="idna==3.1")
    path = file(tmp_path, f"requests==2\n{option}sub/more.txt  # more\n")
    before = read(path)
    write(tmp_path, "sub/more.txt", text="idna==3.2")
    assert read(path).digest != before.digest


def test_an_include_from_elsewhere_names_something(tmp_path: Path) -> None:
    assert not read(file(tmp_path, "-r https://example.org/requirements.txt\n")).is_empty


def test_a_constraint_and_a_requirement_are_not_the_same(tmp_path: Path) -> None:
    write(tmp_path, "more.txt", text="idna==3.1")
    assert read(file(tmp_path, "a\n-r more.txt")).digest != read(file(tmp_path, "a\n-c more.txt")).digest


def test_includes_of_includes_are_relative_to_their_own_file_and_may_go_in_a_circle(tmp_path: Path) -> None:
    write(tmp_path, "sub/one.txt", text="-r two.txt")
    write(tmp_path, "sub/two.txt", text="idna==3.1\n-r one.txt")
    assert not read(file(tmp_path, "-r sub/one.txt")).is_empty


def test_an_include_that_is_not_there_is_told_with_its_line(tmp_path: Path) -> None:
    path = file(tmp_path, "idna \\\n  ==3.1\n\n-r nowhere.txt\n")
    with pytest.raises(DeployError, match=r"requirements\.txt:4: There is no .*nowhere\.txt"):
        read(path)


def test_remarks_and_line_ends_do_not_count(tmp_path: Path) -> None:
    plain = read(file(tmp_path, "idna==3.1\nrequests==2\n")).digest
    assert read(file(tmp_path, "# why\r\nidna==3.1  # so\r\n\r\nrequests==2")).digest == plain


def test_a_wheel_on_this_machine_counts_by_its_content(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "tiny")
    path = file(tmp_path, "./wheels/tiny-1.0-py3-none-any.whl --hash=sha256:0000\n")
    before = read(path).digest
    wheel(tmp_path / "wheels", "tiny", files={"more.py": ""})
    assert read(path).digest != before


def test_a_folder_of_wheels_counts_by_what_is_in_it(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "tiny")
    path = file(tmp_path, "--no-index\n--find-links wheels\ntiny\n")
    before = read(path).digest
    wheel(tmp_path / "wheels", "other")
    assert read(path).digest != before


@pytest.mark.parametrize(
    "line",
    [
        "-e ../shared",
        "--editable=.",
        "./package",
        "package @ file:./package",
        "git+https://example.org/x.git@main",
        "x @ git+ssh://git@example.org/x.git",
        "./x-1.0.tar.gz",
        "https://example.org/x-1.0.zip#sha256=00",
        "x @ https://example.org/x-1.0.tar.gz ; python_version > '3'",
    ],
)
def test_source_is_refused_with_what_to_do(tmp_path: Path, line: str) -> None:
    (tmp_path / "package").mkdir()
    with pytest.raises(DeployError, match=r"requirements\.txt:2: .* source, which would have to be built") as told:
        read(file(tmp_path, f"idna==3.1\n{line}\n"))
    assert "pip wheel" in told.value.advice


def test_asking_for_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="from wheels alone"):
        read(file(tmp_path, "--no-binary :all:\nidna\n"))


def test_a_folder_named_like_a_package_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "idna").mkdir()
    assert not read(file(tmp_path, "idna\n")).is_empty


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DeployError, match="cannot be read"):
        read(tmp_path / "requirements.txt")
