"""Compares what a function answered beside others with what it answers alone."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from lambent.insight.migration import answers
from lambent.insight.migration.answers import Difference, Shape
from lambent.insight.migration.candidate import Compute
from lambent.insight.migration.proof import HistoryEffect, WrongAnswer, WrongKind

_ID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-fA-F]{24,64}")
_SHARED_NAME = re.compile(r"/tmp/[^\s'\":,]+")
_THROTTLED = 429
_LONG_TEXT = 100_000  # a file rather than a word: to search each for ids would take longer than to run the function


class Phase(Enum):
    """When an event was sent."""

    FRESH = auto()
    """Alone, to an environment on demand that was asked nothing before."""
    WARM = auto()
    """Alone, to one environment on demand, after others."""
    ALONE = auto()
    """Alone, on Managed Instances."""
    LEVEL = auto()
    """Beside others."""
    AGAIN = auto()
    """As FRESH, because an answer seemed wrong."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller got; `function_error` is the header of that name, `failure` why there was no answer at all."""

    status: int
    payload: bytes
    request_id: str = ""
    trace_root: str = ""
    function_error: str = ""
    failure: str = ""

    @property
    def is_throttled(self) -> bool:
        """Whether there was no room for the request."""
        return self.status == _THROTTLED

    @property
    def is_error(self) -> bool:
        """Whether the caller got anything but an answer of the handler's."""
        return bool(self.failure or self.function_error) or self.status >= 300


@dataclass(frozen=True, slots=True)
class Run:
    """One request: its event's number, when it was sent and what came back; times are monotonic seconds."""

    event: int
    phase: Phase
    compute: Compute
    concurrency: int
    answer: Answer
    started: float
    ended: float


@dataclass(frozen=True, slots=True)
class Met:
    """What a request met at its files, in words; `same_event` says that it was but requests with the same event."""

    cause: str
    same_event: bool = False


@dataclass(slots=True)
class Reference:
    """What an event is answered alone."""

    shape: Shape
    is_error: bool
    history: dict[str, Difference] = field(default_factory=dict)
    by_model: dict[str, Difference] = field(default_factory=dict)
    unsteady: set[str] = field(default_factory=set)
    is_first_only: bool = True
    leaks: bool = False


class Judge:
    """Takes runs in their order and says which answers were wrong.

    `names` and `events` are the sample events. The phases FRESH, WARM and ALONE teach it what is right.
    """

    def __init__(self, names: Sequence[str], events: Sequence[object]) -> None:
        self._names = names
        self._events = events
        self._marks = answers.marks(events)
        self._fresh: dict[int, list[object]] = defaultdict(list)
        self._fresh_errors: dict[int, list[bool]] = defaultdict(list)
        self._warm: dict[int, list[object]] = defaultdict(list)
        self._references: dict[int, Reference] = {}
        self._right: dict[int, set[bytes]] = defaultdict(set)
        self._fixed_ids: dict[int, frozenset[str] | None] = {}
        self._varying: set[str] = set()
        self._historic: set[str] = set()

    def learn(self, runs: Sequence[Run]) -> None:
        """Take what events are answered alone on demand: FRESH first, then WARM."""
        for run in runs:
            if run.phase is Phase.FRESH:
                self._fresh[run.event].append(self.value(run.answer))
                self._fresh_errors[run.event].append(run.answer.is_error)
                if not run.answer.is_error:
                    self._right[run.event].add(run.answer.payload)
        for event, values in self._fresh.items():
            self._references[event] = Reference(answers.learn(values), all(self._fresh_errors[event]))
        self._note_places()
        warm = [run for run in runs if run.phase is Phase.WARM]
        for index, run in enumerate(warm):
            if run.event in self._references and index:
                self._learn_history(run)
        for event, reference in self._references.items():
            is_known = len(self._warm[event]) > 1
            reference.is_first_only = is_known and not reference.leaks and not reference.unsteady
        self._note_places()

    def _note_places(self) -> None:
        """Let what varies, or owes to earlier requests, for one event count for all: few runs show it for each."""
        known = self._references.values()
        self._varying = {answers.place_of(path) for one in known for path in answers.varying(one.shape)}
        self._historic = {answers.place_of(path) for one in known for path in one.history}

    def _learn_history(self, run: Run) -> None:
        reference = self._references[run.event]
        value = self.value(run.answer)
        self._warm[run.event].append(value)
        after = answers.learn(self._warm[run.event])
        for one in self._differences(run, reference):
            reference.history.setdefault(one.path, one)
        unsteady = set(answers.varying(after))
        reference.unsteady |= {path for path in unsteady if path in reference.history}
        reference.leaks = reference.leaks or self._foreign(run) is not None

    def learn_model(self, runs: Sequence[Run]) -> None:
        """Take what events are answered alone on Managed Instances (ALONE)."""
        by_event: dict[int, list[Run]] = defaultdict(list)
        for run in runs:
            if run.event in self._references and not run.answer.is_error:
                by_event[run.event].append(run)
        for event, group in by_event.items():
            reference = self._references[event]
            found = [{one.path: one for one in self._compared(run)} for run in group]
            # What differs now and then is no matter of the model.
            for path in found[0]:
                if all(path in one for one in found):
                    reference.by_model[path] = found[0][path]

    def suspects(self, runs: Sequence[Run]) -> list[int]:
        """Return the events that were answered wrongly, or seem to owe to earlier ones: to be asked AGAIN, alone."""
        wrong = [run.event for run in runs if self.wrong(run) is not None]
        return list(dict.fromkeys([*wrong, *(event for event, one in self._references.items() if one.history)]))

    def learn_again(self, runs: Sequence[Run]) -> None:
        """Take further answers of events alone (AGAIN): what differs there varies by itself."""
        for run in runs:
            reference = self._references[run.event]
            self._fresh[run.event].append(self.value(run.answer))
            reference.shape = answers.learn(self._fresh[run.event])
        self._note_places()
        for reference in self._references.values():
            for path in [path for path in reference.history if answers.place_of(path) in self._varying]:
                del reference.history[path]
        self._note_places()

    @property
    def known(self) -> Sequence[int]:
        """The events whose answers alone are known."""
        return sorted(self._references)

    @property
    def incomparable(self) -> list[str]:
        """Events whose answers are wholly another each time."""
        return [self._names[i] for i, one in self._references.items() if not answers.is_comparable(one.shape)]

    @property
    def failing(self) -> list[str]:
        """Events that fail alone, too."""
        return [self._names[event] for event, one in self._references.items() if one.is_error]

    @property
    def failure(self) -> str:
        """How the first of them fails, in short; "" where none does."""
        first = next((event for event, one in self._references.items() if one.is_error), None)
        value = None if first is None else self._fresh[first][0]
        return str(value["(error)"])[:300] if isinstance(value, dict) else ""

    @property
    def varying(self) -> list[str]:
        """Paths that vary by themselves and are not compared."""
        found = dict.fromkeys(path for one in self._references.values() for path in answers.varying(one.shape))
        return list(found)

    def by_model(self) -> list[str]:
        """Return, in words, what is answered otherwise on Managed Instances even alone."""
        seen: dict[str, str] = {}
        for event, reference in self._references.items():
            for path, one in reference.by_model.items():
                said = f"{path} ({self._names[event]}): {one.expected or 'missing'} on demand, {one.got or 'missing'}"
                seen.setdefault(path, f"{said} on Managed Instances, alone in both")
        return list(seen.values())

    def history(self) -> list[HistoryEffect]:
        """Return, once for each path, how answers depend on what was asked before."""
        found: dict[str, HistoryEffect] = {}
        for event, reference in self._references.items():
            for path, one in reference.history.items():
                first_only = reference.is_first_only
                after = "others" if reference.leaks or len(self._names) > 1 else "itself"
                effect = HistoryEffect(
                    self._names[event], path, one.expected, one.got, after, first_only, reference.leaks
                )
                if path not in found or (found[path].is_first_only and not first_only):
                    found[path] = effect
        return list(found.values())

    def wrong(self, run: Run) -> Difference | None:
        """Return how an answer beside others differs from what it is alone; None where it does not."""
        reference = self._references.get(run.event)
        if reference is None or run.answer.is_throttled:
            return None
        if not run.answer.is_error and run.answer.payload in self._right[run.event]:
            return None  # to the byte: nothing need be taken apart
        if run.compute is Compute.MANAGED_INSTANCES:
            found = next((one for one in self._compared(run) if one.path not in reference.by_model), None)
        else:
            found = next(self._compared(run), None)
        if found is not None:
            return found
        other = self._foreign(run)
        if other is None or any(one.leaks for one in self._references.values()):
            return None
        return Difference("the answer", f"nothing of {self._names[other[0]]}", answers.shown(other[1]))

    def _compared(self, run: Run) -> Iterator[Difference]:
        """Yield how an answer differs in what neither varies by itself nor owes to earlier requests."""
        for one in self._differences(run, self._references[run.event]):
            if answers.place_of(one.path) not in self._historic:
                yield one

    def repeated(self, runs: Sequence[Run]) -> Iterator[tuple[Run, str]]:
        """Yield requests that were answered with an id that another got, where ids are new for each request alone."""
        seen: dict[str, Run] = {}
        for run in runs:
            reference = self._references.get(run.event)
            if reference is None or run.answer.is_error:
                continue
            for one in self._ids(run.event, self.value(run.answer)):
                if one in seen and seen[one] is not run:
                    yield run, one
                seen.setdefault(one, run)

    def _ids(self, event: int, value: object) -> set[str]:
        """Return the ids in an answer that are made for each request: no two warm answers alone shared them."""
        if event not in self._fixed_ids:
            self._fixed_ids[event] = self._learn_ids(event)
        fixed = self._fixed_ids[event]
        return set() if fixed is None else _ids_in(value) - fixed

    def _learn_ids(self, event: int) -> frozenset[str] | None:
        """Return the ids that are not made for each request; None where none are, or it is not known."""
        own = self._warm.get(event, [])
        alone = Counter(one for each in own for one in _ids_in(each))
        if len(own) < 2 or not alone or max(alone.values()) > 1:
            return None
        fixed = {one for each in self._fresh[event] for one in _ids_in(each)}
        return frozenset(fixed | _ids_in(self._events[event]))

    def wrong_answers(
        self, runs: Sequence[Run], collided: Mapping[str, Met], repeated: Sequence[tuple[Run, str]]
    ) -> list[WrongAnswer]:
        """Return the wrong answers, alike ones as one.

        `collided` says where a request's files met another's, under "" what is to be said of all others.
        """
        alike: dict[tuple[object, ...], list[tuple[Run, Difference]]] = defaultdict(list)
        for run in runs:
            one = self.wrong(run)
            if one is not None:
                alike[run.compute, self._kind(run), answers.place_of(one.path)].append((run, one))
        found = [self._told(group, runs, collided) for group in alike.values()]
        found += self._twice(repeated, runs)
        return sorted(found, key=lambda one: (one.compute is Compute.ON_DEMAND, one.concurrency, -one.times))

    def _twice(self, repeated: Sequence[tuple[Run, str]], runs: Sequence[Run]) -> list[WrongAnswer]:
        if not repeated:
            return []
        run, value = repeated[0]
        expected, path = "an id of its own", "an id in the answer"
        cause = "An id that is new for each request alone was given to two: it is kept where requests share it."
        return [
            WrongAnswer(
                self._names[run.event], WrongKind.SAME_ID, run.compute, min(one.concurrency for one, _ in repeated),
                path, expected, value, len(repeated), len(runs), cause,
            )
        ]  # fmt: skip

    def _told(
        self, group: list[tuple[Run, Difference]], runs: Sequence[Run], collided: Mapping[str, Met]
    ) -> WrongAnswer:
        run, one = min(group, key=lambda pair: (pair[0].concurrency, pair[0].started))
        events = {each.event for each, _ in group}
        of = sum(other.event in events and other.compute is run.compute for other in runs)
        met = [collided.get(each.answer.request_id) for each, _ in group]
        cause = next((one.cause for one in met if one is not None), None)
        same_event = all(one is not None and one.same_event for one in met)
        more = len(events) - 1
        name = self._names[run.event] + (f" and {more} other{'s' if more > 1 else ''}" if more else "")
        usual = collided[""].cause if "" in collided else ""
        return WrongAnswer(
            name, self._kind(run), run.compute, run.concurrency, one.path, one.expected, one.got,
            len(group), of, cause or self._cause(run, usual), same_event,
        )  # fmt: skip

    def _kind(self, run: Run) -> WrongKind:
        answer = run.answer
        if answer.failure:
            return WrongKind.NO_ANSWER
        if answer.is_error:
            error_type, message = error_of(answer)
            if error_type == "Runtime.OutOfMemory":
                return WrongKind.MEMORY
            if "Task timed out" in message:
                return WrongKind.TIMEOUT
            return WrongKind.CRASH if error_type == "Runtime.ExitError" else WrongKind.ERROR
        return WrongKind.FOREIGN if self._foreign(run) is not None else WrongKind.VALUE

    def _cause(self, run: Run, usual: str) -> str:
        kind = self._kind(run)
        if "Address already in use" in error_of(run.answer)[1]:
            return _PORT
        if run.compute is Compute.ON_DEMAND:
            return "It came so on demand, too: no matter of the compute type, but of what varies or is shared outside."
        if run.phase is Phase.ALONE and kind is not WrongKind.VALUE:
            return "It fails on Managed Instances even alone: look at the runtime, and at what init does."
        if kind is WrongKind.MEMORY:
            return _CAUSES[kind]
        named = _SHARED_NAME.search(error_of(run.answer)[1]) if kind is WrongKind.ERROR else None
        if named is not None:
            return f"It fails at {named.group()}: a name that all requests of an environment share."
        if usual:
            return usual
        other = self._foreign(run)
        if other is not None:
            return (
                f"The answer holds {answers.shown(other[1])} of {self._names[other[0]]}: requests share state, in a "
                "module variable, a file or a service."
            )
        likeness = self._whose(run)
        if likeness is not None:
            return f"That is what {self._names[likeness]} is answered: requests share state or files."
        return _CAUSES.get(kind, "It depends on what runs beside it in the same execution environment.")

    def _whose(self, run: Run) -> int | None:
        """Return another event whose answer this is, not its own."""
        value = self.value(run.answer)
        for event, reference in self._references.items():
            if event != run.event and not any(True for _ in answers.differences(reference.shape, value)):
                return event
        return None

    def _foreign(self, run: Run) -> tuple[int, str] | None:
        if run.answer.failure:
            return None
        found = answers.foreign(self.value(run.answer), run.event, self._marks)
        if found is None:
            return None
        usual = any(answers.foreign(value, run.event, self._marks) is not None for value in self._fresh[run.event])
        return None if usual else found

    def value(self, answer: Answer) -> object:
        """Return what is compared of an answer: its value, or which error it is."""
        if answer.is_error:
            error_type, message = error_of(answer)
            return {"(error)": f"{error_type}: {message}" if error_type else message}
        return answers.parsed(answer.payload, own_ids(answer))

    def _differences(self, run: Run, reference: Reference) -> Iterator[Difference]:
        value = self.value(run.answer)
        if run.answer.is_error and not reference.is_error and isinstance(value, dict):
            yield Difference("the answer", "an answer", str(value["(error)"])[:300])
            return
        for one in answers.differences(reference.shape, value):
            given = set(answers.texts(self._events[run.event]))
            if answers.place_of(one.path) in self._varying:
                continue
            if answers.is_measurement(one.path) and _is_number(one.got) and one.expected not in given:
                continue
            if answers.is_by_clock(one) and not given.intersection(answers.moments(one.expected)):
                continue
            yield one


def own_ids(answer: Answer) -> dict[str, str]:
    """Return what stands for the ids that a request has of its own."""
    return {answer.request_id: "<request id>", answer.trace_root: "<trace id>"}


def error_of(answer: Answer) -> tuple[str, str]:
    """Return the type and message of an error; without the request's id, which is another each time."""
    if answer.failure:
        return "", answer.failure
    value = answers.parsed(answer.payload, own_ids(answer))
    if not isinstance(value, dict):
        return "", f"status {answer.status}: {answers.shown(value)}"
    message = str(value.get("errorMessage", value.get("Message", value.get("message", ""))))
    # "2026-11-22T03:00:00.000Z <request id> Task timed out after 3.00 seconds", and "RequestId: <request id> Error: …"
    message = message.rpartition("<request id> ")[2] if "<request id>" in message else message
    return str(value.get("errorType", "")), message


_PORT = (
    "It listens on a fixed port, which all requests of an environment share; on AWS an environment on demand has ports "
    "of its own, here they share this machine's."
)
_CAUSES = {
    WrongKind.TIMEOUT: "It takes its whole timeout: a lock that is not given back, or too little CPU.",
    WrongKind.MEMORY: "All workers together take more memory than the function has.",
    WrongKind.CRASH: "The process that served it ended; with it ends one of the environment's workers.",
    WrongKind.NO_ANSWER: "It takes far longer than alone: a lock that is not given back, or too little CPU.",
    WrongKind.ERROR: "It fails beside others only: a file, a lock or a connection that requests share.",
}


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", text) is not None


def _ids_in(value: object) -> set[str]:
    return {found for text in answers.texts(value) if len(text) < _LONG_TEXT for found in _ID.findall(text)}
