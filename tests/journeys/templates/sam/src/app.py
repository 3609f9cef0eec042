"""A function whose words come from a layer."""

import importlib
import os

words = importlib.import_module("words")


def handler(event: dict[str, str], _context: object) -> dict[str, str]:
    """Greet whom the event names."""
    surroundings = os.environ  # noqa: TID251 - a function's own
    return {
        "words": words.joined(surroundings["GREETING"], event["name"]),
        "memory": surroundings["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
        "version": surroundings["AWS_LAMBDA_FUNCTION_VERSION"],
        "queue": surroundings["ORDERS"].rpartition("/")[2].partition("-")[0],
    }
