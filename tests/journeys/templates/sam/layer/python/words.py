"""What the functions of the stack share."""


def joined(greeting: str, name: str) -> str:
    """Return a greeting."""
    return f"{greeting}, {name}!"
