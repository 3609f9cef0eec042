"""The value of a parameter against what the template says it may be.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html

What is checked is the value as it was given: for a parameter that names an SSM parameter, that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lambent.template.document import Parameter


def problem(parameter: Parameter, value: str) -> str | None:
    """Return what AWS says of a value that the parameter does not allow; None where it does.

    >>> problem(Parameter("P", "String", max_length=3), "four")
    "Parameter 'P' must contain at most 3 characters"
    """
    found = next(_problems(parameter, value), None)
    if found is None:
        return None
    return f"Parameter '{parameter.name}' {_worded(parameter, found)}"


def items_of(text: str) -> list[str]:
    """Return the items of a list parameter's value, without the blanks around them.

    >>> items_of("a, b")
    ['a', 'b']
    """
    return [one.strip() for one in text.split(",")] if text else []


def _worded(parameter: Parameter, found: str) -> str:
    said = parameter.constraint_description
    return f"failed to satisfy constraint: {said}" if said else found


def _problems(parameter: Parameter, value: str) -> Iterator[str]:
    values = items_of(value) if parameter.is_list and not parameter.is_stored else [value]
    if parameter.allowed_values is not None and any(one not in parameter.allowed_values for one in values):
        yield "must be one of AllowedValues"
    if parameter.allowed_pattern is not None and not re.fullmatch(parameter.allowed_pattern, value):
        yield f"must match pattern {parameter.allowed_pattern}"
    if parameter.min_length is not None and len(value) < parameter.min_length:
        yield f"must contain at least {parameter.min_length} characters"
    if parameter.max_length is not None and len(value) > parameter.max_length:
        yield f"must contain at most {parameter.max_length} characters"
    if parameter.type in {"Number", "List<Number>"}:
        yield from _of_numbers(parameter, values)


def _of_numbers(parameter: Parameter, values: Sequence[str]) -> Iterator[str]:
    for one in values:
        number = _number(one)
        if number is None:
            yield "must be a number." if parameter.type == "Number" else "must be a list of numbers."
        elif parameter.min_value is not None and number < parameter.min_value:
            yield f"must be a number not less than {parameter.min_value:g}"
        elif parameter.max_value is not None and number > parameter.max_value:
            yield f"must be a number not greater than {parameter.max_value:g}"


def _number(text: str) -> float | None:
    # Python's `1_000`, `nan` and `inf` are no numbers to AWS.
    return float(text) if re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", text) else None
