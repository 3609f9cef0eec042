"""Fibonacci generator: `{"n": 10}` → the sequence F(0) … F(10), in the shape API Gateway and function URLs expect."""

from __future__ import annotations

import json
import logging
from typing import Any

logger = logging.getLogger()
logger.setLevel(logging.INFO)

MAX_N = 1000  # F(1000) has 209 digits; beyond it an answer is of no use to a caller, only of cost to us


class InvalidInput(ValueError):
    """The event does not ask for a sequence; the message tells the caller what would."""


def parse_n(event: Any) -> int:
    """Return the `n` of an event, or raise InvalidInput."""
    if not isinstance(event, dict) or "n" not in event:
        raise InvalidInput("Missing required parameter: n")
    n = event["n"]
    if isinstance(n, bool) or not isinstance(n, int):
        raise InvalidInput(f"Parameter n must be an integer, not {type(n).__name__}")
    if n < 0:
        raise InvalidInput("Parameter n must be a non-negative integer")
    if n > MAX_N:
        raise InvalidInput(f"Parameter n must be at most {MAX_N}")
    return n


def fibonacci(n: int) -> list[int]:
    """Return F(0) … F(n).

    >>> fibonacci(10)
    [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55]
    """
    sequence = [0, 1]
    while len(sequence) <= n:
        sequence.append(sequence[-1] + sequence[-2])
    return sequence[: n + 1]


def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """Answer 200 with the sequence, or 400 with what is wrong with the request."""
    try:
        n = parse_n(event)
    except InvalidInput as error:
        logger.warning("refused: %s", error)
        return answer(400, {"error": str(error)})
    logger.info("computing the sequence up to F(%d)", n)
    return answer(200, {"n": n, "sequence": fibonacci(n)})


def answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    """Return an HTTP-shaped response with a JSON body."""
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
