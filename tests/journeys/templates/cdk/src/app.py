"""A function that tells its memory."""

import os


def handler(_event: object, _context: object) -> dict[str, str]:
    """Return the memory that it has, in MB."""
    return {"memory": os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]}  # noqa: TID251 - a function's own surroundings
