"""Hears what a client asks and is answered, by botocore's own events; the test that uses it notices nothing.

Calls of other threads than the one that made the tape are not kept: in which order they come is chance. Neither are
calls that get no answer, and the events of a stream, which the test reads as they come.
"""

from __future__ import annotations

import copy
import io
import threading
from collections.abc import Mapping
from typing import Any

from botocore.model import OperationModel
from botocore.response import StreamingBody

from tests.recorder.recording import Heard

_ASKED = "tests.recorder asked"


class Tape:
    """The calls of one test, in order."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self._thread = threading.get_ident()

    def attach(self, client: Any) -> None:  # Any: a boto3 client
        """Keep what this client asks and is answered from now on."""
        client.meta.events.register_first("provide-client-params", self._asked)
        # After all that reads or changes an answer.
        client.meta.events.register_last("after-call", self._answered)

    def _asked(self, params: Mapping[str, object], context: dict[str, Any], **_: object) -> None:  # Any: botocore's own
        context[_ASKED] = _kept(params)

    def _answered(
        self,
        parsed: dict[str, Any],  # Any: as AWS's shapes are
        model: OperationModel,
        context: dict[str, Any],  # Any: botocore's own
        **_: object,
    ) -> None:
        if threading.get_ident() != self._thread:
            return
        answer: dict[str, object] = {"HTTPStatusCode": parsed["ResponseMetadata"]["HTTPStatusCode"]}
        for name, value in parsed.items():
            if isinstance(value, StreamingBody):
                answer[name] = content = value.read()
                parsed[name] = rewound(content)
            elif name != "ResponseMetadata":
                answer[name] = value
        service = model.service_model.service_name
        self.heard.append(Heard(f"{service}.{model.name}", context.get(_ASKED, {}), _kept(answer)))


def rewound(content: bytes) -> StreamingBody:
    """Return the body of an answer that can be read once more."""
    return StreamingBody(io.BytesIO(content), len(content))


def _kept(members: Mapping[str, object]) -> dict[str, object]:
    # The test may change what it gave and what it got.
    return {name: _copy(value) for name, value in members.items()}


def _copy(value: object) -> object:
    try:
        return copy.deepcopy(value)
    except TypeError:  # an open file, the events of a stream
        return f"<{type(value).__name__}>"
