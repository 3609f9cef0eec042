"""The face of the language: text in, a checked system or everything that is wrong with it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lambent.base.diagnostics import Diagnostic, has_errors, in_source_order
from lambent.manifest.checks.run import check
from lambent.manifest.credentials import Credentials
from lambent.manifest.overlays import SECTION, Value, overlaid
from lambent.manifest.parameters import chosen, substituted
from lambent.manifest.parse import parse
from lambent.manifest.planton import is_planton, parse_planton
from lambent.manifest.references import check_references
from lambent.manifest.remainder import remainder
from lambent.manifest.sources import Sources
from lambent.manifest.syntax import SyntaxFault, read_all
from lambent.manifest.system import System


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a manifest: its system, unless something hindered, and every finding in source order.

    `credentials` are those that a Planton stack input brings; None means those of the surroundings.
    """

    system: System | None
    diagnostics: tuple[Diagnostic, ...]
    sources: Sources = field(default_factory=Sources)
    credentials: Credentials | None = None

    @property
    def is_sound(self) -> bool:
        """Whether it can be deployed."""
        return self.system is not None and not has_errors(self.diagnostics)


def load(text: str, file: str, *, environment: str | None = None, settings: Mapping[str, str] | None = None) -> Loaded:
    """Read a manifest: syntax, environment, parameters, model, references, AWS's rules."""
    try:
        documents = read_all(text, file)
    except SyntaxFault as fault:
        return Loaded(None, (fault.diagnostic,), Sources(file))
    if is_planton(documents[0][0]):
        system, sources, found, credentials = parse_planton(documents)
        return _examined(system, sources, found, credentials)
    document, sources, found = documents[0]
    if len(documents) > 1:
        found = [*found, several(sources)]
    if environment is None:
        found = [*found, *_in_overlays(document, sources, settings or {})]
    put_in = _put_in(document, environment, sources, settings or {}, found)
    system, problems = parse(put_in, sources)
    found = [*found, *problems]
    if system is None and (left := remainder(put_in)) is not None:
        if left.has_all_sections:
            found += check_references(left.system, sources)
        found += check(left.system, sources, unjudged=left.unjudged)
    return _examined(system, sources, found, None)


def _put_in(
    document: dict[str, Value],
    environment: str | None,
    sources: Sources,
    settings: Mapping[str, str],
    found: list[Diagnostic],
) -> dict[str, Value]:
    """Return the document with an environment's overlay over it and its parameters put in."""
    laid = overlaid(document, environment, sources, found)
    values = chosen(laid.get("parameters"), settings, sources, found)
    kept = {"parameters": laid["parameters"]} if "parameters" in laid else {}
    return {**{key: substituted(value, values) for key, value in laid.items() if key != "parameters"}, **kept}


def _in_overlays(document: dict[str, Value], sources: Sources, settings: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Yield what has not the right form in the overlays, none of which is asked for."""
    environments = document.get(SECTION)
    for name in environments if isinstance(environments, dict) else ():
        own = Sources(sources.file, dict(sources.values), dict(sources.keys))
        shaped: list[Diagnostic] = []
        overlaid(document, name, own, shaped)
        _, problems = parse(_put_in(document, name, own, settings, []), own)
        around = sources.values[SECTION, name]
        yield from (one for one in [*shaped, *problems] if one.span is not None and one.span.is_within(around))


def several(sources: Sources) -> Diagnostic:
    """Return the finding that a manifest has more documents than one."""
    from lambent.base.diagnostics import Severity  # noqa: PLC0415 - beside its one use

    return Diagnostic(
        Severity.ERROR, "syntax", "a manifest is one YAML document", sources.span(), "Take the second `---` out."
    )


def examine(system: System, file: str) -> Loaded:
    """Check a system that was built in Python; its findings have no places."""
    return _examined(system, Sources(file), [], None)


def _examined(
    system: System | None, sources: Sources, found: list[Diagnostic], credentials: Credentials | None
) -> Loaded:
    if system is not None:
        found = [*found, *check_references(system, sources), *check(system, sources)]
    return Loaded(system, tuple(in_source_order(_each_once(found))), sources, credentials)


def _each_once(found: list[Diagnostic]) -> Iterator[Diagnostic]:
    """Yield each finding once: what `defaults` say is found wrong of every function that takes it."""
    seen: set[Diagnostic] = set()
    for one in found:
        # Without a place, two findings that read alike are of two things.
        if one.span is None or one not in seen:
            yield one
        seen.add(one)
