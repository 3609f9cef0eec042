"""Where things stand in a template's document, before its transforms have run.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach-resources.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lambent.template.document import Value

_LOOP = "Fn::ForEach::"


def resources_of(document: Mapping[str, Value]) -> Iterator[tuple[str, dict[str, Value]]]:
    """Yield the resources by their names, as they stand there: also those in loops, whose names have variables.

    >>> loop = ["Name", ["A"], {"F${Name}": {"Type": "T"}}]
    >>> list(resources_of({"Resources": {"Fn::ForEach::Fs": loop, "G": {"Type": "T"}}}))
    [('F${Name}', {'Type': 'T'}), ('G', {'Type': 'T'})]
    """
    yield from _resources(document.get("Resources"))


def _resources(section: Value) -> Iterator[tuple[str, dict[str, Value]]]:
    for name, body in section.items() if isinstance(section, dict) else ():
        if name.startswith(_LOOP):
            yield from _resources(body[-1] if isinstance(body, list) and body else None)
        elif isinstance(body, dict):
            yield name, body
