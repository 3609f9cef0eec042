"""What differs from run to run and from account to account becomes a placeholder; what is left can be compared.

The same value gets the same placeholder wherever it stands in a test's calls: that a revision is the one of an earlier
answer is compared, what it is is not. Moments, durations and measured memory have no number: whether two of them are
equal is chance.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import count

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_SECRET = frozenset({
    "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN",
    "AuthorizationToken", "CiphertextBlob", "Plaintext", "SecretAccessKey", "SessionToken",
})  # fmt: skip
# The same within texts: in JSON (itself within JSON, perhaps), in what a shell or Python prints, in a URL.
SECRET_IN_TEXT = re.compile(
    r"(?i)((?:secret_?access_?key|(?:session|security|authorization)[_-]?token)"
    r"\\*[\"']?(?:\s*[:=,]|,?\s+(?=\\*[\"']))\s*\\*[\"']?)[A-Za-z0-9+/=_%.-]{8,}"
)
_LOG = "LogResult"
# Members whose whole value is made anew in every run. Packages differ with the compressor that made them.
_WHOLE = {
    "CodeSha256": "sha256",
    "CodeSize": "size",
    "CodeSizeBytes": "size",
    "Marker": "marker",
    "NextMarker": "marker",
    "NextToken": "marker",
    "ReceiptHandle": "receipt",
}
_LOCATION = "Location"
_DOCUMENTS = frozenset({"AssumeRolePolicyDocument", "Policy", "PolicyDocument", "Statement"})
_FIRST_MILLISECOND_MOMENT = 10**12  # 2001, in milliseconds: counts and sizes stay below
_LONGEST = 8192  # of texts that are kept as they are

_ENDPOINT = r"https?://(?:localhost|127\.0\.0\.1|[\w.-]+\.amazonaws\.com(?:\.cn)?)(?::\d+)?"
_PREFIXES = "acl|ami|cp|csc|eni|i|igw|rtb|sg|subnet|vol|vpc"
# In order: the longer first, so that none takes a part of another's.
_WITH_IDS_IN_THEM: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"https?://[^\s\"]*[?&]X-Amz-Signature=[^\s\"]*"), "<presigned>"),
    (re.compile(r"\bUser: \S+"), "User: <caller>"),
)
_WITH_NUMBERS_IN_THEM: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b\d{4}/\d\d/\d\d(?=/\[)"), "<date>"),
    (re.compile(r"\b1\d{12}\b"), "<moment>"),
    (re.compile(r"(?<=Duration: )[\d.]+(?= ms)"), "<n>"),
    (re.compile(r"(?<=Max Memory Used: )\d+(?= MB)"), "<n>"),
)
_DATE = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?")
# Who has assumed a role: a person's name, often.
_SESSION = re.compile(r"(<id:\d+>):[\w+=,.@-]+")
_NUMBERED = re.compile(
    rf"""
      (?P<url>https?://[a-z0-9]{{32}}\.lambda-url\.[\w.-]+(?::\d+)?)
    | (?P<trace>\b1-[0-9a-f]{{8}}-[0-9a-f]{{24}}\b)
    | (?P<uuid>\b[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}\b)
    | (?P<id>\b(?:AGPA|AIDA|AKIA|ANPA|AROA|ASIA)[A-Z0-9]{{12,}}\b)
    | (?P<hex>\b(?:[0-9a-f]{{64}}|[0-9a-f]{{32}})\b)
    | (?P<resource>\b(?:{_PREFIXES})-(?:[0-9a-f]{{17}}|[0-9a-f]{{8}})\b)
    """,
    re.VERBOSE,
)

_PLACEHOLDER = re.compile(r"<([a-z0-9]+):\d+>")


@dataclass(frozen=True, slots=True)
class Place:
    """Where calls were made, and by whom: told by none of the kept answers."""

    account: str
    region: str
    caller: str = ""

    @property
    def scope(self) -> str:
        """Region and account as they stand in ARNs."""
        return f"{self.region}:{self.account}"

    @property
    def elsewhere(self) -> str:
        """Another region, for tests of what must not be found there."""
        return "us-west-2" if self.region == "eu-west-1" else "eu-west-1"


class Normaliser:
    """Replaces values by placeholders for the calls of one test; it remembers which value got which."""

    __slots__ = ("_first", "_last", "_numbers", "_placeholders")

    def __init__(self, place: Place) -> None:
        caller = re.compile(re.escape(place.caller) if place.caller else r"(?!)")
        self._first = [(caller, "<caller>"), *_WITH_IDS_IN_THEM]
        self._last = [
            *_WITH_NUMBERS_IN_THEM,
            (re.compile(_ENDPOINT), "<endpoint>"),
            (re.compile(rf"(?<!\d){place.account}(?!\d)"), "<account>"),
            (_region(place.region), "<region>"),
            (_region(place.elsewhere), "<elsewhere>"),
        ]
        self._placeholders: dict[tuple[str, str], str] = {}
        self._numbers: dict[str, count[int]] = {}

    def value(self, value: object, member: str = "") -> Json:
        """Return what is kept of a value; `member` is the name it has in the structure around it.

        Members are visited by name: botocore's and AWS's order do not change the placeholders.
        """
        if isinstance(value, Mapping):
            return {str(name): self.value(value[name], str(name)) for name in sorted(value, key=str)}
        if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
            return [self.value(each, member) for each in value]
        return self._scalar(value, member)

    def _scalar(self, value: object, member: str) -> Json:
        if value is None or isinstance(value, bool):
            return value
        if member in _SECRET:
            return "<secret>"
        if member in _WHOLE:
            return self._whole(value, _WHOLE[member])
        if isinstance(value, date | datetime):
            return "<date>"
        if isinstance(value, int | float):
            return value if value < _FIRST_MILLISECOND_MOMENT else _moment(value)
        if isinstance(value, str):
            return self._member_text(value, member)
        return self._text(_readable(value))

    def _whole(self, value: object, kind: str) -> Json:
        # A size of nothing is nothing, and a number is no text.
        expected = int if kind == "size" else str
        if type(value) is not expected:
            return self._placeholder(f"{kind}as{type(value).__name__}", str(value))
        return self._placeholder(kind, str(value)) if value else value

    def _member_text(self, value: str, member: str) -> Json:
        if member == _LOCATION and value.startswith("http"):
            return "<presigned>"
        if member == _LOG:
            return self._text(_readable(_decoded(value)))
        if member in _DOCUMENTS and isinstance(document := _parsed(value), dict):
            return self.value(document)
        return self._text(value)

    def _text(self, text: str) -> str:
        for pattern, placeholder in self._first:
            text = pattern.sub(placeholder, text)
        text = SECRET_IN_TEXT.sub(r"\1<secret>", text)
        # Function URLs name a region, so they come before it.
        text = _NUMBERED.sub(lambda match: self._placeholder(_kind(match), match[0]), text)
        text = _DATE.sub(_date, _SESSION.sub(r"\1:<session>", text))
        for pattern, placeholder in self._last:
            text = pattern.sub(placeholder, text)
        return text if len(text) <= _LONGEST else _digest(text)

    def _placeholder(self, kind: str, value: str) -> str:
        if (kind, value) not in self._placeholders:
            number = next(self._numbers.setdefault(kind, count(1)))
            self._placeholders[kind, value] = f"<{kind}:{number}>"
        return self._placeholders[kind, value]


class Pairing:
    """Knows which placeholder of one test's calls stands for which of another's.

    Numbers tell in which order values appeared: one more member in an answer shifts all that follow. So they are not
    compared; that the same stands for the same is.
    """

    __slots__ = ("_back", "_forth")

    def __init__(self) -> None:
        self._forth: dict[str, str] = {}
        self._back: dict[str, str] = {}

    def same(self, before: str, now: str) -> bool:
        """Whether two texts say the same, and name the same values as the texts compared until now."""
        if _PLACEHOLDER.sub(r"<\1>", before) != _PLACEHOLDER.sub(r"<\1>", now):
            return False
        pairs = [(one[0], other[0]) for one, other in zip(*map(_PLACEHOLDER.finditer, (before, now)), strict=True)]
        agreed = [self._pair(one, other) for one, other in pairs]
        return all(agreed)

    def _pair(self, before: str, now: str) -> bool:
        return self._forth.setdefault(before, now) == now and self._back.setdefault(now, before) == before


def _region(name: str) -> re.Pattern[str]:
    # Or a zone of it.
    return re.compile(rf"(?<![\w-]){name}(?=[a-f]?(?![\w-]))")


def _date(match: re.Match[str]) -> str:
    """Return how a moment is written: its fraction's digits, and its zone."""
    fraction = "." + "f" * len(match[1]) if match[1] else ""
    return f"<date{fraction}{match[2] or ''}>"


def _moment(value: float) -> str:
    return "<moment>" if isinstance(value, int) else "<moment.f>"


def _kind(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    return match[0].partition("-")[0] if kind == "resource" else kind


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:  # a test of what is refused
        return None


def _digest(text: str) -> str:
    return f"{text[:100]}… <{len(text)} characters, sha256 {hashlib.sha256(text.encode()).hexdigest()}>"


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return text.encode()


def _readable(value: object) -> str:
    if not isinstance(value, bytes | bytearray):
        return f"<{type(value).__name__}>"
    try:
        text = bytes(value).decode()
    except UnicodeDecodeError:
        return "<bytes>"
    return "<bytes>" if "\x00" in text else text
