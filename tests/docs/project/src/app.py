"""The function of the examples."""


def handler(event: dict[str, int], _context: object) -> list[int]:
    """Return the Fibonacci numbers up to F(n)."""
    print("computing")  # noqa: T201 - what a function prints is its log
    sequence = [0, 1]
    while len(sequence) <= event["n"]:
        sequence.append(sequence[-1] + sequence[-2])
    return sequence[: event["n"] + 1]
