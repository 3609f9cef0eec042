"""Stacks led through whatever may happen to them: in the end there is exactly what the template says, or nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import TypeVar

import pytest

from lambent.base.identifiers import SeededIds
from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation import repository
from lambent.cloud.services.cloudformation.model.states import STABLE, StackStatus
from tests.unit.cloud.services.cloudformation.bench import Bench, Fields, new_bench

_S = StackStatus
NAMES = "ABCD"
T = TypeVar("T")


class Chance:
    """Decides, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._ids = SeededIds(seed)

    def has_it(self, odds: float) -> bool:
        """Return whether something happens."""
        return self._ids.fraction() < odds

    def number(self, first: int, last: int) -> int:
        """Return one of these numbers."""
        return first + int(self._ids.fraction() * (last - first + 1))

    def choice(self, among: Sequence[T]) -> T:
        """Return one of them."""
        return among[self.number(0, len(among) - 1)]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return them in another order."""
        return sorted(items, key=lambda _: self._ids.fraction())


def drawn(chance: Chance) -> Fields:
    """Return some resources, each of which may need earlier ones; the order of the names is drawn as well."""
    order = chance.shuffled(NAMES)[: chance.number(1, len(NAMES))]
    found: Fields = {}
    for name in order:
        properties: Fields = {"Name": chance.choice("12"), "P": chance.choice("12")}
        if found and chance.has_it(0.6):
            properties["Q"] = {"Fn::GetAtt": [chance.choice(list(found)), "Arn"]}
        found[name] = properties
    return found


def expected(resources: Fields) -> Fields:
    """Return what there should be of a definition."""
    return {name: {**one, **_evaluated(one)} for name, one in sorted(resources.items())}


def _evaluated(properties: Fields) -> Fields:
    return {"Q": f"arn:{properties['Q']['Fn::GetAtt'][0]}"} if "Q" in properties else {}


async def carried_out(bench: Bench, chance: Chance, to: StackStatus, resources: Fields, stack: Fields) -> None:
    """Carry out an operation in which steps fail and the engine ends, as chance has it."""
    verbs = [
        f"{verb} {name}{late}" for name in NAMES for verb, late in (("create", ""), ("update", ""), ("update", " late"))
    ]
    bench.handler.broken = {one for one in verbs if chance.has_it(0.12)}
    bench.handler.points = 0
    bench.handler.cut_at = chance.number(1, 8) if chance.has_it(0.7) else None
    bench.handler.at_work.clear()
    await bench.begin(to, stack=stack, **resources)
    while bench.stack.status.is_in_progress:
        if bench.handler.at_work.is_set():
            bench.handler.at_work.clear()
            bench.handler.cut_at = bench.handler.points + chance.number(1, 8) if chance.has_it(0.4) else None
            await bench.restart()
        if bench.stack.status is _S.UPDATE_IN_PROGRESS and chance.has_it(0.02):
            with suppress(ServiceError):
                await bench.engine.cancel_update(bench.stack.id)
        await bench.turn()


async def brought_to_rest(bench: Bench, chance: Chance) -> None:
    """Take a stack whose update failed to where it is stable, on one of the ways that lead there."""
    while bench.stack.status not in {*STABLE, _S.ROLLBACK_COMPLETE}:
        now = bench.stack.status
        if now is _S.UPDATE_ROLLBACK_FAILED:
            bench.handler.broken, bench.handler.cut_at = set(), None
            await bench.go(_S.UPDATE_ROLLBACK_IN_PROGRESS)
        elif chance.has_it(0.5):
            await carried_out(bench, chance, _S.UPDATE_IN_PROGRESS, drawn(chance), {"disable_rollback": True})
        else:
            bench.handler.broken, bench.handler.cut_at = set(), None
            never = bench.stack.deployed is None
            await bench.go(_S.ROLLBACK_IN_PROGRESS if never else _S.UPDATE_ROLLBACK_IN_PROGRESS)


@pytest.mark.parametrize("seed", range(60))
async def test_wherever_chance_leads_a_stack_nothing_is_lost_or_left(seed: int) -> None:
    chance = Chance(seed)
    bench = await new_bench()
    try:
        preserve = {"disable_rollback": chance.has_it(0.5)}
        await carried_out(bench, chance, _S.CREATE_IN_PROGRESS, drawn(chance), preserve)
        for _ in range(4):
            await brought_to_rest(bench, chance)
            if bench.stack.status is _S.ROLLBACK_COMPLETE:
                assert bench.made() == {}
                break
            deployed = bench.stack.deployed
            assert deployed is not None
            template = json.loads(deployed.body)["Resources"]
            assert bench.made() == expected({name: one["Properties"] for name, one in template.items()})
            assert sorted(bench.rows) == sorted(template)
            assert repository.leftovers(bench.store.read, bench.stack.id) == []
            preserve = {"disable_rollback": chance.has_it(0.5)}
            await carried_out(bench, chance, _S.UPDATE_IN_PROGRESS, drawn(chance), preserve)
        await carried_out(bench, chance, _S.DELETE_IN_PROGRESS, {}, {})
        assert bench.stack.status is _S.DELETE_COMPLETE
        assert bench.made() == {}
    finally:
        await bench.engine.stop()
        await bench.store.close()
