"""Waiting for the signals of a creation policy: those that came before a restart count."""

from __future__ import annotations

from lambent.base.clock import Clock
from lambent.cloud.services.cloudformation import repository
from lambent.cloud.services.cloudformation.model.creation_policy import missing, outcome
from lambent.cloud.services.cloudformation.resources.contract import ResourceFailedError
from lambent.cloud.services.cloudformation.resources.waiting import Bells, Halt
from lambent.cloud.store.unit_of_work import Store


async def wait_for_signals(  # noqa: PLR0913, PLR0917 - where they are, for whom, how many, and for how long
    store: Store, bells: Bells, clock: Clock, of: tuple[str, str], count: int, until: float, halt: Halt
) -> None:
    """Return once a resource (`of`: its stack's id and its own) has its signals.

    Raises ResourceFailedError when one says FAILURE or the time is over, HaltedError when nobody wants it.
    """
    with bells.heard("/".join(of)) as rung:
        while (found := outcome(signals := repository.signals(store.read, *of), count)) is None:
            rung.clear()
            if not await halt.wait(rung, clock, until):
                raise ResourceFailedError(missing(len(signals), count))
    if found:
        raise ResourceFailedError(found)
