"""Progress of a deployment → lines, and its end → outputs or the first cause."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

from lambent.cli.views import human
from lambent.cli.views.progress import ProgressView
from lambent.deploy.progress import (
    ConnectionLost,
    Progress,
    ResourceDone,
    ResourceStarted,
    StackDone,
    TurnedBack,
)


def follow(events: Iterable[Progress], *, quiet: bool = False) -> StackDone | None:
    """Print what happens on standard error and return the end; None where there was nothing to do."""
    try:
        return _followed(events, quiet=quiet)
    except KeyboardInterrupt:
        human.note("What was begun goes on at the target. Run the same command again to follow it.")
        raise


def _followed(events: Iterable[Progress], *, quiet: bool) -> StackDone | None:
    end: StackDone | None = None
    under_way: dict[str, None] = {}
    with ProgressView() as view:
        for event in events:
            match event:
                case StackDone():
                    end = event
                case ResourceStarted():
                    under_way[event.logical_id] = None
                case ResourceDone():
                    under_way.pop(event.logical_id, None)
                    if not quiet:
                        _resource(view, event)
                case TurnedBack() | ConnectionLost() if not quiet:
                    view.line(human.styled(_told(event), "yellow", sys.stderr))
                case _:
                    pass
            if not quiet:
                view.status(f"  … {', '.join(under_way)}" if under_way else "")
    return end


def _resource(view: ProgressView, event: ResourceDone) -> None:
    verb = "failed" if event.has_failed else event.verb
    view.done(verb, f"{event.logical_id}  {human.styled(event.type, 'dim', sys.stderr)}", event.took_s)
    if event.has_failed:
        view.line(f"      {event.reason}")


def _told(event: TurnedBack | ConnectionLost) -> str:
    if isinstance(event, ConnectionLost):
        return f"  The connection is lost ({event.reason}). The deployment goes on; waiting to follow it again."
    cause = "" if event.cause is None else f" because {event.cause.logical_id} failed"
    return f"  Rolling back{cause}."


def outputs(values: Mapping[str, str]) -> None:
    """Print outputs on standard output, aligned."""
    width = max((len(name) for name in values), default=0)
    for name, value in values.items():
        human.line(f"{name:<{width}}  {value}")


def by_manifest(values: Mapping[str, str], names: Mapping[str, str] | None) -> dict[str, str]:
    """Return outputs by the names that the manifest gives them."""
    known = names or {}
    return {known.get(key, key): value for key, value in values.items()}
