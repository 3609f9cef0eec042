"""The project speaks of itself alone: not of how it came about, nor of the machine it was written on."""

from __future__ import annotations

import re

import pytest

from tests.architecture.sources import kept_files, lines_of
from tests.requirements import ROOT

# Each is about the making of the project; the same words in AWS's sense ("session token", "prompt" of a shell) pass.
_MAKING = re.compile(
    r"""
      \b(?:co)?claude\b(?![\w./-]*(?:bedrock|:\d)) | \banthropic\b | \bchat\s?gpt\b | \bcopilot\b | \bllms?\b
    | \b(?:ai|coding)[ -](?:assistant|agent|generated|written)\b | \bsub-?agents?\b
    | \b(?:this|the|an?|my|our|your)\ (?:coding|earlier|later)\ session\b
    | \b(?:this|last|next|previous|earlier|later|another)\ session\b(?!\ (?:token|key|name|polic|tag|duration))
    | \b(?:see|fixes|closes|for|in|of|per)\ issue\ \#?\d+\b | \bissue\s\#\d+\b
    | \b(?:the|my|your|user's)\ prompt\ (?:says|asks|said|asked|wants|tells)\b
    | \bhelper\ agents?\b | \b(?:BRIEF|ISSUE|STYLE|LAYOUT|FACTS|DESIGN|READINGS)\.md\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
# A developer's own places. System folders that programs look into (/usr, /opt, /tmp, /var/task) are facts of systems.
_PLACES = re.compile(r"(?<![\w.$}-])/(?:root|work|home/\w+|Users/\w+)/")
_MARKS = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
_ITSELF = "tests/architecture/test_words.py"


def _found(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{where}: {match[0]}"
        for path in kept_files()
        if str(path.relative_to(ROOT)) != _ITSELF
        for where, line in lines_of(path)
        if (match := pattern.search(line))
    ]


def test_no_file_speaks_of_how_it_was_made() -> None:
    assert _found(_MAKING) == []


def test_no_file_names_a_place_on_one_machine() -> None:
    assert _found(_PLACES) == []


def test_no_file_puts_work_off() -> None:
    assert _found(_MARKS) == []


@pytest.mark.parametrize(
    "line", ["as issue #12 asks", "in an earlier session we", "written by Claude", "see DESIGN.md"]
)
def test_words_about_the_making_are_seen(line: str) -> None:
    assert _MAKING.search(line)


@pytest.mark.parametrize(
    "line",
    ["an AWS session token", "the role session name", "the shell's prompt", "known issue of pip", "next session token"],
)
def test_words_in_the_senses_of_the_field_pass(line: str) -> None:
    assert not _MAKING.search(line)
